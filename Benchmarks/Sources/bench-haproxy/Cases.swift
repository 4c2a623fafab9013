import BenchSupport
import Dispatch
import Foundation
import Synchronization

/// What a case found: rows of the table on top, and whether each target is met.
struct Row {
    let what: String
    let ours: String
    var original = "–"
    var ratio = "–"
    let target: String
    let isMet: Bool

    var cells: [String] { [what, original, ours, ratio, target, isMet ? "met" : "**NOT met**"] }
}

/// How much is measured.
struct Scale {
    let balancers: Int
    let rounds: Int
    let seconds: Int
    let runtimeChanges: Int
    let loads: Int

    static let full = Scale(balancers: 400, rounds: 15, seconds: 90, runtimeChanges: 500, loads: 50)
    static let quick = Scale(balancers: 40, rounds: 3, seconds: 15, runtimeChanges: 50, loads: 5)
}

extension Bench {
    /// Below the ports that the system gives to connections, of which one or the other would be taken.
    private static let firstPort = 20_000

    /// Changes of one server among many, beside the original's way.
    func changes(_ scale: Scale) throws -> [Row] {
        var balancers = (0..<scale.balancers).map { Balancer(number: $0, port: Self.firstPort + $0) }
        try pass("UPDATE", balancers.map(\.json))
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let original = try OriginalsWay(folder: folder + "/original", text: text, runFolder: runFolder)
        defer { original.stop() }
        let loads = try loads()
        var turn = 0
        func measure(_ what: String, target: Double, _ change: (inout Balancer, Int) -> Void) throws -> Row {
            var (ours, others, ratios) = ([Double](), [Double](), [Double]())
            for _ in 0..<scale.rounds {
                var times: [Double] = []
                for _ in 0..<10 {
                    turn += 1
                    let index = turn * 7 % balancers.count
                    change(&balancers[index], turn)
                    times.append(try pass("CREATE", [balancers[index].json]))
                }
                let other = try original.change()
                ours += times
                others.append(other)
                ratios.append(other / Spread(times).median)
            }
            let ratio = Spread(ratios)
            return Row(
                what: "\(what), job to answer, ms", ours: Spread(ours).text(digits: 2), original: Spread(others).text(digits: 1),
                ratio: "\(ratio.text(digits: 0))", target: "≥ \(Int(target)) times faster", isMet: ratio.median >= target)
        }
        var rows = [
            try measure("weight", target: 50) { $0.nodes[0].weight = $1 % 200 + 20 },
            try measure("drain", target: 50) { balancer, _ in balancer.nodes[1].drains.toggle() },
            try measure("a server added", target: 20) { balancer, turn in
                balancer.nodes.append(("127.0.0.1", 10 + turn, 7, false))
            },
        ]
        let count = try self.loads() - loads
        rows.append(Row(what: "loads of the file meanwhile", ours: "\(count)", target: "0", isMet: count == 0))
        return rows
    }

    /// Many creations at once.
    func creations(_ scale: Scale) throws -> [Row] {
        try pass("UPDATE", [Balancer(number: 0, port: Self.firstPort).json])
        let loads = try loads()
        let count = 200
        let clients = try (0..<count).map { _ in try anotherClient() }
        let function = function
        let failures = Mutex<[String]>([])
        let group = DispatchGroup()
        let start = nanoseconds()
        let ready = DispatchSemaphore(value: 0)
        let go = DispatchSemaphore(value: 0)
        for (number, client) in clients.enumerated() {
            let box = ClientBox(client: client, json: Balancer(number: number + 1, port: Self.firstPort + number + 1).json)
            group.enter()
            Thread.detachNewThread {
                ready.signal()
                go.wait()
                do {
                    let job = #"{"hpcs_action": "CREATE", "loadBalancers": [\#(box.json)]}"#
                    let reply = try box.client.submit(job, to: function)
                    if !reply.contains(#""hpcs_response": "PASS""#) { failures.withLock { $0.append(reply) } }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
                group.leave()
            }
        }
        for _ in clients { ready.wait() }
        for _ in clients { go.signal() }
        group.wait()
        let time = (nanoseconds() - start) / 1e6
        if let failure = failures.withLock({ $0.first }) { throw BenchFailure("a job failed: \(failure)") }
        let made = try self.loads() - loads
        return [
            Row(what: "\(count) CREATE jobs at once, loads of the file", ours: "\(made)", target: "≤ 5", isMet: made <= 5),
            Row(what: "\(count) CREATE jobs at once, all answered, ms", ours: time.text(), target: "–", isMet: true),
        ]
    }

    /// Unchecked because the client is used by one thread alone, that of its job.
    private struct ClientBox: @unchecked Sendable {
        let client: JobClient
        let json: String
    }

    /// Changes and loads while clients ask as much as they can.
    func load(_ scale: Scale) throws -> [Row] {
        let (web, port) = (try startWeb(), Self.firstPort)
        defer { web.stop() }
        var shop = Balancer(number: 0, port: port)
        shop.nodes = (2...7).map { ("127.0.0.\($0)", 19_999, 7, false) }
        try pass("UPDATE", [shop.json])
        let loads = try loads()
        let wrk = try ChildProcess(
            ["wrk", "-t2", "-c32", "-d\(scale.seconds)s", "http://127.0.0.1:\(port)/"], log: folder + "/wrk.log", readsOutput: true)
        var runtime: [Double] = []
        for turn in 1...scale.runtimeChanges {
            switch turn % 4 {
            case 0: shop.nodes[turn / 4 % 5].weight = turn % 200 + 1
            case 1: shop.nodes[5].drains.toggle()
            case 2: shop.nodes.append(("127.0.0.8", 19_999, 7, false))
            default: shop.nodes.removeLast()
            }
            runtime.append(try pass("CREATE", [shop.json]))
            if turn % (scale.runtimeChanges / scale.loads) == 0 {
                try pass(
                    turn / (scale.runtimeChanges / scale.loads) % 2 == 1 ? "CREATE" : "DELETE", [Balancer(number: 1, port: port + 1).json])
            }
        }
        guard wrk.isRunning else { throw BenchFailure("the changes took longer than wrk") }
        let made = try self.loads() - loads
        let (output, status) = wrk.finish()
        guard status == 0 else { throw BenchFailure("wrk ended with \(status): \(output)") }
        try output.write(toFile: folder + "/wrk.txt", atomically: true, encoding: .utf8)
        let lines = output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        let errors = lines.filter { $0.hasPrefix("Socket errors") || $0.hasPrefix("Non-2xx") }
        let requests = lines.first { $0.contains(" requests in ") } ?? "?"
        return [
            Row(
                what: "under wrk: \(requests); \(runtime.count) changes at run time and \(made) loads; failed requests and resets",
                ours: errors.isEmpty ? "0" : errors.joined(separator: "; "), target: "0",
                isMet: errors.isEmpty && made >= scale.loads),
            Row(
                what: "under wrk: a change at run time, job to answer, ms", ours: Spread(runtime).text(digits: 1), target: "–", isMet: true),
        ]
    }

    /// A web server that is fast enough: another haproxy that answers by itself.
    private func startWeb() throws -> ChildProcess {
        let text = """
            defaults
                mode http
                timeout client 60s
                timeout server 60s
                timeout connect 5s
            frontend web
            \((2...8).map { "    bind 127.0.0.\($0):19999" }.joined(separator: "\n"))
                http-request return status 200 content-type text/plain string "hello"

            """
        try text.write(toFile: folder + "/web.cfg", atomically: true, encoding: .utf8)
        let web = try ChildProcess(["haproxy", "-f", folder + "/web.cfg", "-db"], log: folder + "/web.log")
        usleep(300_000)
        guard web.isRunning else { throw BenchFailure("the web server does not start: \(folder)/web.log") }
        return web
    }
}

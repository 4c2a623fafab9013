import BenchSupport
import Dispatch
import Foundation
import Synchronization

/// What is measured.
enum BenchCase: String, CaseIterable {
    case a, b, c, d, e, f, g

    func measure(on bench: Bench) throws -> Section {
        switch self {
        case .a: try bench.reads()
        case .b: try bench.writes()
        case .c: try bench.list()
        case .d: try bench.stream()
        case .e: try bench.memory()
        case .f: try bench.watched()
        case .g: try bench.commandLine()
        }
    }
}

extension Bench {
    /// The processor time of a request, beside a server in C that sends the same bytes.
    func reads() throws -> Section {
        let worker = try start()
        defer { worker.served.stop() }
        try worker.served.pass("CREATE", [loadBalancer(1, nodes: 1, weight: 1)])
        let file = folder + "/body"
        try get("/v1/load-balancers/lb1", of: worker, to: file)
        let plain = try ChildProcess([tools + "/http-bytes", "--file", file], log: folder + "/http-bytes.log", readsOutput: true)
        defer { plain.stop() }
        let address = "http://127.0.0.1:\(plain.readLine() ?? "0")/v1/load-balancers/lb1"
        var (yardstick, ours, ratios) = ([Double](), [Double](), [Double]())
        for _ in 0..<options.count {
            let before = (plain.cpuMicroseconds, worker.served.figures.cpuMicroseconds)
            let first = try wrk(address, seconds: options.scaled(30) / 10)
            let second = try wrk(worker.address + "/v1/load-balancers/lb1", seconds: options.scaled(30) / 10)
            yardstick.append((plain.cpuMicroseconds - before.0) / first.requests)
            ours.append((worker.served.figures.cpuMicroseconds - before.1) / second.requests)
            ratios.append((ours.last ?? 0) / (yardstick.last ?? 1))
        }
        let ratio = Spread(ratios).median
        return Section(
            title: "a. GET of one load balancer, 64 kept connections",
            rows: [
                SummaryRow(
                    what: "a. CPU of the server a GET, µs (yardstick: libmicrohttpd in C, the same bytes)",
                    yardstick: Spread(yardstick).text(digits: 1), ours: Spread(ours).text(digits: 1), ratio: ratio.text(digits: 2),
                    target: "≤ 1.5", isMet: ratio <= 1.5)
            ], body: "The worker also knows the token, finds the route, reads the state and writes the JSON.")
    }

    /// The rate of changes by PUT beside that of jobs.
    func writes() throws -> Section {
        let script = folder + "/put.lua"
        try """
        local n = 0
        request = function()
            n = n + 1
            local id = n % 64
            local body = string.format('{"protocol": "TCP", "port": %d, "nodes": [{"id": "n", "address": "10.0.0.1", "port": 80, "weight": %d}]}',
                20000 + id, math.floor(n / 64) % 200 + 1)
            return wrk.format("PUT", "/v1/load-balancers/put" .. id,
                {["Authorization"] = "Bearer \(Bench.Worker.token)", ["Content-Type"] = "application/json"}, body)
        end
        """.write(toFile: script, atomically: true, encoding: .utf8)
        let worker = try start()
        defer { worker.served.stop() }
        var (byJob, byPut, ratios) = ([Double](), [Double](), [Double]())
        for _ in 0..<options.count {
            byJob.append(try jobs(options.scaled(20_000), of: worker))
            byPut.append(try wrk(worker.address, script: script, seconds: options.scaled(30) / 10).rate)
            ratios.append((byPut.last ?? 0) / (byJob.last ?? 1))
        }
        let ratio = Spread(ratios).median
        return Section(
            title: "b. PUT that changes one node, durable, 64 in flight",
            rows: [
                SummaryRow(
                    what: "b. PUT, changes/s (yardstick: jobs by Gearman, the same worker)", yardstick: Spread(byJob).text(),
                    ours: Spread(byPut).text(), ratio: ratio.text(digits: 2), target: "≥ 0.5", isMet: ratio >= 0.5)
            ], body: "The answer to a PUT is the load balancer as it is then.")
    }

    /// The list of many, and of their metrics, while changes are made.
    func list() throws -> Section {
        let worker = try start(keepsState: false)
        defer { worker.served.stop() }
        let count = options.scaled(10_000)
        for start in stride(from: 0, to: count, by: 500) {
            try worker.served.pass("CREATE", (start..<min(count, start + 500)).map { loadBalancer($0, nodes: 10, weight: 1) })
        }
        var commits: [Double] = []
        for turn in 0..<200 { commits.append(try worker.served.pass("CREATE", [loadBalancer(turn, nodes: 10, weight: 2)])) }
        let (quiet, box) = (Spread(commits), CommitBox(worker.served))
        var (lists, scrapes, delayed) = ([Double](), [Double](), [ClosedRange<Double>]())
        let stolen = try StolenTime()
        defer { stolen.end() }
        for round in 0..<options.scaled(10) {
            for path in ["/v1/load-balancers", "/metrics"] {
                let background = box.begin { self.loadBalancer($0, nodes: 10, weight: round % 100 + 3) }
                let time = try get(path, of: worker)
                delayed += try background()
                if path == "/metrics" { scrapes.append(time) } else { lists.append(time) }
            }
        }
        func milliseconds(_ commits: [ClosedRange<Double>]) -> Spread { Spread(commits.map { ($0.upperBound - $0.lowerBound) / 1e6 }) }
        let measured = delayed.filter { !stolen.affects($0) }
        let delay = milliseconds(measured).most - quiet.median
        func row(_ what: String, _ times: [Double]) -> SummaryRow {
            let spread = Spread(times)
            return SummaryRow(what: what, ours: spread.text(digits: 0), target: "≤ 150", isMet: spread.median <= 150)
        }
        return Section(
            title: "c. \(count) load balancers of 10 nodes",
            rows: [
                row("c. list, ms", lists), row("c. /metrics, ms", scrapes),
                SummaryRow(
                    what: "c. the longest delay of a commit meanwhile, ms", ours: delay.text(digits: 1), target: "≤ 5", isMet: delay <= 5),
            ],
            body: """
                A commit takes \(quiet.text(digits: 2)) ms when nobody reads, and \(milliseconds(measured).text(digits: 2)) ms meanwhile. The
                state is in memory, because some writes of a disk take as long as any delay. Of \(delayed.count) commits
                \(delayed.count - measured.count) are left out, because the host of this virtual machine did not run one of its processors
                (\(stolen.lengths.count) times, for up to \((stolen.lengths.max() ?? 0).text(digits: 1)) ms); with them the longest took
                \(milliseconds(delayed).most.text(digits: 1)) ms.
                """)
    }

    /// Many clients of the event stream.
    func stream() throws -> Section {
        let worker = try start()
        defer { worker.served.stop() }
        let (count, events) = (options.scaled(1000), options.scaled(100))
        try worker.served.pass("CREATE", [loadBalancer(1, nodes: 1, weight: 1)])
        func change() throws -> Double {
            let before = worker.served.figures.cpuMicroseconds
            for turn in 0..<events {
                let start = nanoseconds()
                try worker.served.pass("CREATE", [loadBalancer(1, nodes: 1, weight: turn % 100 + 2)])
                usleep(UInt32(max(0, 100_000 - (nanoseconds() - start) / 1000)))
            }
            return worker.served.figures.cpuMicroseconds - before
        }
        let alone = try change()
        let before = try worker.served.figures.megabytes("VmRSS")
        let clients = try startClients(count, "--events", "\(events)", of: worker)
        let watched = try change()
        let memory = try (worker.served.figures.megabytes("VmRSS") - before) * 1000 / Double(count)
        let (_, status) = clients.finish()
        guard status == 0 else { throw BenchFailure("the clients did not get all events: \(folder)/clients.log") }
        let cost = (watched - alone) / Double(count * events)
        return Section(
            title: "d. The event stream with \(count) clients, 10 events a second",
            rows: [
                SummaryRow(what: "d. CPU a client and event, µs", ours: cost.text(digits: 1), target: "≤ 10", isMet: cost <= 10),
                SummaryRow(what: "d. memory a client, kB", ours: memory.text(digits: 1), target: "≤ 20", isMet: memory <= 20),
            ], body: "Every client was checked to have got every event.")
    }

    /// The memory of a worker with the API and without.
    func memory() throws -> Section {
        var (without, with) = ([Double](), [Double]())
        for _ in 0..<options.count {
            for hasAPI in [false, true] {
                let worker = try start(hasAPI: hasAPI)
                usleep(500_000)
                let size = try worker.served.figures.megabytes("VmRSS")
                if hasAPI { with.append(size) } else { without.append(size) }
                worker.served.stop()
            }
        }
        let more = Spread(with).median - Spread(without).median
        return Section(
            title: "e. Memory with the API idle",
            rows: [
                SummaryRow(
                    what: "e. memory, MB (yardstick: without the API)", yardstick: Spread(without).text(digits: 1),
                    ours: Spread(with).text(digits: 1), ratio: "+ \(more.text(digits: 1))", target: "≤ + 3", isMet: more <= 3)
            ], body: "VmRSS of a worker that does nothing.")
    }

    /// The rate of jobs while the worker is watched.
    func watched() throws -> Section {
        let worker = try start()
        defer { worker.served.stop() }
        var (alone, watched, ratios, shares) = ([Double](), [Double](), [Double](), [Double]())
        _ = try jobs(options.scaled(10_000), of: worker)
        for _ in 0..<options.count {
            alone.append(try jobs(options.scaled(60_000), of: worker))
            let clients = try startClients(100, "--discard", "--scrape", "/metrics", of: worker)
            let (before, start) = (clients.cpuMicroseconds, nanoseconds())
            watched.append(try jobs(options.scaled(60_000), of: worker))
            shares.append((clients.cpuMicroseconds - before) / ((nanoseconds() - start) / 1000) * 100)
            clients.stop()
            ratios.append((watched.last ?? 0) / (alone.last ?? 1))
        }
        let ratio = Spread(ratios).median
        return Section(
            title: "f. Jobs while the worker is watched",
            rows: [
                SummaryRow(
                    what: "f. jobs/s with a scrape a second and 100 stream clients (yardstick: without)", yardstick: Spread(alone).text(),
                    ours: Spread(watched).text(), ratio: ratio.text(digits: 2), target: "≥ 0.95", isMet: ratio >= 0.95)
            ],
            body: """
                The clients have the same processors as the worker, and take \(Spread(shares).text(digits: 1)) % of one. They drop what
                they get.
                """)
    }
}

extension Bench {
    /// How long the command line takes, without a request and with one.
    func commandLine() throws -> Section {
        let worker = try start()
        defer { worker.served.stop() }
        try worker.served.pass("CREATE", [loadBalancer(1, nodes: 1, weight: 1)])
        let control = URL(fileURLWithPath: options.worker).deletingLastPathComponent().path + "/lbaasctl"
        func times(_ command: [String]) throws -> Spread {
            Spread(
                try (0..<options.scaled(100)).map { _ in
                    let start = nanoseconds()
                    let (_, status) = try ChildProcess(command, log: folder + "/lbaasctl.log", readsOutput: true).finish()
                    guard status == 0 else { throw BenchFailure("\(command.joined(separator: " ")) ended with \(status)") }
                    return (nanoseconds() - start) / 1e6
                })
        }
        let (nothing, version) = (try times(["/bin/true"]), try times([control, "--version"]))
        let list = try times([control, "--socket", worker.folder + "/api.sock", "list"])
        return Section(
            title: "g. The command line",
            rows: [
                SummaryRow(
                    what: "g. lbaasctl --version, ms (yardstick: true)", yardstick: nothing.text(digits: 1), ours: version.text(digits: 1),
                    target: "< 10", isMet: version.median < 10),
                SummaryRow(
                    what: "g. lbaasctl list, one load balancer, ms (yardstick: true)", yardstick: nothing.text(digits: 1),
                    ours: list.text(digits: 1)),
            ], body: "From the start of the program to its end. libcurl is loaded by commands that send a request.")
    }
}

/// Has changes made one after the other, by a thread.
///
/// Unchecked because the worker's connection is used by that thread alone while it runs.
private final class CommitBox: @unchecked Sendable {
    private let served: ServedWorker
    private let isOver = Mutex(false)

    init(_ served: ServedWorker) { self.served = served }

    /// Begins; what it returns ends it, and answers from when to when each change was made, by `nanoseconds()`.
    func begin(_ loadBalancer: @escaping @Sendable (Int) -> String) -> () throws -> [ClosedRange<Double>] {
        isOver.withLock { $0 = false }
        let result = Results()
        let thread = Thread { [self] in
            var turn = 0
            do {
                while !isOver.withLock(\.self) {
                    let start = nanoseconds()
                    _ = try served.pass("CREATE", [loadBalancer(turn % 100)])
                    result.add(start...nanoseconds())
                    turn += 1
                }
                result.finish(nil)
            } catch {
                result.finish(error)
            }
        }
        thread.start()
        return { [self] in
            isOver.withLock { $0 = true }
            return try result.all()
        }
    }
}

/// What a thread has measured.
private final class Results: Sendable {
    private let state = Mutex<(times: [ClosedRange<Double>], failure: (any Error)?)>(([], nil))
    private let done = DispatchSemaphore(value: 0)

    func add(_ time: ClosedRange<Double>) { state.withLock { $0.times.append(time) } }

    func finish(_ failure: (any Error)?) {
        state.withLock { $0.failure = failure }
        done.signal()
    }

    func all() throws -> [ClosedRange<Double>] {
        done.wait()
        let (times, failure) = state.withLock { ($0.times, $0.failure) }
        if let failure { throw failure }
        return times
    }
}

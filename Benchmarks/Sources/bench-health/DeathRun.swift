import BenchSupport
import Foundation

/// Nodes that die on a kernel that is booted for it, under the whole program.
struct DeathRun {
    let services: Int
    /// All of them.
    let nodes: Int
    let deaths: Int
    /// How often the worker compares the kernel's table with the committed state, in seconds.
    let resyncInterval: Int
    /// How many of the nodes, the first, die and are checked once a second. The others are checked every ten seconds: ten thousand checks
    /// a second are too many for that kernel's one processor, with its dear system calls.
    private let mortal = 100

    init(services: Int, nodes: Int, deaths: Int, resyncInterval: Int = 30) {
        (self.services, self.nodes, self.deaths, self.resyncInterval) = (services, nodes, deaths, resyncInterval)
    }

    /// As `text` tells it.
    init(_ text: String) throws(BenchFailure) {
        let numbers = text.split(separator: ",").compactMap { Int($0) }
        guard numbers.count == 4 else { throw BenchFailure("\(text) is no services,nodes,deaths,seconds") }
        self.init(services: numbers[0], nodes: numbers[1], deaths: numbers[2], resyncInterval: numbers[3])
    }

    var text: String { "\(services),\(nodes),\(deaths),\(resyncInterval)" }

    private var title: String {
        if services == 1 { return "\(nodes) nodes in one service" }
        return "\(nodes.grouped) nodes in \(services.grouped) services" + (resyncInterval == 1 ? ", compared each second" : "")
    }

    /// The longest that a removal may take, in ms.
    private var most: Double { resyncInterval == 1 ? 3 : 10 }

    /// A small table and large ones, each on a kernel of its own.
    static func section(_ options: Options, programs: String) throws -> Section {
        let deaths = options.scaled(200)
        let runs = [
            DeathRun(services: 1, nodes: 100, deaths: deaths),
            DeathRun(services: options.scaled(1000), nodes: options.scaled(10_000), deaths: deaths),
            DeathRun(services: options.scaled(10_000), nodes: options.scaled(10_000), deaths: options.scaled(100), resyncInterval: 1),
        ]
        let results = try runs.map { try $0.boot(options, programs: programs) }
        let rows = zip(runs, results).flatMap { run, result in
            [("half", 50.0), ("99 of 100", 99), ("all", 100)].map { name, percent in
                let figure = result.found.percentile(percent)
                return SummaryRow(
                    what: "e. \(run.title): out of the kernel's table after the check that found the death, \(name) within, ms",
                    ours: figure.text(digits: 2), target: "< \(run.most.text())", isMet: figure < run.most)
            }
        }
        let head = ["", "deaths"] + ["after the check", "after the death"].flatMap { ["\($0), half within, ms", "99 of 100", "all"] }
        let body = zip(runs, results).map { run, result in
            [run.title, "\(result.found.count)"] + [50, 99, 100].map { result.found.percentile($0).text(digits: 2) }
                + [50, 99, 100].map { result.whole.percentile($0).text() }
        }
        return Section(title: "e. From a node's death to its removal", rows: rows, body: table(head, body))
    }

    /// How long each removal took after the check that found the death, and after the death, in ms.
    private func boot(_ options: Options, programs: String) throws -> (found: [Double], whole: [Double]) {
        say("\(title)\n")
        let boot = ownKernel(options.rig, megabytes: 1024, seconds: 1800)
        let figures = try figures(of: boot + [programs + "/bench-health"] + options.arguments(inside: self))
        func times(_ name: String) throws(BenchFailure) -> [Double] {
            guard let times = figures[name], times.count == deaths else { throw BenchFailure("\(title): not all deaths were measured") }
            return times.map { $0 / 1000 }
        }
        return (try times("found"), try times("whole"))
    }

    /// On the kernel that was booted: prints the figures of each death.
    func measure(_ options: Options, programs: String) throws {
        let device = try ChildProcess(["sh", "-c", "ip link add tap0 type nlmon && ip link set tap0 up"])
        guard device.finish().status == 0 else { throw BenchFailure("there is no device to hear netlink with") }
        try forwardPackets()
        // In memory: nothing else can be written here.
        let folder = (ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp") + "/deaths"
        let worker = try ServedWorker(
            options.worker, driver: "ipvs", connections: 4, folder: folder,
            configuration: "[worker:ipvs]\nresync_interval = \(resyncInterval)\n")
        defer { worker.stop() }
        try worker.pass("CREATE", (0..<services).map(loadBalancer))
        let times = try figures(of: [programs + "/mortal-nodes", "--nodes", "\(nodes)", "--mortal", "\(mortal)", "--deaths", "\(deaths)"])
        for (name, figures) in times {
            for figure in figures { print(name, figure) }
        }
    }

    private func loadBalancer(_ number: Int) -> String {
        let each = nodes / services
        let delay = number * each < mortal ? 1 : 10
        let listed = (number * each..<(number + 1) * each).map { node in
            let place = node + 1
            return #"{"id":"\#(node)","address":"127.1.\#(place >> 8).\#(place & 255)","port":8080,"weight":1}"#
        }
        return #"""
            {"id":"lb\#(number)","protocol":"TCP","address":"10.0.\#((number + 1) >> 8).\#((number + 1) & 255)","port":80,\#
            "monitor":{"type":"CONNECT","delay":\#(delay),"timeout":1,"attempts":1},"nodes":[\#(listed.joined(separator: ","))]}
            """#
    }
}

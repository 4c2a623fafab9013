import BenchSupport
import Foundation

/// What is done on the kernel that was booted: runs programs, and sends what they found.
struct Inside {
    let options: Options
    private let raw: String
    private let myself: String
    /// In memory: nothing else can be written here.
    private let folder = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"

    init(_ options: Options) throws {
        self.options = options
        raw = try programFolder() + "/raw-ipvs"
        myself = try programFolder() + "/bench-ipvs"
    }

    /// Measures all that is asked for; false where something could not be measured.
    func measure() throws -> Bool {
        try forwardPackets()
        try Sample("costs", .raw, figures(of: [raw, "--costs"])).send()
        var isComplete = true
        var done: Set<TableRun> = []
        for benchCase in options.cases {
            say("case \(benchCase)\n")
            do {
                let runs = benchCase.runs(options).filter { done.insert($0).inserted }
                try measurePairs(runs)
                switch benchCase {
                case .a: try ipvsadm(BenchCase.middleTable(options))
                case .c:
                    for run in BenchCase.growingTables(options) { try run.calls(options.driver, .driver, folder: folder).send() }
                case .e: try wholeProgram()
                case .b, .d: break
                }
            } catch {
                isComplete = false
                say("case \(benchCase): \(error)\n")
            }
        }
        return isComplete
    }

    /// The C program and the driver in turn, on one table after the other, and then all again: so what drifts drifts in all of them. Before
    /// that the kernel loads the schedulers.
    private func measurePairs(_ runs: [TableRun]) throws {
        for scheduler in Set(runs.map(\.scheduler)) {
            _ = try TableRun(services: 1, nodes: 1, scheduler: scheduler, rounds: 1).sample(raw, .raw)
        }
        for _ in 0..<options.count {
            for run in runs {
                try run.sample(raw, .raw).send()
                try run.sample(options.driver, .driver).send()
            }
        }
    }

    /// The same table as `ipvsadm` makes it, from its own text of it.
    private func ipvsadm(_ run: TableRun) throws {
        var rules = ""
        for service in 0..<run.services {
            let listener = "10.0.\((service + 1) >> 8).\((service + 1) & 255):80"
            rules += "-A -t \(listener) -s \(run.scheduler)\n"
            for node in 0..<run.nodes {
                let number = service * run.nodes + node + 1
                rules += "-a -t \(listener) -r 172.16.\(number >> 8).\(number & 255):8080 -m -w \(1 + node % 100)\n"
            }
        }
        let file = folder + "/rules"
        try rules.write(toFile: file, atomically: true, encoding: .utf8)
        let script = """
            ip link set lo up && start=$EPOCHREALTIME && ipvsadm --restore <"$1" && end=$EPOCHREALTIME
            echo "fill $((${end/./} - ${start/./}))"
            """
        for _ in 0..<(options.isQuick ? 1 : 2) {
            try Sample(run.name, .ipvsadm, figures(of: ["unshare", "--net", "bash", "-c", script, "bash", file])).send()
        }
    }

    /// Each time a network namespace of its own, and all processes new.
    private func wholeProgram() throws {
        for _ in 0..<min(options.count, 5) {
            let command =
                ["unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", myself] + options.arguments(for: .whole)
            try Sample("whole", .worker, figures(of: command)).send()
        }
    }
}

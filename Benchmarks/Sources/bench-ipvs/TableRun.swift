import BenchSupport
import Foundation

/// A table that `raw-ipvs` and `driver-ipvs` make, list and change.
struct TableRun: Hashable {
    var services: Int
    var nodes: Int
    var scheduler = "wlc"
    /// How often the table is made, each time in a network namespace of its own. In the first round the program's memory is new.
    var rounds = 4
    /// How often the table is listed, in each round.
    var lists = 0
    /// How often a weight is changed, in each round.
    var changes = 0

    /// What tells its samples from those of other runs.
    var name: String { "\(services) x \(nodes) \(scheduler)" }

    private var arguments: [String] {
        [
            "--services", "\(services)", "--nodes", "\(nodes)", "--scheduler", scheduler, "--rounds", "\(rounds)", "--lists", "\(lists)",
            "--changes", "\(changes)",
        ]
    }

    /// Runs a program. Memory that it once had stays with it, as in a worker that runs for long.
    func sample(_ program: String, _ contestant: Contestant) throws -> Sample {
        let memory = "GLIBC_TUNABLES=glibc.malloc.trim_threshold=1000000000:glibc.malloc.mmap_threshold=1000000000"
        return Sample(name, contestant, try figures(of: ["env", memory, program] + arguments))
    }

    /// How many system calls of each name a program makes for each change. The first change is not counted: with it the driver sees that
    /// the host forwards packets.
    func calls(_ program: String, _ contestant: Contestant, folder: String) throws -> Sample {
        func counts(changes: Int) throws -> [String: Double] {
            var run = self
            (run.rounds, run.lists, run.changes) = (1, 0, changes)
            let file = folder + "/calls"
            _ = try figures(of: ["strace", "-f", "-c", "-U", "calls,name", "-o", file, program] + run.arguments)
            return try callCounts(file)
        }
        let changes = 1000
        let base = try counts(changes: 1)
        let calls = try counts(changes: changes + 1).map { ($0, [($1 - (base[$0] ?? 0)) / Double(changes)]) }
        return Sample(name + " calls", contestant, Dictionary(uniqueKeysWithValues: calls))
    }

    /// What `strace -c` wrote.
    private func callCounts(_ file: String) throws -> [String: Double] {
        var counts: [String: Double] = [:]
        for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let count = Double(words[0]), words[1] != "total" { counts[String(words[1])] = count }
        }
        return counts
    }
}

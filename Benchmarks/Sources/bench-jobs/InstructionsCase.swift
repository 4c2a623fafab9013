import BenchSupport
import Foundation

/// The instructions that the worker executes for a job, counted by valgrind: unlike a rate, they do not depend on what else the machine does.
struct InstructionsCase {
    private let jobs = 1920
    private let most = 90_000.0

    func measure(on bench: Bench) throws -> Section {
        let program = try strippedWorker(bench)
        let once = try instructions(jobs, program, on: bench)
        let twice = try instructions(2 * jobs, program, on: bench)
        let each = (twice - once) / Double(jobs)
        let what = "h. Instructions a job of 1 KB, in bursts of 64"
        return Section(
            title: what + ", 1 connection, state on disk",
            rows: [SummaryRow(what: what, ours: each.text(), target: "≤ \(most.text())", isMet: each <= most)],
            body: table(
                ["", bench.workerName],
                [
                    ["\(Double(jobs).text()) jobs, millions of instructions", (once / 1e6).text()],
                    ["\(Double(2 * jobs).text()) jobs, millions of instructions", (twice / 1e6).text()],
                    ["the difference, a job", each.text()],
                ]))
    }

    /// The worker without its debug information, which valgrind cannot read.
    private func strippedWorker(_ bench: Bench) throws -> String {
        let path = "\(bench.folder)/\(bench.newName("stripped"))"
        let status = try ChildProcess(["objcopy", "--strip-debug", bench.options.worker, path]).finish().status
        guard status == 0 else { throw BenchFailure("objcopy ended with \(status)") }
        return path
    }

    /// The instructions of a worker from its start to its end, with so many jobs between.
    private func instructions(_ count: Int, _ program: String, on bench: Bench) throws -> Double {
        let counts = "\(bench.folder)/\(bench.newName("callgrind"))"
        let running = try bench.start(
            .worker, connections: 1, state: .new, program: ["valgrind", "--tool=callgrind", "--callgrind-out-file=\(counts)", program])
        do {
            defer { running.process.stop() }
            _ = try bench.run(Load(ids: 640, inFlight: 64, jobs: count, isBursts: true), on: running)
        }
        let text = try String(contentsOfFile: counts, encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("summary: ") }),
            let total = Double(line.dropFirst("summary: ".count))
        else { throw BenchFailure("\(counts) has no line summary:") }
        return total
    }
}

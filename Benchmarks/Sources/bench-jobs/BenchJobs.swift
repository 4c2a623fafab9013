import BenchSupport

/// Measures a worker beside a C worker that only echoes, and prints a report in Markdown.
@main
struct BenchJobs {
    static func main() { runBenchmark("bench-jobs", usage: Options.usage, options: Options.init, measure: measure) }

    /// False where a case could not be measured.
    private static func measure(_ options: Options) throws -> Bool {
        let bench = try Bench(options)
        let peers = output(of: "gearmand", "--version")?.split(separator: " - ").first ?? "gearmand unknown"
        let machine = machine(programsIn: bench.tools, kernel: "states on \(fileSystem(of: bench.folder))", peers: String(peers))
        var sections: [Section] = []
        var isComplete = true
        for benchCase in options.cases {
            say("case \(benchCase)\n")
            do {
                sections += try benchCase.measure(on: bench)
            } catch {
                isComplete = false
                say("case \(benchCase): \(error)\n")
                sections.append(Section(failed: benchCase.rawValue, because: error))
            }
        }
        let text = report(
            title: "Jobs: \(bench.workerName) beside a C worker that only echoes", command: "scripts/bench jobs", yardstick: "echo",
            ours: bench.workerName, machine: machine, sections)
        try publish(text, to: options.output)
        if isComplete {
            bench.clear()
        } else {
            say("the logs are in \(bench.folder)\n")
        }
        return isComplete
    }
}

import BenchSupport

/// Measures the API of a worker, and prints a report in Markdown.
@main
struct BenchAPI {
    static func main() { runBenchmark("bench-api", usage: Options.usage, options: Options.init, measure: measure) }

    /// False where a case could not be measured.
    private static func measure(_ options: Options) throws -> Bool {
        let bench = try Bench(options)
        let machine = machine(
            programsIn: bench.tools, kernel: "states on \(fileSystem(of: bench.folder))",
            peers: output(of: "gearmand", "--version")?.split(separator: " - ").first.map(String.init) ?? "gearmand unknown")
        var sections: [Section] = []
        var isComplete = true
        for benchCase in options.cases {
            say("case \(benchCase)\n")
            do {
                sections.append(try benchCase.measure(on: bench))
            } catch {
                isComplete = false
                say("case \(benchCase): \(error)\n")
                sections.append(Section(failed: benchCase.rawValue, because: error))
            }
        }
        let text = report(
            title: "The API of a worker", command: "scripts/bench api", yardstick: "yardstick", ours: "lbaas-worker", machine: machine,
            sections)
        try publish(text, to: options.output)
        if isComplete { bench.clear() } else { say("the logs are in \(bench.folder)\n") }
        return isComplete
    }
}

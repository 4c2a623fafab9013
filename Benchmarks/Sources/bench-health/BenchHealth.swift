import BenchSupport

/// Measures the health checker on ten thousand nodes of this host, and beside keepalived, and prints a report in Markdown.
@main
struct BenchHealth {
    static func main() { runBenchmark("bench-health", usage: Options.usage, options: Options.init, measure: measure) }

    /// False where something could not be measured.
    private static func measure(_ options: Options) throws -> Bool {
        let programs = try programFolder()
        let keepalived = output(of: "dpkg-query", "-W", "-f", "${Version}", "keepalived") ?? "unknown"
        let machine = machine(programsIn: programs, kernel: "all over loopback", peers: "keepalived \(keepalived)")
        var isComplete = true
        let sections = options.cases.map { wanted in
            say("case \(wanted.rawValue)\n")
            do {
                return try wanted.measure(options, programs: programs)
            } catch {
                isComplete = false
                return Section(failed: wanted.rawValue, because: error)
            }
        }
        let text = report(
            title: "Health checks: ten thousand nodes, and beside keepalived", command: "scripts/bench health", yardstick: "keepalived",
            ours: "ours", machine: machine, sections)
        try publish(text, to: options.output)
        return isComplete
    }
}

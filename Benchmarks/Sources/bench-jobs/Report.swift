import BenchSupport

/// One line of the table on top.
struct SummaryRow {
    var what: String
    var echo = "–"
    var worker: String
    var ratio = "–"
    var target = "–"
    var isMet: Bool?

    var result: String {
        switch isMet {
        case true: "met"
        case false: "**NOT met**"
        case nil: "–"
        }
    }
}

/// What one measurement has to say.
struct Section {
    var title: String
    var rows: [SummaryRow]
    var body: String
}

/// The whole report.
func report(_ sections: [Section], workerName: String, machine: String) -> String {
    let head = ["", "echo", workerName, "ratio", "target", "result"]
    let rows = sections.flatMap(\.rows).map { [$0.what, $0.echo, $0.worker, $0.ratio, $0.target, $0.result] }
    let details = sections.map { "## \($0.title)\n\n\($0.body)\n" }
    return """
        # Jobs: \(workerName) beside a C worker that only echoes

        Made by `scripts/bench jobs`; what is measured, and how, is in [README.md](README.md). Figures are medians, with the least
        and the most in brackets; a ratio is the median of the ratios of the pairs.

        \(machine)

        \(table(head, rows))

        \(details.joined(separator: "\n"))
        """
}

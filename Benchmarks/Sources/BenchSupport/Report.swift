/// One line of the table on top.
package struct SummaryRow: Sendable {
    /// What was measured, with its unit.
    package var what: String
    /// The figure of the yardstick.
    package var yardstick: String
    /// The figure of what is measured beside it.
    package var ours: String
    package var ratio: String
    package var target = "–"
    package var isMet: Bool?

    package init(what: String, yardstick: String = "–", ours: String, ratio: String = "–", target: String = "–", isMet: Bool? = nil) {
        self.what = what
        self.yardstick = yardstick
        self.ours = ours
        self.ratio = ratio
        self.target = target
        self.isMet = isMet
    }

    fileprivate var result: String {
        switch isMet {
        case true: "met"
        case false: "**NOT met**"
        case nil: "–"
        }
    }
}

/// What one measurement has to say.
package struct Section: Sendable {
    package var title: String
    package var rows: [SummaryRow]
    package var body: String

    package init(title: String, rows: [SummaryRow], body: String) {
        self.title = title
        self.rows = rows
        self.body = body
    }

    /// The section of a case that could not be measured.
    package init(failed name: String, because error: any Error) {
        let title = "\(name). could not be measured"
        self.init(title: title, rows: [SummaryRow(what: title, ours: "–", isMet: false)], body: "```\n\(error)\n```")
    }
}

/// A Markdown table.
package func table(_ head: [String], _ rows: [[String]]) -> String {
    let rule = head.indices.map { $0 == 0 ? "---" : "---:" }
    return ([head, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
}

/// The whole report.
///
/// - Parameter command: the command that makes it.
package func report(
    title: String, command: String, yardstick: String, ours: String, machine: String, _ sections: [Section]
) -> String {
    let head = ["", yardstick, ours, "ratio", "target", "result"]
    let rows = sections.flatMap(\.rows).map { [$0.what, $0.yardstick, $0.ours, $0.ratio, $0.target, $0.result] }
    let details = sections.map { "## \($0.title)\n\n\($0.body)\n" }
    return """
        # \(title)

        Made by `\(command)`; what is measured, and how, is in [README.md](README.md). Figures are medians, with the least
        and the most in brackets; a ratio is the median of the ratios of the pairs.

        \(machine)

        \(table(head, rows))

        \(details.joined(separator: "\n"))
        """
}

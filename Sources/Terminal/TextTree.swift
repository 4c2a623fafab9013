/// A tree of text: a root, and what hangs from it.
package struct TextTree: Equatable, Sendable {
    /// Its text, which may be shown.
    package var label: String
    /// How it stands out.
    package var style: TextStyle
    /// What it says, beside the label; in more than one line where the terminal is narrow.
    package var text: String
    /// What hangs from it.
    package var branches: [TextTree]

    /// A tree of texts of others, made safe.
    package init(_ label: String, _ style: TextStyle = .plain, _ text: String = "", _ branches: [TextTree] = []) {
        self.label = label.safe
        self.style = style
        self.text = text.safe
        self.branches = branches
    }

    /// Its lines. The texts of branches of one parent begin at the same column.
    package func lines(_ traits: DisplayTraits) -> [String] {
        let root = traits.styled(label, style) + (text.isEmpty ? "" : " " + text)
        return [root] + branchLines(traits, indent: "")
    }

    private func branchLines(_ traits: DisplayTraits, indent: String) -> [String] {
        let (fork, last, line) = traits.hasUnicode ? ("├─ ", "└─ ", "│  ") : ("|- ", "`- ", "|  ")
        let width = branches.map(\.label.columns).max() ?? 0
        var lines: [String] = []
        for (place, branch) in branches.enumerated() {
            let isLast = place == branches.count - 1
            let under = indent + (isLast ? "   " : line)
            let pad = String(repeating: " ", count: width - branch.label.columns)
            // At least a few columns are left for the text, however narrow the terminal is.
            let room = traits.columns.map { max(16, $0 - under.columns - width - 2) } ?? .max
            let parts = branch.text.isEmpty ? [] : branch.text.wrapped(to: room)
            let head = indent + (isLast ? last : fork) + traits.styled(branch.label, branch.style)
            lines.append(parts.isEmpty ? head : head + pad + "  " + parts[0])
            let guide = branch.branches.isEmpty ? "" : line
            let blank = String(repeating: " ", count: max(0, width + 2 - guide.columns))
            lines += parts.dropFirst().map { under + guide + blank + $0 }
            lines += branch.branchLines(traits, indent: under)
        }
        return lines
    }
}

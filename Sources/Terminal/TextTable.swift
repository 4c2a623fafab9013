/// A table of text, with columns as wide as what is in them.
package struct TextTable: Equatable, Sendable {
    /// A column.
    package struct Column: Equatable, Sendable {
        /// Its title, in capitals.
        package let title: String
        /// Whether it has numbers, which stand at its right.
        package let isNumber: Bool
        /// Whether it may be cut where the terminal is too narrow. The widest is cut first.
        package let mayShrink: Bool

        /// A column.
        package init(_ title: String, isNumber: Bool = false, mayShrink: Bool = false) {
            (self.title, self.isNumber, self.mayShrink) = (title, isNumber, mayShrink)
        }
    }

    /// A text in a table.
    package struct Cell: Equatable, Sendable {
        /// Its text, which may be shown.
        package let text: String
        /// How it stands out.
        package let style: TextStyle

        /// A text of others, made safe; a dash where there is none.
        package init(_ text: String?, _ style: TextStyle = .plain) {
            let safe = text?.safe ?? ""
            self.text = safe.isEmpty ? "-" : safe
            self.style = style
        }
    }

    /// The columns.
    package let columns: [Column]
    /// The rows, each with as many cells as there are columns.
    package var rows: [[Cell]]

    /// A table.
    package init(_ columns: [Column], _ rows: [[Cell]] = []) { (self.columns, self.rows) = (columns, rows) }

    /// The least that a column is cut to.
    private static let leastWidth = 8

    /// Its lines.
    package func lines(_ traits: DisplayTraits, hasHeader: Bool = true) -> [String] {
        let header = columns.map { Cell($0.title, .bold) }
        let all = (hasHeader ? [header] : []) + rows
        let widths = widths(of: all, within: traits.columns)
        return all.map { cells in
            var line = ""
            for (place, cell) in cells.enumerated() {
                let text = cell.text.fitted(to: widths[place])
                let room = String(repeating: " ", count: max(0, widths[place] - text.columns))
                let shown = traits.styled(text, cell.style)
                // Nothing follows the last column.
                line += columns[place].isNumber ? room + shown : shown + (place == cells.count - 1 ? "" : room)
                if place < cells.count - 1 { line += "  " }
            }
            return line
        }
    }

    private func widths(of rows: [[Cell]], within limit: Int?) -> [Int] {
        var widths = columns.indices.map { place in rows.map { $0[place].text.columns }.max() ?? 0 }
        guard let limit else { return widths }
        var excess = widths.reduce(0, +) + 2 * (columns.count - 1) - limit
        while excess > 0 {
            let shrinkable = columns.indices.filter { columns[$0].mayShrink && widths[$0] > Self.leastWidth }
            guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { break }
            let others = shrinkable.filter { $0 != widest }.map { widths[$0] }
            // Down to the next widest, so that the widest are cut alike.
            let least = max(Self.leastWidth, others.max().map { $0 < widths[widest] ? $0 : $0 - 1 } ?? 0)
            let cut = min(excess, widths[widest] - least)
            widths[widest] -= cut
            excess -= cut
        }
        return widths
    }
}

/// What is shown again and again in place on a terminal.
package struct LiveView {
    private var isShown = false

    /// A view that is not shown yet.
    package init() {}

    /// What a terminal must get for these lines in place of the last ones. Lines below the last of the terminal are left out.
    package mutating func frame(_ lines: [String], _ traits: DisplayTraits) -> String {
        var shown = lines
        if let most = traits.lines, lines.count >= most {
            let left = lines.count - max(0, most - 2)
            shown = lines.prefix(max(0, most - 2)) + ["(\(left) more lines)"]
        }
        // The first time all is cleared; later each line replaces the old one, so that nothing flickers.
        let start = isShown ? "\u{1B}[H" : "\u{1B}[H\u{1B}[2J"
        isShown = true
        return start + shown.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J"
    }
}

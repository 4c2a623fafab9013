/// How a piece of text stands out, where the terminal can show it. It never says what the text does not.
package enum TextStyle: String, Sendable {
    case plain = ""
    case bold = "1"
    case faint = "2"
    case good = "32"
    case warning = "33"
    case bad = "31"
}

/// What the place that is written to can show.
package struct DisplayTraits: Equatable, Sendable {
    /// Its columns; nil where it is no terminal, and so nothing is cut.
    package var columns: Int?
    /// Its lines; nil where it is no terminal.
    package var lines: Int?
    /// Whether there are colours.
    package var hasColour: Bool
    /// Whether there are characters beyond ASCII.
    package var hasUnicode: Bool

    /// What a place can show.
    package init(columns: Int? = nil, lines: Int? = nil, hasColour: Bool = false, hasUnicode: Bool = true) {
        (self.columns, self.lines, self.hasColour, self.hasUnicode) = (columns, lines, hasColour, hasUnicode)
    }

    /// What standard output can show.
    ///
    /// - Parameters:
    ///   - size: of the terminal; nil where it is none. Zero stands for unknown.
    ///   - environment: a variable of the environment; nil where it is not set.
    package init(size: (columns: Int, lines: Int)?, environment: (String) -> String?) {
        if let size {
            columns = size.columns > 0 ? size.columns : environment("COLUMNS").flatMap { Int($0) } ?? 80
            lines = size.lines > 0 ? size.lines : environment("LINES").flatMap { Int($0) } ?? 24
        }
        let isDumb = environment("TERM") == "dumb" || environment("TERM") == nil
        hasColour = size != nil && !isDumb && (environment("NO_COLOR") ?? "").isEmpty
        // The first that is set and not empty counts.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment($0) }.first { !$0.isEmpty } ?? "C"
        let codeset = locale.uppercased()
        hasUnicode = codeset.contains("UTF-8") || codeset.contains("UTF8")
    }

    /// A text with a style.
    package func styled(_ text: String, _ style: TextStyle) -> String {
        hasColour && style != .plain && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}

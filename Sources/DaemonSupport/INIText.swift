/// The text of a configuration file, taken apart: its sections and keys, each with its line, and what is neither.
///
/// A line is `[section]`, `key = value` or `key: value`, a comment that begins with `#` or `;`, or empty. A line that begins with a blank
/// continues the value of the key above it. What follows a blank and a semicolon is a comment. Blanks around names and values do not count.
package struct INIText: Sendable {
    /// What stands in the text.
    package enum Item: Equatable, Sendable {
        /// `[name]`.
        case section(String, line: Int)
        /// `key = value`, with the section that it stands in and, behind the first, the values of its continuation lines.
        case key(String, section: String, values: [Part])
    }

    /// A value, or its continuation on a further line.
    package struct Part: Equatable, Sendable {
        /// The text, without comment and blanks around it.
        package var text: String
        /// The line, counted from 1.
        package var line: Int
    }

    /// What is wrong with a line.
    package struct Problem: Equatable, Sendable {
        /// The line, counted from 1.
        package let line: Int
        /// What is wrong.
        package let sentence: String
    }

    /// The longest line that is read, in bytes.
    package static let longestLine = 65536
    /// How many problems are noted at most: a file of another kind has one on each line.
    private static let mostProblems = 20

    /// The sections and keys, in the order of the text.
    package private(set) var items: [Item] = []
    /// What is wrong with it.
    package private(set) var problems: [Problem] = []
    /// The section of the keys that follow; nil behind the line of a section that cannot be read.
    private var section: String? = ""
    /// Whether a line that begins with a blank continues the last item.
    private var isBehindKey = false

    /// Takes a text apart.
    package init(_ text: [UInt8]) {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let lines = text.dropFirst(text.starts(with: mark) ? mark.count : 0)
            .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where problems.count < Self.mostProblems { take(line, number: index + 1) }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, number: Int) {
        if bytes.count > Self.longestLine {
            return fail(number, "this line has \(bytes.count) bytes, and \(Self.longestLine) are the most that are read")
        }
        if bytes.contains(0) { return fail(number, "this line has a null byte in it") }
        guard let line = String(validating: bytes, as: UTF8.self) else { return fail(number, "this line is not UTF-8 text") }
        let text = Substring(line).trimmed
        if text.isEmpty || text.first == "#" || text.first == ";" { return }
        let isIndented = bytes.first.map(isBlank) ?? false
        if isIndented, isBehindKey, case .key(let key, let section, var values)? = items.last {
            values.append(Part(text: String(text.withoutComment), line: number))
            items[items.count - 1] = .key(key, section: section, values: values)
        } else if text.first == "[" {
            takeSection(text, number: number)
        } else {
            takeKey(text, number: number)
        }
    }

    private mutating func takeSection(_ text: Substring, number: Int) {
        (section, isBehindKey) = (nil, false)
        let content = text.dropFirst()
        let name = content.withoutComment.prefix { $0 != "]" }
        guard name.endIndex < content.endIndex, content[name.endIndex] == "]" else { return fail(number, Self.neither) }
        let rest = content[name.endIndex...].dropFirst().trimmed
        guard rest.isEmpty || rest.first == ";" || rest.first == "#" else {
            return fail(number, "nothing but a comment may follow a [section] on its line")
        }
        section = String(name)
        items.append(.section(String(name), line: number))
    }

    private mutating func takeKey(_ text: Substring, number: Int) {
        guard let key = Self.key(of: text) else { return fail(number, Self.neither) }
        isBehindKey = false
        guard let section else { return }
        let value = text[key.endIndex...].drop { $0 != "=" && $0 != ":" }.dropFirst()
        items.append(.key(String(key), section: section, values: [Part(text: String(value.withoutComment), line: number)]))
        isBehindKey = true
    }

    private mutating func fail(_ line: Int, _ sentence: String) {
        problems.append(Problem(line: line, sentence: sentence))
    }

    private static let neither = "this is neither [section] nor key = value"

    /// The key that a line sets; nil where it sets none.
    package static func key(of line: Substring) -> Substring? {
        let end = line.withoutComment.firstIndex { $0 == "=" || $0 == ":" }
        return end.map { line[..<$0].trimmed }
    }
}

/// Whether a byte is a blank: those of C's `isspace`.
private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }

extension Substring {
    /// The text without the blanks around it.
    fileprivate var trimmed: Substring {
        let text = Substring(utf8.drop(while: isBlank))
        return text.utf8.last.map(isBlank) ?? false ? text.withoutBlankEnd : text
    }

    private var withoutBlankEnd: Substring {
        var end = utf8.endIndex
        while end > utf8.startIndex, isBlank(utf8[utf8.index(before: end)]) { end = utf8.index(before: end) }
        return self[..<end]
    }

    /// The text up to a comment: a semicolon behind a blank, or at the beginning.
    fileprivate var withoutComment: Substring {
        var isBehindBlank = true
        for index in utf8.indices {
            if utf8[index] == UInt8(ascii: ";"), isBehindBlank { return self[..<index].trimmed }
            isBehindBlank = isBlank(utf8[index])
        }
        return trimmed
    }
}

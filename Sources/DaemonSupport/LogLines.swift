package import LBaaS

/// Builds log lines.
///
/// No value can end its line or forge another one: whatever is not plain text is spelled out, in JSON's way also in text lines.
package struct LogLines {
    /// How a line is written.
    package enum Style: Equatable, Sendable {
        /// Time, level, message and fields, for people.
        case text
        /// The same for the journal, which knows the time itself and takes the level from a prefix.
        case journal
        /// One JSON object.
        case json
    }

    private let style: Style
    /// The lines.
    package private(set) var bytes: [UInt8] = []

    /// No lines, of this style.
    package init(_ style: Style) { self.style = style }

    /// Takes the lines out.
    package mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// Takes the lines from a place on out again.
    mutating func remove(from place: Int) { bytes.removeSubrange(place...) }

    /// Appends a line.
    package mutating func append(_ level: LogLevel, _ message: String, _ fields: [Log.Field], at time: Timestamp) {
        switch style {
        case .text:
            append(time)
            append(level.column)
            append(escaping: message, isQuoted: false)
            for field in fields { append(field) }
        case .journal:
            append(level.journalPrefix)
            append(escaping: message, isQuoted: false)
            for field in fields { append(field) }
        case .json:
            append("{\"time\":\"")
            append(time)
            append("\",\"level\":\"")
            append(level.word)
            append("\",\"message\":")
            append(quoted: message)
            for field in fields { append(member: field) }
            append(byte: "}")
        }
        append(byte: "\n")
    }

    /// Appends ` name=value`, with quotes where the value is not one plain word.
    private mutating func append(_ field: Log.Field) {
        append(byte: " ")
        append(name: field.name)
        append(byte: "=")
        let value = field.value
        let isPlainWord = unsafe !value.isEmpty && value.withBytes { unsafe $0.allSatisfy { $0.isPlain && !$0.endsWord } }
        if isPlainWord { append(field.value) } else { append(quoted: field.value) }
    }

    /// Appends a member of a JSON object.
    private mutating func append(member field: Log.Field) {
        let name = field.name.description
        append(byte: ",")
        append(quoted: ["time", "level", "message"].contains(name) ? name + "_" : name)
        append(byte: ":")
        append(quoted: field.value)
    }

    /// Appends a name, which is written in the program and so needs no escapes.
    private mutating func append(name: StaticString) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    private mutating func append(quoted text: String) {
        append(byte: "\"")
        append(escaping: text, isQuoted: true)
        append(byte: "\"")
    }

    /// Appends text, with control characters and line ends spelled out, and between quotes also quotes and backslashes.
    private mutating func append(escaping text: String, isQuoted: Bool) {
        if unsafe text.withBytes({ unsafe $0.allSatisfy { $0.isPlain && !(isQuoted && $0.needsBackslash) } }) { return append(text) }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case "\"" where isQuoted: append("\\\"")
            case "\\" where isQuoted: append("\\\\")
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}": append(escape: scalar.value)
            default: append(String(scalar))
            }
        }
    }

    /// Appends `\u` and four hexadecimal digits.
    private mutating func append(escape value: UInt32) {
        let digits = String(value, radix: 16)
        append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
    }

    private mutating func append(byte character: Unicode.Scalar) { bytes.append(UInt8(ascii: character)) }

    private mutating func append(_ text: String) {
        unsafe text.withBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Appends a time as `2026-11-21T00:43:48.123Z`.
    private mutating func append(_ time: Timestamp) {
        time.append(to: &bytes, separator: "T", fractionDigits: 3)
        append(byte: "Z")
    }
}

extension LogLevel {
    /// The level in a JSON line.
    fileprivate var word: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    /// The level in a text line, with the blanks around it.
    fileprivate var column: String {
        switch self {
        case .debug: " DEBUG "
        case .info: " INFO  "
        case .warning: " WARN  "
        case .error: " ERROR "
        }
    }

    /// The priority of `syslog` that a line in the journal begins with, as in sd-daemon(3).
    fileprivate var journalPrefix: String {
        switch self {
        case .debug: "<7>"
        case .info: "<6>"
        case .warning: "<4>"
        case .error: "<3>"
        }
    }
}

extension UInt8 {
    /// False for the bytes of ASCII's control characters, and for those that begin the control characters and line ends of Unicode:
    /// these are U+0080 to U+009F and U+2028 to U+2029.
    fileprivate var isPlain: Bool { self >= 0x20 && self != 0x7F && self != 0xC2 && self != 0xE2 }

    /// True for what needs a backslash between quotes.
    fileprivate var needsBackslash: Bool { self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\") }

    /// True for what cannot stand in a value without quotes.
    fileprivate var endsWord: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "=") || needsBackslash }
}

import JSON

/// The text of an lbaas.conf.
struct ConfigurationText {
    private(set) var text = ""
    /// The names of sections, each with the number for the next one that is called so.
    private var names: [String: Int] = [:]

    /// Begins a section. A name that is taken gets a number.
    ///
    /// - Parameters:
    ///   - kind: what its name begins with, such as `service:`; empty where `name` is the whole.
    ///   - comment: a line above it.
    mutating func section(_ kind: String, _ name: String, comment: String) {
        let plain = String(
            name.prefix(200).map { $0.isASCII && ($0.isLetter || $0.isNumber || ".:-_".contains($0)) ? $0 : "_" })
        let base = kind + plain
        var unique = base
        var number = names[base] ?? 2
        while names[unique] != nil {
            unique = "\(base)-\(number)"
            number += 1
        }
        names[base] = number
        if unique != base { names[unique] = 2 }
        text += "\n# \(comment)\n[\(unique)]\n"
    }

    /// Adds a line `key = value`, or more where the value has some.
    mutating func add(_ key: String, _ value: String) { text += "\(key) = \(value)\n" }

    /// Adds lines that are comments, behind an empty one where there is something above.
    mutating func comment(_ lines: String...) { text += (text.isEmpty ? "" : "\n") + lines.map { "# \($0)\n" }.joined() }

    /// Whether a value of one line means the same in the file: nothing of it is taken for a comment, or for blanks around it.
    static func isPlain(_ value: String) -> Bool {
        let hasComment = zip(value.utf8, value.utf8.dropFirst()).contains { first, second in
            first == UInt8(ascii: " ") && (second == UInt8(ascii: ";") || second == UInt8(ascii: "#"))
        }
        return !value.isEmpty && value.utf8.count <= 4096 && !hasComment && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            && value.first != " " && value.last != " " && !value.unicodeScalars.contains("\u{FFFD}")
    }

    /// A list of strings as JSON, in which nothing is taken for a comment.
    static func list(_ words: [String]) -> String {
        let json = JSONWriting.list(words.map(JSONWriting.string))
        return json.map { $0 == ";" ? "\\u003b" : $0 == "#" ? "\\u0023" : String($0) }.joined()
    }
}

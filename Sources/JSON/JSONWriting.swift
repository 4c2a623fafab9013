/// Writes values as JSON text.
package enum JSONWriting {
    /// A string in quotes, with what must be escaped escaped.
    package static func string(_ text: String) -> String {
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case _ where scalar.value < 0x20:
                output += "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output + "\""
    }

    /// A list of texts that are JSON already.
    package static func list(_ items: some Sequence<String>) -> String { "[\(items.joined(separator: ", "))]" }

    /// An object of members whose values are JSON already; without those that have none.
    package static func object(_ members: KeyValuePairs<StaticString, String?>) -> String {
        "{" + members.compactMap { name, value in value.map { "\"\(name)\": \($0)" } }.joined(separator: ", ") + "}"
    }
}

import CLinux
import Glibc

// Text that others wrote, as it may be shown: without what a terminal takes for a command.

extension StringProtocol {
    /// The text with each character that a terminal acts on, or that turns the order of others, written as an escape: `\n`, `\x1b`, `\u202e`.
    package var safe: String {
        if unicodeScalars.allSatisfy({ !$0.isUnsafe }) { return String(self) }
        var output = ""
        for scalar in unicodeScalars {
            if scalar.isUnsafe { output += scalar.escape } else { output.unicodeScalars.append(scalar) }
        }
        return output
    }

    /// Lines of text as they may be shown: newlines and tabs stay.
    package var safeLines: String {
        var output = ""
        for scalar in unicodeScalars {
            if scalar.isUnsafe, scalar != "\n", scalar != "\t" { output += scalar.escape } else { output.unicodeScalars.append(scalar) }
        }
        return output
    }

    /// A text of JSON as it may be shown, which means the same: what is unsafe in it stands in strings, or is white space.
    package var safeJSON: String {
        var output = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\n", "\t": output.unicodeScalars.append(scalar)
            // No JSON, or white space.
            case "\r": output += " "
            case _ where scalar.isUnsafe: output += scalar.unicodeEscape
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// How many columns of a terminal the text takes, which has nothing unsafe in it.
    package var columns: Int {
        if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
        _ = hasCharacterTypes
        return unicodeScalars.reduce(0) { $0 + Swift.max(0, Int(wcwidth(Int32(bitPattern: $1.value)))) }
    }

    /// The text for so many columns: cut off, with an ellipsis, where it takes more.
    package func fitted(to width: Int) -> String {
        if columns <= width { return String(self) }
        var output = ""
        var room = width - 1
        for character in self {
            room -= String(character).columns
            if room < 0 { break }
            output.append(character)
        }
        return width < 1 ? "" : output + "…"
    }

    /// The text in lines of so many columns at most, broken at blanks where there are any.
    package func wrapped(to width: Int) -> [String] {
        var lines = [""]
        for word in split(separator: " ", omittingEmptySubsequences: false) {
            let last = lines[lines.count - 1]
            if lines.count == 1, last.isEmpty {
                lines[0] = String(word)
            } else if last.columns + 1 + word.columns <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
            // A word that is longer than a line is broken where it must be.
            while lines[lines.count - 1].columns > Swift.max(1, width) {
                let line = lines[lines.count - 1]
                var (room, head) = (width, 0)
                for character in line {
                    room -= String(character).columns
                    if room < 0, head > 0 { break }
                    head += 1
                }
                if head == line.count { break }
                lines[lines.count - 1] = String(line.prefix(head))
                lines.append(String(line.dropFirst(head)))
            }
        }
        return lines
    }
}

/// `wcwidth` knows characters beyond ASCII in such a locale alone, which Debian always has.
private let hasCharacterTypes = unsafe setlocale(LC_CTYPE, "C.UTF-8") != nil

extension Unicode.Scalar {
    /// Whether a terminal acts on it, or it turns or hides others.
    package var isUnsafe: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0: true
        // Marks and overrides of direction, separators of lines, what has no width, and tags.
        case 0x061C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F: true
        default: false
        }
    }

    fileprivate var escape: String {
        switch self {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case _ where value < 0x100: "\\x" + hexadecimal(digits: 2)
        default: unicodeEscape
        }
    }

    /// As JSON has it: characters beyond 16 bits are two of them.
    fileprivate var unicodeEscape: String {
        if value < 0x10000 { return "\\u" + hexadecimal(digits: 4) }
        return UTF16.encode(self)?.map { "\\u" + String($0, radix: 16) }.joined() ?? ""
    }

    private func hexadecimal(digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
    }
}

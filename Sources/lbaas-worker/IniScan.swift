@unsafe @preconcurrency import CInih
import Glibc

/// One walk of libinih over the text of a configuration file.
///
/// libinih neither tells its handler the line of a key, nor that a section without keys went by. So this object hands it the lines
/// one by one and knows for each of its calls which line it means.
final class IniScan {
    /// What stands in the file.
    enum Item: Equatable {
        /// `[name]`.
        case section(String, line: Int)
        /// `key = value`, with the section that it stands in and, behind the first, the values of its continuation lines.
        case key(String, section: String, values: [Part])
    }

    /// A value, or its continuation on a further line.
    struct Part: Equatable {
        var text: String
        var line: Int
    }

    /// What is wrong with the text.
    struct Problem: Error, Equatable {
        let line: Int
        let sentence: String
    }

    /// The longest line that is read, in bytes.
    static let longestLine = 65536

    private let text: [UInt8]
    private var next = 0
    private var line = 0
    private var current: ArraySlice<UInt8> = []
    /// Whether libinih took the current line for a key or a continuation.
    private var isTaken = false
    private var problem: Problem?
    private var items: [Item] = []

    /// libinih keeps its options in global variables. They are set once, before the first walk.
    private static let isConfigured: Bool = {
        // A buffer on the heap with room for the longest line, its end and a null: lines are never split.
        ini_use_stack = false
        ini_initial_alloc = Int32(longestLine) + 3
        ini_max_line = ini_initial_alloc
        ini_stop_on_first_error = true
        return true
    }()

    private init(_ text: [UInt8]) { self.text = text }

    /// The sections and keys of a text, in its order.
    static func items(of text: [UInt8]) throws(Problem) -> [Item] {
        precondition(isConfigured)
        let scan = IniScan(text)
        // The callbacks get the object unretained; it lives until `ini_parse_stream` returns, and they are not called afterwards.
        let pointer = unsafe Unmanaged.passUnretained(scan).toOpaque()
        let answer = withExtendedLifetime(scan) { unsafe ini_parse_stream(readIniLine, pointer, takeIniKey, pointer) }
        if let problem = scan.problem { throw problem }
        if answer != 0 { throw Problem(line: scan.line, sentence: "this is neither [section] nor key = value") }
        return scan.items
    }

    /// The next line, without its end; nil behind the last one, and where the walk shall end because something is wrong.
    func nextLine() -> ArraySlice<UInt8>? {
        // That libinih asks for a line means that it was content with the one before.
        if !isTaken { noteSection() }
        guard problem == nil, next < text.count else { return nil }
        let end = text[next...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
        current = text[next..<end]
        next = end + 1
        line += 1
        isTaken = false
        if current.count > Self.longestLine {
            fail("this line has \(current.count) bytes, and \(Self.longestLine) are the most that are read")
        } else if current.contains(0) {
            fail("this line has a null byte in it")
        } else if String(validating: current, as: UTF8.self) == nil {
            fail("this line is not UTF-8 text")
        }
        return problem == nil ? current : nil
    }

    /// Takes a key, or the continuation of the one above.
    func take(section: String, key: String, value: String) {
        isTaken = true
        // libinih's rule: behind a key of the same section, a line that begins with a blank continues its value.
        let isIndented = current.first.map(Self.isBlank) ?? false
        if isIndented, case .key(let above, section, var values)? = items.last {
            values.append(Part(text: Self.withoutComment(value), line: line))
            items[items.count - 1] = .key(above, section: section, values: values)
        } else {
            items.append(.key(key, section: section, values: [Part(text: value, line: line)]))
        }
    }

    /// If the current line, which no key came from, is a section, notes it.
    private func noteSection() {
        let start = current.drop(while: Self.isBlank)
        guard start.first == UInt8(ascii: "["), let end = start.firstIndex(of: UInt8(ascii: "]")) else { return }
        let rest = start[end...].dropFirst().drop(while: Self.isBlank)
        guard rest.isEmpty || rest.first == UInt8(ascii: ";") || rest.first == UInt8(ascii: "#") else {
            fail("nothing but a comment may follow a [section] on its line")
            return
        }
        items.append(.section(String(decoding: start[..<end].dropFirst(), as: UTF8.self), line: line))
    }

    private func fail(_ sentence: String) {
        problem = Problem(line: line, sentence: sentence)
    }

    /// What libinih's `isspace` takes for a blank.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }

    /// A continuation without the comment at its end, which libinih leaves there though it takes it from the key's own line.
    private static func withoutComment(_ text: String) -> String {
        var isAfterBlank = false
        for index in text.indices {
            if text[index] == ";", isAfterBlank { return String(text[..<index]) }
            isAfterBlank = text[index].isWhitespace
        }
        return text
    }
}

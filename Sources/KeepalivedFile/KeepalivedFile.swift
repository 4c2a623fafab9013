/// A statement of a keepalived.conf: its words and, where it has braces, what is in them.
package struct KeepalivedStatement: Sendable, Equatable {
    /// The line that it begins on, from 1.
    package let line: Int
    /// Its words without their quotes; at least one.
    package let words: [String]
    /// The statements in its braces, in their order; nil where it has none.
    package internal(set) var block: [KeepalivedStatement]?

    /// Its first word.
    var keyword: String { words[0] }

    /// The words behind the first.
    var values: ArraySlice<String> { words.dropFirst() }
}

/// The statements of a keepalived.conf(5). What they mean is not looked at.
///
/// Definitions `$NAME=VALUE` are put in where they are used. Files that are included are not read: `include` is a statement as any other.
package struct KeepalivedFile: Sendable, Equatable {
    /// Why a text has no such statements.
    package struct Failure: Error, Equatable {
        /// The line, from 1.
        package let line: Int
        /// What is wrong, in a sentence without its end.
        package let sentence: String
    }

    /// The most bytes of a file.
    package static let longestFile = 4 << 20
    /// The most bytes of a line with the values of its definitions.
    static let longestLine = 1 << 16
    /// The most bytes of all lines with the values of their definitions.
    static let longestText = 16 << 20
    /// The most braces in braces.
    static let deepest = 16

    /// The statements that are in no braces.
    package let statements: [KeepalivedStatement]

    /// Reads a text of at most `longestFile` bytes.
    package init(_ text: [UInt8]) throws(Failure) {
        if text.count > Self.longestFile { throw Failure(line: 1, sentence: "the file has more than \(Self.longestFile) bytes") }
        var definitions = Definitions()
        var reader = StatementReader()
        var size = 0
        for (line, bytes) in LogicalLines(text) {
            if try definitions.define(bytes, line) { continue }
            let whole = try definitions.filledIn(bytes, line)
            size += whole.count
            if size > Self.longestText { throw Definitions.tooLong(line) }
            try reader.read(LineWords(whole).tokens, line)
        }
        statements = try reader.end()
    }
}

/// The lines of a text, each with its number; one that ends with a backslash is continued by the next.
private struct LogicalLines: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>
    private var line = 0

    init(_ text: [UInt8]) { rest = text[...] }

    mutating func next() -> (line: Int, bytes: [UInt8])? {
        if rest.isEmpty { return nil }
        let first = line + 1
        var bytes: [UInt8] = []
        repeat {
            line += 1
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var part = rest[..<end]
            rest = rest[end...].dropFirst()
            if part.last == UInt8(ascii: "\r") { part.removeLast() }
            let isContinued = part.last == UInt8(ascii: "\\")
            bytes += isContinued ? part.dropLast() + [UInt8(ascii: " ")] : part
            if !isContinued { break }
        } while !rest.isEmpty
        return (first, bytes)
    }
}

/// The definitions `$NAME=VALUE` of a file.
private struct Definitions {
    static func tooLong(_ line: Int) -> KeepalivedFile.Failure {
        KeepalivedFile.Failure(line: line, sentence: "the values of the definitions ($NAME) make the text too long")
    }

    private var values: [String: [UInt8]] = [:]

    /// Takes a line where it is a definition; false where it is none.
    mutating func define(_ bytes: [UInt8], _ line: Int) throws(KeepalivedFile.Failure) -> Bool {
        let text = bytes.drop { isBlank($0) }
        guard text.first == UInt8(ascii: "$") else { return false }
        let name = text.dropFirst().prefix { isOfName($0) }
        let rest = text[name.endIndex...].drop { isBlank($0) }
        guard !name.isEmpty, rest.first == UInt8(ascii: "=") else { return false }
        values[String(decoding: name, as: UTF8.self)] = try filledIn(Array(rest.dropFirst().drop { isBlank($0) }), line)
        return true
    }

    /// A line with the values in place of `$NAME` and `${NAME}`. One that is not defined stays as it is.
    func filledIn(_ bytes: [UInt8], _ line: Int) throws(KeepalivedFile.Failure) -> [UInt8] {
        let limit = max(KeepalivedFile.longestLine, bytes.count)
        var output: [UInt8] = []
        var rest = bytes[...]
        while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
            output += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            let isBraced = rest.first == UInt8(ascii: "{")
            let name = (isBraced ? rest.dropFirst() : rest).prefix { isOfName($0) }
            let end = rest[name.endIndex...].first == UInt8(ascii: "}") ? name.endIndex + 1 : name.endIndex
            if let value = values[String(decoding: name, as: UTF8.self)], !isBraced || end > name.endIndex {
                output += value
                rest = rest[(isBraced ? end : name.endIndex)...]
            } else {
                output.append(UInt8(ascii: "$"))
            }
            if output.count > limit { throw Self.tooLong(line) }
        }
        output += rest
        if output.count > limit { throw Self.tooLong(line) }
        return output
    }
}

/// What a line is made of.
struct LineWords {
    enum Token: Equatable {
        case word(String)
        case open
        case close
    }

    private(set) var tokens: [Token] = []
    private var word: [UInt8]?

    /// The words of a line. `#` and `!` begin a comment; quotes hold what is between them together.
    init(_ line: [UInt8]) {
        var quote: UInt8?
        var previous: UInt8 = 0
        var bytes = line.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case quote: quote = nil
            case UInt8(ascii: "\\"):
                if let next = bytes.next() { append(next) }
            case _ where quote != nil: append(byte)
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                quote = byte
                word = word ?? []
            case UInt8(ascii: "#"), UInt8(ascii: "!"):
                end()
                return
            case _ where isBlank(byte): end()
            // A name in braces that is not defined stays one word.
            case UInt8(ascii: "{") where previous != UInt8(ascii: "$"): end(with: .open)
            case UInt8(ascii: "}") where !(word?.contains(UInt8(ascii: "{")) ?? false): end(with: .close)
            default: append(byte)
            }
            previous = byte
        }
        end()
    }

    /// The words of a text, without what stands for braces.
    static func words(_ text: String) -> [String] {
        LineWords(Array(text.utf8)).tokens.compactMap { if case .word(let word) = $0 { word } else { nil } }
    }

    private mutating func append(_ byte: UInt8) {
        word = word ?? []
        word?.append(byte)
    }

    private mutating func end(with token: Token? = nil) {
        if let word { tokens.append(.word(String(decoding: word, as: UTF8.self))) }
        if let token { tokens.append(token) }
        word = nil
    }
}

/// Makes statements of lines of words.
private struct StatementReader {
    /// What is not closed yet: the statements that have been read in it, with that whose braces it is. The first is the file.
    private var open: [(statement: KeepalivedStatement?, block: [KeepalivedStatement])] = [(nil, [])]

    mutating func read(_ tokens: [LineWords.Token], _ line: Int) throws(KeepalivedFile.Failure) {
        var words: [String] = []
        for token in tokens {
            switch token {
            case .word(let word): words.append(word)
            case .open:
                take(&words, line)
                guard let statement = open[open.count - 1].block.popLast(), statement.block == nil else {
                    throw KeepalivedFile.Failure(line: line, sentence: "there is nothing that this brace belongs to")
                }
                if open.count > KeepalivedFile.deepest {
                    throw KeepalivedFile.Failure(line: line, sentence: "more than \(KeepalivedFile.deepest) braces are open")
                }
                open.append((statement, []))
            case .close:
                take(&words, line)
                guard open.count > 1, let (statement, block) = open.popLast(), var statement else {
                    throw KeepalivedFile.Failure(line: line, sentence: "this brace closes nothing")
                }
                statement.block = block
                open[open.count - 1].block.append(statement)
            }
        }
        take(&words, line)
    }

    private mutating func take(_ words: inout [String], _ line: Int) {
        if !words.isEmpty { open[open.count - 1].block.append(KeepalivedStatement(line: line, words: words)) }
        words = []
    }

    func end() throws(KeepalivedFile.Failure) -> [KeepalivedStatement] {
        if let statement = open[open.count - 1].statement {
            throw KeepalivedFile.Failure(line: statement.line, sentence: "the braces of '\(statement.keyword)' are not closed")
        }
        return open[0].block
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

private func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
    default: false
    }
}

import HostSystem

/// Structured fields (RFC 8941), as far as the fields of signatures need them: dictionaries of byte sequences and of lists.
///
/// They are read more strictly than that: a name that is there twice is refused, as what two programs could read in two ways, and so are
/// numbers with a fraction, which no signature has. Each list has `StructuredField.limit` elements at most.
enum StructuredField {
    /// The most members, items and parameters in one place.
    static let limit = 32

    /// A value without parameters.
    enum Value: Hashable {
        case integer(Int)
        /// Printable ASCII.
        case string(String)
        case token(String)
        case bytes([UInt8])
        case boolean(Bool)

        /// The text of a string; nil where it is something else.
        var string: String? { if case .string(let text) = self { text } else { nil } }
        /// An integer; nil where it is something else.
        var integer: Int? { if case .integer(let number) = self { number } else { nil } }

        /// It in the form of RFC 8941, section 4.1.
        var text: String {
            switch self {
            case .integer(let number): String(number)
            case .string(let text): "\"\(text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined())\""
            case .token(let text): text
            case .bytes(let bytes): ":\(Base64.encode(bytes)):"
            case .boolean(let isTrue): isTrue ? "?1" : "?0"
            }
        }
    }

    /// Names with values, in their order.
    struct Parameters: Hashable {
        fileprivate(set) var names: [String] = []
        fileprivate(set) var values: [Value] = []

        /// Parameters in an order.
        init(_ pairs: KeyValuePairs<String, Value> = [:]) { (names, values) = (pairs.map(\.key), pairs.map(\.value)) }

        var isEmpty: Bool { names.isEmpty }

        /// The value of a name; nil where there is none.
        subscript(name: String) -> Value? { names.firstIndex(of: name).map { values[$0] } }

        var text: String { zip(names, values).map { $1 == .boolean(true) ? ";\($0)" : ";\($0)=\($1.text)" }.joined() }
    }

    /// A value with parameters.
    struct Item: Hashable {
        var value: Value
        var parameters = Parameters()

        var text: String { value.text + parameters.text }
    }

    /// Items with parameters of the whole.
    struct List: Hashable {
        var items: [Item]
        var parameters = Parameters()

        var text: String { "(\(items.map(\.text).joined(separator: " ")))\(parameters.text)" }
    }

    /// What a name of a dictionary has.
    enum Member: Hashable {
        case item(Item)
        case list(List)
    }

    /// Why a text is no dictionary.
    struct Fault: Error, Equatable {
        /// What is wrong, and behind how many bytes.
        let sentence: String
    }

    /// Reads a dictionary, whose names are in the order of the text.
    static func dictionary(_ text: String) throws(Fault) -> [(name: String, member: Member)] {
        var reader = Reader(text)
        return try reader.dictionary()
    }
}

/// Reads a text from its beginning to its end.
private struct Reader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private func fault(_ what: String) -> StructuredField.Fault { StructuredField.Fault(sentence: "\(what) behind \(place) bytes") }

    /// Passes a byte over where it is the next.
    private mutating func pass(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        place += 1
        return true
    }

    private mutating func skip(_ isSkipped: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let rest = bytes[place...].prefix(while: isSkipped)
        place += rest.count
        return rest
    }

    private mutating func skipBlanks() { _ = skip { $0 == 0x20 } }
    private mutating func skipBlanksAndTabs() { _ = skip { $0 == 0x20 || $0 == 0x09 } }

    mutating func dictionary() throws(StructuredField.Fault) -> [(name: String, member: StructuredField.Member)] {
        var members: [(name: String, member: StructuredField.Member)] = []
        skipBlanks()
        while next != nil {
            let name = try name()
            if members.contains(where: { $0.name == name }) { throw fault("there is a second \(name)") }
            if members.count == StructuredField.limit { throw fault("there are more than \(StructuredField.limit) members") }
            if pass("=") {
                members.append((name, next == UInt8(ascii: "(") ? .list(try list()) : .item(try item())))
            } else {
                members.append((name, .item(StructuredField.Item(value: .boolean(true), parameters: try parameters()))))
            }
            skipBlanksAndTabs()
            if next == nil { break }
            guard pass(",") else { throw fault("a comma is missing") }
            skipBlanksAndTabs()
            if next == nil { throw fault("a member is missing") }
        }
        return members
    }

    private mutating func name() throws(StructuredField.Fault) -> String {
        guard let first = next, isSmall(first) || first == UInt8(ascii: "*") else { throw fault("a name is missing") }
        return String(decoding: skip { isSmall($0) || isDigit($0) || Array("_-.*".utf8).contains($0) }, as: UTF8.self)
    }

    private mutating func list() throws(StructuredField.Fault) -> StructuredField.List {
        guard pass("(") else { throw fault("a list is missing") }
        var list = StructuredField.List(items: [])
        while true {
            skipBlanks()
            if pass(")") { break }
            if list.items.count == StructuredField.limit { throw fault("there are more than \(StructuredField.limit) items") }
            list.items.append(try item())
            guard next == 0x20 || next == UInt8(ascii: ")") else { throw fault("the end of a list is missing") }
        }
        list.parameters = try parameters()
        return list
    }

    private mutating func item() throws(StructuredField.Fault) -> StructuredField.Item {
        let value = try value()
        return StructuredField.Item(value: value, parameters: try parameters())
    }

    private mutating func parameters() throws(StructuredField.Fault) -> StructuredField.Parameters {
        var parameters = StructuredField.Parameters()
        while pass(";") {
            skipBlanks()
            let name = try name()
            if parameters[name] != nil { throw fault("there is a second \(name)") }
            if parameters.names.count == StructuredField.limit { throw fault("there are more than \(StructuredField.limit) parameters") }
            parameters.values.append(pass("=") ? try value() : .boolean(true))
            parameters.names.append(name)
        }
        return parameters
    }

    private mutating func value() throws(StructuredField.Fault) -> StructuredField.Value {
        switch next {
        case UInt8(ascii: "\"")?: return .string(try string())
        case UInt8(ascii: ":")?: return .bytes(try byteSequence())
        case UInt8(ascii: "?")?:
            place += 1
            if pass("1") { return .boolean(true) }
            if pass("0") { return .boolean(false) }
            throw fault("?0 or ?1 is missing")
        case let byte? where isDigit(byte) || byte == UInt8(ascii: "-"): return .integer(try integer())
        case let byte? where isLetter(byte) || byte == UInt8(ascii: "*"): return .token(String(decoding: skip(isOfToken), as: UTF8.self))
        default: throw fault("a value is missing")
        }
    }

    private mutating func integer() throws(StructuredField.Fault) -> Int {
        let isNegative = pass("-")
        let digits = skip(isDigit)
        guard (1...15).contains(digits.count), next != UInt8(ascii: ".") else {
            throw fault("a number is not a whole one of 1 to 15 digits")
        }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return isNegative ? -number : number
    }

    private mutating func string() throws(StructuredField.Fault) -> String {
        place += 1
        var text: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            place += 1
            guard byte == UInt8(ascii: "\\") else {
                if byte < 0x20 || byte >= 0x7F { throw fault("a string has a byte that is not printable ASCII") }
                text.append(byte)
                continue
            }
            guard let escaped = next, escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") else {
                throw fault("a string has a \\ without a quote or a \\")
            }
            text.append(escaped)
            place += 1
        }
        guard pass("\"") else { throw fault("the end of a string is missing") }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func byteSequence() throws(StructuredField.Fault) -> [UInt8] {
        place += 1
        let text = String(decoding: skip { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        guard pass(":"), let bytes = Base64.decode(text) else { throw fault("bytes are not base64 between two colons") }
        return bytes
    }
}

private func isSmall(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
private func isLetter(_ byte: UInt8) -> Bool { isSmall(byte | 0x20) }

private func isOfToken(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || Array("!#$%&'*+-.^_`|~:/".utf8).contains(byte)
}

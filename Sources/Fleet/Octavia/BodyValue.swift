import JSON
import LBaaS

/// A value of a body.
indirect enum BodyValue: Equatable {
    case null
    case flag(Bool)
    /// As it is spelled.
    case number(String)
    case text(String)
    case list([BodyValue])
    case object([Member])

    /// A member of an object.
    struct Member: Equatable {
        let name: String
        let value: BodyValue
    }

    init(_ value: JSONValue) {
        if let text = value.string {
            self = .text(text)
        } else if let flag = value.boolean {
            self = .flag(flag)
        } else if value.isNumber {
            self = .number(value.spelling)
        } else if value.isArray {
            self = .list(value.elements.map(BodyValue.init))
        } else if value.isObject {
            self = .object(value.members.map { Member(name: $0.name.string ?? "", value: BodyValue($0.value)) })
        } else {
            self = .null
        }
    }

    /// Reads a body.
    init(body: [UInt8]) throws(OctaviaFault) {
        guard let tokenizer = JSONTokenizer() else { throw OctaviaFault(503, "there is no memory for a request", retryAfter: 1) }
        do throws(JSONTextError) {
            self = try tokenizer.withDocument(unsafe body.span.bytes) { BodyValue($0.root) }
        } catch {
            throw OctaviaFault(400, "Invalid input: the body is not JSON: \(error.reason)")
        }
    }

    /// As messages show it.
    var shown: String {
        switch self {
        case .null: "None"
        case .flag(let flag): flag ? "True" : "False"
        case .number(let text): text
        case .text(let text): text.utf8.count > 100 ? "\(text.prefix(100))…" : text
        case .list: "[...]"
        case .object: "{...}"
        }
    }
}

/// The members of an object, of which all names are known.
struct Fields {
    private var values: [String: BodyValue] = [:]
    private let path: String

    /// - Parameters:
    ///   - path: what the names are told behind; empty, or with a point at the end.
    ///   - known: the names that there can be.
    init(_ value: BodyValue, at path: String = "", known: Set<String>) throws(OctaviaFault) {
        guard case .object(let members) = value else {
            let name = path.isEmpty ? "body" : String(path.dropLast())
            throw .input(name, value.shown, "Value should be an object")
        }
        self.path = path
        for member in members {
            guard known.contains(member.name) else { throw OctaviaFault(400, "Unknown attribute: \(path)\(member.name.prefix(100))") }
            values[member.name] = member.value
        }
    }

    /// The object that is the one member of a body.
    static func root(_ body: [UInt8], _ name: String, known: Set<String>) throws(OctaviaFault) -> Fields {
        let root = try Fields(BodyValue(body: body), known: [name])
        guard let value = root.values[name], value != .null else { throw .input(name, "None", "Mandatory field missing.") }
        return try Fields(value, at: "", known: known)
    }

    /// Whether there is a member, perhaps null.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// A member that is not null.
    subscript(name: String) -> BodyValue? {
        guard let value = values[name], value != .null else { return nil }
        return value
    }

    /// Whether a member says something: it is not null, false, empty or -1.
    func says(_ name: String) -> Bool {
        switch values[name] {
        case nil, .null?, .flag(false)?, .text("")?, .list([])?, .object([])?, .number("-1")?, .number("0")?: false
        default: true
        }
    }

    func fault(_ name: String, _ reason: String) -> OctaviaFault { .input(path + name, values[name]?.shown ?? "None", reason) }

    private func needed<Value>(_ name: String, _ value: Value?) throws(OctaviaFault) -> Value {
        guard let value else { throw fault(name, "Mandatory field missing.") }
        return value
    }
}

extension Fields {
    func text(_ name: String, most: Int = 255) throws(OctaviaFault) -> String? {
        guard let value = self[name] else { return nil }
        guard case .text(let text) = value else { throw fault(name, "Value should be text") }
        guard text.unicodeScalars.count <= most else { throw fault(name, "Value should have a maximum character requirement of \(most)") }
        return text
    }

    func flag(_ name: String) throws(OctaviaFault) -> Bool? {
        switch self[name] {
        case nil: return nil
        case .flag(let flag)?: return flag
        case .text(let text)? where ["true", "false"].contains(text.lowercased()): return text.lowercased() == "true"
        default: throw fault(name, "Value should be true or false")
        }
    }

    func number(_ name: String, _ range: ClosedRange<Int>) throws(OctaviaFault) -> Int? {
        guard let value = self[name] else { return nil }
        let number: Int?
        switch value {
        case .number(let text): number = Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
        case .text(let text): number = Int(text)
        default: number = nil
        }
        guard let number else { throw fault(name, "Value should be a whole number") }
        if number < range.lowerBound { throw fault(name, "Value should be greater or equal to \(range.lowerBound)") }
        if number > range.upperBound { throw fault(name, "Value should be lower or equal to \(range.upperBound)") }
        return number
    }

    func neededNumber(_ name: String, _ range: ClosedRange<Int>) throws(OctaviaFault) -> Int {
        try needed(name, number(name, range))
    }

    func word(_ name: String, _ words: [String]) throws(OctaviaFault) -> String? {
        guard let value = self[name] else { return nil }
        guard case .text(let word) = value, words.contains(word) else {
            throw fault(name, "Value should be one of: \(words.joined(separator: ", "))")
        }
        return word
    }

    func neededWord(_ name: String, _ words: [String]) throws(OctaviaFault) -> String { try needed(name, word(name, words)) }

    func address(_ name: String) throws(OctaviaFault) -> IPAddress? {
        guard let value = self[name] else { return nil }
        guard case .text(let text) = value, let address = IPAddress(text) else {
            throw fault(name, "Value should be IPv4 or IPv6 format")
        }
        return address
    }

    func neededAddress(_ name: String) throws(OctaviaFault) -> IPAddress { try needed(name, address(name)) }

    func uuid(_ name: String) throws(OctaviaFault) -> String? {
        guard let value = self[name] else { return nil }
        guard case .text(let text) = value, let id = UUIDText.canonical(text) else { throw fault(name, "Value should be UUID format") }
        return id
    }

    func neededUUID(_ name: String) throws(OctaviaFault) -> String { try needed(name, uuid(name)) }

    func tags() throws(OctaviaFault) -> [String]? {
        guard let value = self["tags"] else { return nil }
        guard case .list(let values) = value else { throw fault("tags", "Value should be a list of texts") }
        var tags: [String] = []
        for value in values {
            guard case .text(let tag) = value, tag.unicodeScalars.count <= 255 else {
                throw fault("tags", "Value should be a list of texts of 255 characters at most")
            }
            if !tags.has(tag) { tags.append(tag) }
        }
        guard tags.count <= 100 else { throw fault("tags", "Value should have 100 tags at most") }
        return tags
    }

    func list(_ name: String) throws(OctaviaFault) -> [BodyValue]? {
        guard let value = self[name] else { return nil }
        guard case .list(let values) = value else { throw fault(name, "Value should be a list") }
        return values
    }

    func object(_ name: String, known: Set<String>) throws(OctaviaFault) -> Fields? {
        guard let value = self[name] else { return nil }
        return try Fields(value, at: "\(path)\(name).", known: known)
    }

    /// The names of the elements of a list, as messages tell them.
    func place(_ name: String, _ index: Int) -> String { "\(path)\(name)[\(index)]." }
}

/// Ids in the form of UUIDs.
enum UUIDText {
    /// A new id.
    static func make() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return text(bytes)
    }

    /// The same id for the same name, always.
    static func of(_ name: String) -> String {
        // FNV-1a, twice: it only has to be the same on all servers.
        func hash(_ seed: UInt64) -> UInt64 {
            name.utf8.reduce(0xCBF2_9CE4_8422_2325 ^ seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        var bytes: [UInt8] = []
        for half in [hash(0), hash(0x9E37_79B9_7F4A_7C15)] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: half >> UInt64(shift))) }
        }
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        return text(bytes)
    }

    /// An id in small letters with its dashes; nil where it is none.
    static func canonical(_ text: String) -> String? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard text.utf8.count <= 36, digits.count == 32, let bytes = [UInt8](hexadecimal: digits) else { return nil }
        return self.text(bytes)
    }

    private static func text(_ bytes: [UInt8]) -> String {
        let digits = Array(bytes.hexadecimal)
        return [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]].map { String($0) }.joined(separator: "-")
    }
}

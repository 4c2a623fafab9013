import FleetModel
import LBaaS

/// A value of an object as the API shows it.
indirect enum FieldValue: Sendable {
    case text(String?)
    case number(Int?)
    case flag(Bool)
    case time(Timestamp?)
    case texts([String])
    /// Objects with an `id` each.
    case references([String])
    /// A number with a fraction, as it is written.
    case decimal(String?)
    case object([FieldMember])
    case objects([[FieldMember]])
    case null

    func write(_ name: StaticString, to writer: inout ObjectWriter) {
        switch self {
        case .text(let text): writer.text(name, text)
        case .number(let number): writer.number(name, number)
        case .flag(let flag): writer.flag(name, flag)
        case .time(let time): writer.text(name, time?.octavia)
        case .texts(let texts): writer.texts(name, texts)
        case .references(let ids): writer.list(name) { list in for id in ids { list.element { $0.text("id", id) } } }
        case .decimal(let text): if let text { writer.json(name, Array(text.utf8)) } else { writer.null(name) }
        case .object(let members): writer.object(name) { Self.write(members, to: &$0) }
        case .objects(let objects): writer.list(name) { list in for object in objects { list.element { Self.write(object, to: &$0) } } }
        case .null: writer.null(name)
        }
    }

    static func write(_ members: [FieldMember], to writer: inout ObjectWriter) {
        for member in members { member.value.write(member.name, to: &writer) }
    }

    /// Whether a filter names the value.
    func matches(_ filter: String) -> Bool {
        switch self {
        case .text(let text): text.map { $0.hasBytes(of: filter) } ?? (filter == "None" || filter == "null")
        case .number(let number): number.map(String.init) == filter
        case .flag(let flag): filter.lowercased() == (flag ? "true" : "false") || filter == (flag ? "1" : "0")
        case .time(let time): time?.octavia == filter
        case .texts(let texts): texts.has(filter)
        case .references(let ids): ids.contains(filter)
        case .decimal(let text): text == filter
        case .object, .objects, .null: false
        }
    }

    /// What it is sorted by: numbers by their size, texts by their bytes, nothing before all else.
    var order: (number: Int, text: String)? {
        switch self {
        case .text(let text): (0, text ?? "")
        case .number(let number): (number ?? .min, "")
        case .flag(let flag): (flag ? 1 : 0, "")
        case .time(let time): (Int(time?.microseconds ?? .min), "")
        case .decimal(let text): (0, text ?? "")
        case .texts, .references, .object, .objects, .null: nil
        }
    }
}

/// A member of an object with its name.
struct FieldMember: Sendable {
    let name: StaticString
    var value: FieldValue

    init(_ name: StaticString, _ value: FieldValue) { (self.name, self.value) = (name, value) }
}

/// A field of the objects of one kind.
struct Field<View: Sendable>: Sendable {
    let name: StaticString
    /// Whether it is shown; else it is only for filters.
    let isShown: Bool
    let value: @Sendable (View) -> FieldValue

    init(_ name: StaticString, isShown: Bool = true, _ value: @escaping @Sendable (View) -> FieldValue) {
        (self.name, self.isShown, self.value) = (name, isShown, value)
    }

    /// Whether it has this name.
    func isNamed(_ text: String) -> Bool {
        unsafe text.utf8.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
}

/// An object as the API shows it.
protocol ObjectView: Sendable {
    /// The names of one and of many in bodies.
    static var names: (one: StaticString, many: StaticString, links: StaticString) { get }
    static var fields: [Field<Self>] { get }
    var head: ObjectHead { get }
    var status: ProvisioningStatus { get }
    var operating: String { get }
}

extension ObjectView {
    /// Its members.
    ///
    /// - Parameter names: which are shown; nil for all.
    func write(to writer: inout ObjectWriter, _ names: [String]? = nil) {
        for field in Self.fields where field.isShown && (names.map { $0.contains(where: field.isNamed) } ?? true) {
            field.value(self).write(field.name, to: &writer)
        }
    }

    /// Its members by their names, to be a part of another object.
    var object: [FieldMember] {
        Self.fields.filter(\.isShown).map { FieldMember($0.name, $0.value(self)) }
    }
}

extension Timestamp {
    /// As Octavia writes it: UTC, without a zone.
    var octavia: String { String(text.prefix(19)) }
}

extension String {
    /// Whether the bytes are the same. Texts that look the same can differ.
    func hasBytes(of other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension [String] {
    /// Whether one of the texts has just these bytes.
    func has(_ text: String) -> Bool { contains { $0.hasBytes(of: text) } }
}

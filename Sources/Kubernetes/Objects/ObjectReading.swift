import JSON
import LBaaS

// What the objects have in common. Unknown fields are passed over, for later versions of Kubernetes have more of them; null counts as absent.

/// The most of each that an object may have. Kubernetes itself allows less.
enum ObjectLimits {
    /// Bytes of a name or a label.
    static let text = 512
    /// Bytes of an annotation that is read.
    static let annotation = 4096
    /// Ports of a service or a slice.
    static let ports = 1000
    /// Addresses of a service.
    static let addresses = 1000
    /// Endpoints of a slice.
    static let endpoints = 10_000
    /// Zones or nodes that an endpoint is hinted for.
    static let hints = 100
}

extension FieldError {
    /// What is wrong.
    var sentence: String {
        switch self {
        case .invalidObject(let message, let path): path.isEmpty ? message : "\(path): \(message)"
        case .invalid(let sentence): sentence
        }
    }
}

extension JSONValue {
    /// A member; nil where it is absent or null.
    func field(_ name: StaticString) -> JSONValue? {
        guard let value = self[name], !value.isNull else { return nil }
        return value
    }

    /// A member that is an object; nil where it is absent or null.
    func objectField(_ name: StaticString) throws(FieldError) -> JSONValue? { try field(name)?.object() }

    /// A member that is a short text; nil where it is absent or null.
    func textField(_ name: StaticString, most: Int = ObjectLimits.text) throws(FieldError) -> String? {
        try field(name)?.within(most).string("a text")
    }

    /// A member that is true or false; nil where it is absent or null.
    func booleanField(_ name: StaticString) throws(FieldError) -> Bool? { try field(name)?.boolean("a boolean") }

    /// The elements of a member that is a list, as far as there are; none where it is absent or null.
    func listField(_ name: StaticString, most: Int) throws(FieldError) -> [JSONValue] {
        guard let list = try field(name)?.list() else { return [] }
        let elements = Array(list)
        if elements.count > most { throw .invalid("\(path(of: "\(name)")): has \(elements.count) elements; it may have \(most)") }
        return elements
    }

    /// A member that is a port; nil where it is absent, null or 0.
    func portField(_ name: StaticString) throws(FieldError) -> UInt16? {
        guard let value = field(name) else { return nil }
        let number = UInt16(try value.integer("a port", 0...65_535))
        return number == 0 ? nil : number
    }

    /// A member that is one of the names of an enumeration; nil where it is absent, null or empty.
    func choiceField<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: StaticString, _ meaning: StaticString
    ) throws(FieldError) -> Choice? {
        guard let value = field(name) else { return nil }
        let text = try value.string(meaning)
        if text.isEmpty { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw value.wrong("is not \(meaning) (\(Choice.allCases.map(\.rawValue).joined(separator: ", ")))")
        }
        return choice
    }

    /// The protocol of a port: TCP where it does not say; nil for one that is not known.
    var transport: Transport? {
        guard let name = field("protocol") else { return .tcp }
        return [("TCP", Transport.tcp), ("UDP", .udp), ("SCTP", .sctp)].first { name.string == $0.0 }?.1
    }
}

/// The metadata of an object, as far as it is read. What is recorded of its managers is half of most objects, and passed over.
struct ObjectMetadata {
    let key: ObjectKey
    private let metadata: JSONValue

    /// - Throws: where it does not say what tells the object from others.
    init(_ object: JSONValue) throws(FieldError) {
        guard object.isObject, let metadata = try object.objectField("metadata") else { throw object.wrong("has no metadata") }
        guard let name = try metadata.textField("name"), !name.isEmpty else { throw metadata.wrong("has no name") }
        key = ObjectKey(namespace: try metadata.textField("namespace") ?? "", name: name)
        self.metadata = metadata
    }

    /// When the object was created; empty where that is not known.
    func created() throws(FieldError) -> String { try metadata.textField("creationTimestamp") ?? "" }

    /// Whether the object is being deleted, and there as long as somebody has something left to do for that.
    var isBeingDeleted: Bool { metadata.field("deletionTimestamp") != nil }

    /// A label; nil where it is absent.
    func label(_ name: StaticString) throws(FieldError) -> String? { try metadata.objectField("labels")?.textField(name) }

    /// An annotation; nil where it is absent.
    func annotation(_ name: StaticString) throws(FieldError) -> String? {
        try metadata.objectField("annotations")?.textField(name, most: ObjectLimits.annotation)
    }

    /// The proxy that serves it.
    func proxyName() throws(FieldError) -> String { try label("service.kubernetes.io/service-proxy-name") ?? "" }
}

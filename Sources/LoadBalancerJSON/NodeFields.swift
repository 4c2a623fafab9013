package import JSON
package import LBaaS

private enum NodeField: Int, FieldName {
    case id, address, port, weight, condition, backup

    static let table = FieldTable<NodeField>(["id", "address", "port", "weight", "condition", "backup"])
}

private let conditions = Choices(Node.Condition.self)
/// The fields of a node, of which the required ones are there.
struct NodeFields {
    private let port: JSONValue
    private let address: JSONValue
    /// The id as the client sent it.
    let id: JSONValue
    private let weight: JSONValue?
    private let backup: JSONValue?
    /// The condition as the client sent it.
    let condition: JSONValue?
    private let limits: LengthLimits

    /// - Throws: what the original says where a required field is missing; it wants port, address and id, in this order.
    init(_ object: JSONValue, limits: LengthLimits) throws(FieldError) {
        let fields = try NodeField.table.find(in: object)
        guard let port = fields[.port] else { throw .invalidObject("Missing node 'port'", path: object.path) }
        guard let address = fields[.address] else { throw .invalidObject("Missing node 'address'", path: object.path) }
        guard let id = fields.unlessNull(.id), !id.equals("") else { throw .invalidObject("Missing node 'id'", path: object.path) }
        try fields.refuseNearMiss()
        self.limits = limits
        self.port = port
        self.address = address
        self.id = id
        weight = fields.unlessNull(.weight)
        backup = fields.unlessNull(.backup)
        condition = fields[.condition]
    }

    /// Reads the node.
    func decode() throws(FieldError) -> Node {
        let id = try id.within(limits.id).identifier()
        var node = Node(id: NodeID(id), address: try address.hostAddress(), port: try port.port())
        node.weight = try decodeWeight()
        node.isBackup = try isBackup()
        if let condition, !condition.isNull {
            node.condition = try condition.oneOf(conditions, "a condition")
        }
        return node
    }

    /// A FAIL in the words of the original.
    func failure(_ complaint: String) -> FieldError {
        .invalid("Failure adding server \((id.string ?? id.spelling).shortened): \(complaint)")
    }

    private func decodeWeight() throws(FieldError) -> UInt16 {
        guard let weight else { return 1 }
        // Only spelled out where it is needed: this is done for each node.
        var spelling: String { (weight.string ?? weight.spelling).shortened }
        guard let number = weight.integer else { throw failure("Non-integer 'weight' value: '\(spelling)'") }
        guard number <= Int(Node.maximumWeight) else {
            throw failure("Server 'weight' \(spelling) exceeds max of \(Node.maximumWeight)")
        }
        guard number >= 0 else { throw failure("Server 'weight' \(spelling) is below min of 0") }
        return UInt16(number)
    }

    /// The original takes any string but "true" for a no.
    private func isBackup() throws(FieldError) -> Bool {
        guard let backup else { return false }
        if let text = backup.uppercased { return text == "TRUE" }
        return try backup.boolean("whether the node is a backup")
    }
}

extension NodeFields {
    /// What is wrong with an object that has a field which no node has; nil where it has none.
    static func complaint(about node: JSONValue) -> String? {
        NodeField.table.stranger(in: node).map {
            "\(node.path(of: $0)): is no field of a node; its fields are \(NodeField.table.all.joined(separator: ", "))"
        }
    }
}

/// Reads one node by itself.
package enum NodeDecoder {
    /// Reads a node as those of a job are read.
    package static func node(_ object: JSONValue) throws(FieldError) -> Node { try NodeFields(object, limits: .standard).decode() }
}

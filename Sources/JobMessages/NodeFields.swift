import LBaaS

private let nodeFields = FieldTable<6>(["port", "address", "id", "weight", "backup", "condition"])

/// The fields of a node, of which the required ones are there.
struct NodeFields {
    private let path: JSONPath
    private let port: Field
    private let address: Field
    private let id: Field
    private let weight: Field?
    private let backup: Field?
    /// The condition as the client sent it.
    let condition: Field?

    /// - Throws: what the original says where a required field is missing; it wants port, address and id, in this order.
    init(_ object: JSONValue, at path: JSONPath) throws(RequestError) {
        let fields = try nodeFields.find(in: object, at: path)
        guard let port = fields[0] else { throw .badRequest("Missing node 'port'", path) }
        guard let address = fields[1] else { throw .badRequest("Missing node 'address'", path) }
        guard let id = fields.unlessNull(2), !id.value.equals("") else { throw .badRequest("Missing node 'id'", path) }
        self.path = path
        self.port = port
        self.address = address
        self.id = id
        weight = fields.unlessNull(3)
        backup = fields.unlessNull(4)
        condition = fields[5]
    }

    /// Reads the node.
    func decode() throws(RequestError) -> Node {
        let id = try id.identifier()
        var node = Node(id: id, address: try address.hostAddress(), port: try port.port())
        node.weight = try decodeWeight()
        node.isBackup = try isBackup()
        if let condition, !condition.value.isNull {
            node.condition = try condition.oneOf(Node.Condition.self, "a condition")
        }
        return node
    }

    /// A FAIL in the words of the original.
    func failure(_ complaint: String) -> RequestError {
        .fail("Failure adding server \(id.value.string ?? id.value.spelling): \(complaint)")
    }

    private func decodeWeight() throws(RequestError) -> UInt16 {
        guard let weight else { return 1 }
        let spelling = weight.value.string ?? weight.value.spelling
        guard let number = weight.value.integer else { throw failure("Non-integer 'weight' value: '\(spelling)'") }
        guard number <= Int(Node.maximumWeight) else {
            throw failure("Server 'weight' \(spelling) exceeds max of \(Node.maximumWeight)")
        }
        guard number >= 0 else { throw failure("Server 'weight' \(spelling) is below min of 0") }
        return UInt16(number)
    }

    /// The original takes any string but "true" for a no.
    private func isBackup() throws(RequestError) -> Bool {
        guard let backup else { return false }
        if let text = backup.value.uppercased { return text == "TRUE" }
        return try backup.boolean("whether the node is a backup")
    }
}

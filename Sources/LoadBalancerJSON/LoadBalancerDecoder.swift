package import JSON
package import LBaaS

package let serviceProtocols = Choices(ServiceProtocol.self)
private let algorithms = Choices(Algorithm.self)

/// Reads the load balancers of an UPDATE or CREATE job, in the order of the original, and notes what the reply gets on the way.
package struct LoadBalancerDecoder {
    package private(set) var reply: ReplyEdits
    private let limits: LengthLimits
    /// The places of the load balancers, from the second on.
    private var identities: [LoadBalancerID: Int] = [:]
    private var first: LoadBalancerID?
    private let looksOn: Bool
    /// The sentences of all that is wrong but the first, where it looks on.
    package private(set) var otherErrors: [String] = []

    /// - Parameter looksOn: whether it looks at the load balancers behind one that is wrong, too.
    package init(reply: ReplyEdits, limits: LengthLimits = .standard, looksOn: Bool = false) {
        self.reply = reply
        self.limits = limits
        self.looksOn = looksOn
    }

    /// Reads the list. Where it throws, `reply` holds what the original would have put into its reply until then.
    package mutating func decode(_ list: JSONValue) throws(FieldError) -> [LoadBalancer] {
        var loadBalancers: [LoadBalancer] = []
        var failure: FieldError?
        for (index, element) in try list.list().enumerated() {
            do throws(FieldError) {
                loadBalancers.append(try decode(try LoadBalancerField.table.find(in: try element.object()), index: index))
            } catch {
                if !looksOn { throw error }
                if failure == nil { failure = .invalid(error.sentence) } else { otherErrors.append(error.sentence) }
            }
        }
        if let failure { throw failure }
        return loadBalancers
    }

    private mutating func decode(_ fields: LoadBalancerFields, index: Int) throws(FieldError) -> LoadBalancer {
        guard let nodes = fields[.nodes] else { throw .invalidObject("Missing 'nodes' element", path: fields.object.path) }
        guard let protocolField = fields[.protocol] else {
            throw .invalidObject("Missing required 'protocol' value.", path: fields.object.path)
        }
        try fields.refuseNearMiss()
        let serviceProtocol = try protocolField.oneOf(serviceProtocols, "a protocol")
        let id = try fields.identity(serviceProtocol: serviceProtocol.rawValue, limits: limits)
        // Most jobs have one load balancer, for which no table is needed.
        if index == 0 { first = id }
        if index == 1, let first { identities[first] = 0 }
        if index > 0, let other = identities.updateValue(index, forKey: id) {
            throw .invalid("loadBalancers[\(index)]: \(quoted(id.text)) is also loadBalancers[\(other)]; give each an id of its own")
        }
        var loadBalancer = LoadBalancer(id: id, serviceProtocol: serviceProtocol, port: try fields.port(of: serviceProtocol))
        loadBalancer.address = try fields.address()
        if let algorithm = fields.unlessNull(.algorithm) {
            loadBalancer.algorithm = try algorithm.oneOf(algorithms, "an algorithm")
        }
        let monitor = try decodeMonitor(fields)
        loadBalancer.monitor = monitor
        try fields.readSettings(into: &loadBalancer)
        loadBalancer.nodes = try decodeNodes(
            nodes, of: loadBalancer.serviceProtocol, checkedFrom: monitor?.address == nil ? monitor?.source : nil)
        return loadBalancer
    }

    private mutating func decodeMonitor(_ fields: LoadBalancerFields) throws(FieldError) -> Monitor? {
        guard let field = fields.unlessNull(.monitor) else { return nil }
        let monitor = try MonitorFields(try field.object(), limits: limits)
        if !monitor.hasPath { reply.addMember(#""path": "/""#, to: field, isFirst: false) }
        return try monitor.decode()
    }

    /// - Parameter source: the address that the checks of the nodes come from; nil where it does not matter.
    private mutating func decodeNodes(
        _ list: JSONValue, of serviceProtocol: ServiceProtocol, checkedFrom source: IPAddress?
    ) throws(FieldError) -> [Node] {
        let elements = try list.list()
        var nodes: [Node] = []
        let count = elements.count
        nodes.reserveCapacity(count)
        reply.reserve(count)
        var ids = DistinctNames()
        var primaries = 0
        for element in elements {
            let fields = try NodeFields(try element.object(), limits: limits)
            do throws(FieldError) {
                let node = try fields.decode()
                if let source, case .address(let target) = node.address, !source.hasFamily(of: target) {
                    throw FieldError.invalid(
                        "\(element.path(of: "address")): \(target) is not of the family of \(source), which checks are to come from (monitor.source)"
                    )
                }
                if !node.isBackup { primaries += 1 }
                if serviceProtocol == .galera, primaries > 1 {
                    throw fields.failure("Galera protocol does not accept more than one non-backup node")
                }
                guard ids.insert(node.id, spelled: fields.id, after: nodes) else {
                    throw FieldError.invalid(
                        "\(element.path(of: "id")): \(quoted(node.id.text)) is also the id of another node of this load balancer")
                }
                reply.setCondition(node.condition, of: element, existing: fields.condition)
                nodes.append(node)
            } catch {
                if case .invalid = error { reply.setCondition(.disabled, of: element, existing: fields.condition) }
                throw error
            }
        }
        if serviceProtocol == .galera, primaries == 0 {
            throw .invalid("\(list.path): GALERA needs exactly one node that is not a backup, and here is none")
        }
        return nodes
    }
}

/// Finds out whether a node's id is new. Ids mostly come in their order; only where they do not a set is kept.
private struct DistinctNames {
    private var names: Set<NodeID>?
    private var last: JSONValue?

    /// False where a node before has this id.
    ///
    /// - Parameter value: the id in the document, where it is compared without a `String`.
    mutating func insert(_ id: NodeID, spelled value: JSONValue, after nodes: [Node]) -> Bool {
        if names == nil {
            defer { last = value }
            guard let last, !last.precedesIdentifier(value) else { return true }
            names = Set(nodes.map(\.id))
        }
        return names?.insert(id).inserted ?? true
    }
}

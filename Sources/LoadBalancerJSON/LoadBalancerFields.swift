package import JSON
package import LBaaS

/// The fields of a load balancer, in the order of the table.
package enum LoadBalancerField: Int, FieldName {
    case id, name, `protocol`, address, port, algorithm, monitor, options, sessionPersistence, forwarding, tunnel, quorum, hysteresis
    case panicPercent, sorryServer, suspended, nodes

    package static let table = FieldTable<LoadBalancerField>([
        "id", "name", "protocol", "address", "port", "algorithm", "monitor", "options", "sessionPersistence", "forwarding", "tunnel",
        "quorum", "hysteresis", "panic_percent", "sorry_server", "suspended", "nodes",
    ])
}

package typealias LoadBalancerFields = Fields<LoadBalancerField>

private enum OptionField: Int, FieldName {
    case clientTimeout, serverTimeout, connectTimeout, connectRetries

    static let table = FieldTable<OptionField>(["client_timeout", "server_timeout", "connect_timeout", "connect_retries"])
}

private enum PersistenceField: Int, FieldName {
    case type, timeout

    static let table = FieldTable<PersistenceField>(["type", "timeout"])
}

private enum TunnelField: Int, FieldName {
    case type, port, checksum

    static let table = FieldTable<TunnelField>(["type", "port", "checksum"])
}

private enum EndpointField: Int, FieldName {
    case address, port

    static let table = FieldTable<EndpointField>(["address", "port"])
}

private let tunnelKinds = Choices(Tunnel.Kind.self)
/// The largest number of milliseconds, seconds or weight that is taken for meant.
private let largest = Int(Int32.max)

extension LoadBalancerFields {
    /// Its `id`, else its `name`, else its lower-case protocol.
    package func identity(serviceProtocol: String?, limits: LengthLimits) throws(FieldError) -> LoadBalancerID {
        if let field = unlessNull(.id), !field.equals("") { return LoadBalancerID(try field.within(limits.id).identifier()) }
        if let field = unlessNull(.name), !field.equals("") { return LoadBalancerID(try field.within(limits.name).identifier()) }
        guard let serviceProtocol else {
            throw .invalid("\(object.path): has neither id, name nor protocol, so nobody knows which one is meant")
        }
        return LoadBalancerID(serviceProtocol.lowercased())
    }

    /// The port to listen on: 80 by default for HTTP, required for all others.
    func port(of serviceProtocol: ServiceProtocol) throws(FieldError) -> UInt16 {
        if let field = unlessNull(.port) { return try field.port() }
        if serviceProtocol == .http { return 80 }
        throw .invalid("\(object.path(of: "port")): is missing; \(serviceProtocol.rawValue) has no default port")
    }

    /// The address to listen on; nil for every address.
    func address() throws(FieldError) -> IPAddress? {
        try unlessNull(.address).map { field throws(FieldError) in try field.ipAddress() }
    }

    /// The settings that are neither listener, algorithm, monitor nor nodes.
    func readSettings(into loadBalancer: inout LoadBalancer) throws(FieldError) {
        if let options = unlessNull(.options) { loadBalancer.timeouts = try timeouts(options) }
        if let field = unlessNull(.sessionPersistence) {
            guard loadBalancer.serviceProtocol != .galera else { throw field.wrong("asks GALERA for stickiness, which it has none of") }
            loadBalancer.sessionPersistence = try sessionPersistence(field)
        } else if self[.sessionPersistence] != nil {
            loadBalancer.sessionPersistence = SessionPersistence.none
        }
        loadBalancer.forwarding = try forwarding()
        if let quorum = unlessNull(.quorum) { loadBalancer.quorum = UInt32(try quorum.integer("a quorum in weight", 1...largest)) }
        if let percent = unlessNull(.panicPercent) { loadBalancer.panicPercent = UInt8(try percent.integer("a percentage", 1...99)) }
        if let hysteresis = unlessNull(.hysteresis) {
            loadBalancer.hysteresis = UInt32(try hysteresis.integer("a hysteresis in weight", 0...largest))
            guard loadBalancer.quorum != nil else { throw hysteresis.wrong("is a hysteresis without a quorum") }
        }
        loadBalancer.isSuspended = try unlessNull(.suspended)?.boolean("whether the load balancer is suspended") ?? false
        loadBalancer.sorryServer = try unlessNull(.sorryServer).map { field throws(FieldError) in try endpoint(field) }
    }

    private func timeouts(_ field: JSONValue) throws(FieldError) -> Timeouts {
        let options = try OptionField.table.find(in: try field.object())
        try options.refuseNearMiss()
        var timeouts = Timeouts()
        if let value = options.unlessNull(.clientTimeout) { timeouts.client = UInt32(try value.integer("a time in ms", 0...largest)) }
        if let value = options.unlessNull(.serverTimeout) { timeouts.server = UInt32(try value.integer("a time in ms", 0...largest)) }
        if let value = options.unlessNull(.connectTimeout) { timeouts.connect = UInt32(try value.integer("a time in ms", 0...largest)) }
        if let value = options.unlessNull(.connectRetries) {
            timeouts.connectRetries = UInt32(try value.integer("a number of retries", 0...largest))
        }
        return timeouts
    }

    private func sessionPersistence(_ field: JSONValue) throws(FieldError) -> SessionPersistence {
        let fields = try PersistenceField.table.find(in: try field.object())
        try fields.refuseNearMiss()
        switch fields.unlessNull(.type)?.uppercased {
        case "SOURCE_IP":
            return .sourceIP(timeout: UInt32(try fields.unlessNull(.timeout)?.integer("a time in s", 1...largest) ?? 300))
        case "HTTP_COOKIE":
            return .httpCookie
        default:
            throw .invalid("\(field.path(of: "type")): is to be SOURCE_IP or HTTP_COOKIE; for none, set sessionPersistence to null")
        }
    }

    private func forwarding() throws(FieldError) -> Forwarding? {
        let tunnelField = unlessNull(.tunnel)
        guard let field = unlessNull(.forwarding) else {
            if let tunnelField { throw tunnelField.wrong("is a tunnel without forwarding TUNNEL") }
            return nil
        }
        switch (field.uppercased, tunnelField) {
        case ("NAT", nil): return .nat
        case ("DIRECT", nil): return .direct
        case ("TUNNEL", let tunnel?): return .tunnel(try self.tunnel(tunnel))
        case ("TUNNEL", nil): return .tunnel(Tunnel(kind: .ipip))
        case ("NAT", let tunnel?), ("DIRECT", let tunnel?): throw tunnel.wrong("is a tunnel without forwarding TUNNEL")
        default: throw field.wrong("is not a way to forward (NAT, DIRECT, TUNNEL)")
        }
    }

    private func tunnel(_ field: JSONValue) throws(FieldError) -> Tunnel {
        let fields = try TunnelField.table.find(in: try field.object())
        try fields.refuseNearMiss()
        guard let type = fields.unlessNull(.type) else { throw .invalid("\(field.path(of: "type")): is missing (IPIP, GUE, GRE)") }
        var tunnel = Tunnel(kind: try type.oneOf(tunnelKinds, "a tunnel type"))
        switch (tunnel.kind, fields.unlessNull(.port)) {
        case (.gue, let port?): tunnel.port = try port.port()
        case (.gue, nil): throw .invalid("\(field.path(of: "port")): is missing; a GUE tunnel needs the UDP port of the nodes")
        case (_, let port?): throw port.wrong("is a port, and only a GUE tunnel has one")
        case (_, nil): break
        }
        if let checksum = fields.unlessNull(.checksum) {
            tunnel.checksum = try checksum.boolean("whether there is a checksum")
            if tunnel.checksum, tunnel.kind == .ipip { throw checksum.wrong("asks for a checksum, and an IPIP tunnel has none") }
        }
        return tunnel
    }

    private func endpoint(_ field: JSONValue) throws(FieldError) -> Endpoint {
        let fields = try EndpointField.table.find(in: try field.object())
        try fields.refuseNearMiss()
        guard let address = fields.unlessNull(.address) else { throw .invalid("\(field.path(of: "address")): is missing") }
        guard let port = fields.unlessNull(.port) else { throw .invalid("\(field.path(of: "port")): is missing") }
        return Endpoint(host: try address.hostAddress(), port: try port.port())
    }
}

extension JSONValue {
    /// An address.
    func ipAddress() throws(FieldError) -> IPAddress {
        guard let address else {
            _ = try string("an address")
            throw wrong("is not an IPv4 or IPv6 address")
        }
        return address
    }

    /// The characters of a string as an address; nil for anything else.
    private var address: IPAddress? { isString ? unsafe IPAddress(characters: characters.bytes) : nil }

    /// An address or a host name.
    func hostAddress() throws(FieldError) -> HostAddress {
        if let address { return .address(address) }
        guard let address = HostAddress(try string("an address")) else { throw wrong("is neither an address nor a host name") }
        return address
    }
}

extension LoadBalancerFields {
    /// The names of the fields but the identity and whether it is suspended, in order; of the fields of objects, those of the object with a dot.
    static var keys: [String] {
        LoadBalancerField.table.all.filter { !["id", "name", "suspended"].contains($0) }.flatMap { name in
            switch name {
            case "monitor": MonitorFields.names.below(name)
            case "options": OptionField.table.all.below(name)
            // It may be null, which is another thing than none.
            case "sessionPersistence": [name] + PersistenceField.table.all.below(name)
            case "tunnel": TunnelField.table.all.below(name)
            case "sorry_server": EndpointField.table.all.below(name)
            default: [name]
            }
        }
    }
}

extension [String] {
    fileprivate func below(_ name: String) -> [String] { map { "\(name).\($0)" } }
}

/// A load balancer as it should run: one listener, the nodes behind it, and how to choose among them.
///
/// It is handed on many times for each time it is changed, so its fields are behind one reference: an array of one, which is copied when
/// it is changed.
public struct LoadBalancer: Hashable, Sendable {
    private struct Fields: Hashable, Sendable {
        var id: LoadBalancerID
        var serviceProtocol: ServiceProtocol
        var address: IPAddress?
        var port: UInt16
        var algorithm: Algorithm
        // Compared early: it is what mostly changes.
        var nodes: [Node]
        @Indirect var monitor: Monitor?
        var timeouts: Timeouts
        var sessionPersistence: SessionPersistence?
        var forwarding: Forwarding?
        var quorum: UInt32?
        var hysteresis: UInt32
        var panicPercent: UInt8?
        @Indirect var sorryServer: Endpoint?
        var isSuspended: Bool
        var firewallMark: UInt32?
        var hashesPort: Bool
        var leaving: [Leaving]
    }

    private var fields: [Fields]

    /// Compares the nodes first: they are what mostly changes, and to compare all costs a copy of each.
    public static func == (left: LoadBalancer, right: LoadBalancer) -> Bool {
        if left.fields.span.isIdentical(to: right.fields.span) { return true }
        return left.nodes == right.nodes && left.fields == right.fields
    }

    /// What tells it from the others.
    public var id: LoadBalancerID {
        get { fields[0].id }
        set { fields[0].id = newValue }
    }
    /// What it carries.
    public var serviceProtocol: ServiceProtocol {
        get { fields[0].serviceProtocol }
        set { fields[0].serviceProtocol = newValue }
    }
    /// The address to listen on; nil for every address of the host.
    public var address: IPAddress? {
        get { fields[0].address }
        set { fields[0].address = newValue }
    }
    /// The port to listen on, 1 to 65535.
    public var port: UInt16 {
        get { fields[0].port }
        set { fields[0].port = newValue }
    }
    /// How a node is chosen.
    public var algorithm: Algorithm {
        get { fields[0].algorithm }
        set { fields[0].algorithm = newValue }
    }
    /// How nodes are checked; nil where they are not.
    public var monitor: Monitor? {
        get { fields[0].monitor }
        set { fields[0].monitor = newValue }
    }
    /// How long to wait for clients and nodes.
    public var timeouts: Timeouts {
        get { fields[0].timeouts }
        set { fields[0].timeouts = newValue }
    }
    /// How a client stays with its node; nil where the client left it to the driver.
    public var sessionPersistence: SessionPersistence? {
        get { fields[0].sessionPersistence }
        set { fields[0].sessionPersistence = newValue }
    }
    /// How packets reach the nodes; nil where the client left it to the driver.
    public var forwarding: Forwarding? {
        get { fields[0].forwarding }
        set { fields[0].forwarding = newValue }
    }
    /// The weight in service that the service needs to be up; nil for any.
    public var quorum: UInt32? {
        get { fields[0].quorum }
        set { fields[0].quorum = newValue }
    }
    /// How far, in weight, from the quorum the service turns up or down.
    public var hysteresis: UInt32 {
        get { fields[0].hysteresis }
        set { fields[0].hysteresis = newValue }
    }
    /// More than so much of the weight going down at once is taken for a fault of the checks, in percent, 1 to 99; nil for no such limit.
    public var panicPercent: UInt8? {
        get { fields[0].panicPercent }
        set { fields[0].panicPercent = newValue }
    }
    /// Who answers while the quorum is lost.
    public var sorryServer: Endpoint? {
        get { fields[0].sorryServer }
        set { fields[0].sorryServer = newValue }
    }
    /// The nodes, each `id` once.
    public var nodes: [Node] {
        get { fields[0].nodes }
        _modify { yield &fields[0].nodes }
    }
    /// True between SUSPEND and ENABLE: configured, and not serving.
    public var isSuspended: Bool {
        get { fields[0].isSuspended }
        set { fields[0].isSuspended = newValue }
    }
    /// The mark by which the packet filter sends it its clients, which then are told by neither address nor port; nil where they are. Not stored.
    public var firewallMark: UInt32? {
        get { fields[0].firewallMark }
        set { fields[0].firewallMark = newValue }
    }
    /// Whether an algorithm that hashes a client's address takes its port into account. Not stored.
    public var hashesPort: Bool {
        get { fields[0].hashesPort }
        set { fields[0].hashesPort = newValue }
    }
    /// Real servers that it has no more and that finish what they have. They get weight 0 if they are still there, and are not made anew.
    /// Always empty as wanted. A load balancer that is deleted is suspended and has no nodes as long as something of it leaves.
    public var leaving: [Leaving] {
        get { fields[0].leaving }
        _modify { yield &fields[0].leaving }
    }

    /// A load balancer with the protocol's defaults: round robin, 30 s timeouts, no monitor, no nodes.
    public init(id: LoadBalancerID, serviceProtocol: ServiceProtocol, address: IPAddress? = nil, port: UInt16) {
        fields = [
            Fields(
                id: id, serviceProtocol: serviceProtocol, address: address, port: port, algorithm: .roundRobin,
                nodes: [], monitor: nil, timeouts: Timeouts(), hysteresis: 0, sorryServer: nil, isSuspended: false, hashesPort: false,
                leaving: [])
        ]
    }

    /// Where it listens.
    public var listener: Listener {
        Listener(address: address, port: port, transport: serviceProtocol.transport, mark: firewallMark)
    }
}

/// What a load balancer carries. The raw value is its name on the wire.
public enum ServiceProtocol: String, Hashable, Sendable, CaseIterable {
    case http = "HTTP"
    case https = "HTTPS"
    case tcp = "TCP"
    case galera = "GALERA"
    case udp = "UDP"
    case sctp = "SCTP"

    /// The transport underneath.
    public var transport: Transport {
        switch self {
        case .http, .https, .tcp, .galera: .tcp
        case .udp: .udp
        case .sctp: .sctp
        }
    }
}

/// A transport protocol.
public enum Transport: String, Hashable, Sendable, CaseIterable {
    case tcp, udp, sctp
}

/// Where a load balancer listens.
public struct Listener: Hashable, Sendable, CustomStringConvertible {
    /// The address; nil for every address of the host.
    public var address: IPAddress?
    /// The port.
    public var port: UInt16
    /// The transport.
    public var transport: Transport
    /// The mark of the packet filter that clients of this listener have, who would be another listener's without it; nil where there is none.
    public var mark: UInt32?

    /// A place to listen.
    public init(address: IPAddress?, port: UInt16, transport: Transport, mark: UInt32? = nil) {
        self.address = address
        self.port = port
        self.transport = transport
        self.mark = mark
    }

    /// Whether there is an address that both listen on. `0.0.0.0` and `::` stand for every address of their family.
    public func overlaps(_ other: Listener) -> Bool {
        guard port == other.port, transport == other.transport, mark == other.mark else { return false }
        guard let one = address, let another = other.address else { return true }
        return one == another || one.hasFamily(of: another) && (one.isUnspecified || another.isUnspecified)
    }

    /// `*:80/tcp`, `10.0.0.1:80/tcp`, `[fd00::1]:53/udp`, `10.0.0.1:80/tcp mark 1048577`.
    public var description: String {
        let host = address.map { Endpoint(host: .address($0), port: port).description } ?? "*:\(port)"
        return "\(host)/\(transport.rawValue)" + (mark.map { " mark \($0)" } ?? "")
    }
}

/// How a node is chosen. The raw value is its name on the wire.
public enum Algorithm: String, Hashable, Sendable, CaseIterable {
    case roundRobin = "ROUND_ROBIN"
    case leastConnections = "LEAST_CONNECTIONS"
    case sourceIP = "SOURCE_IP"
    case maglev = "MAGLEV"
    case shortestExpectedDelay = "SHORTEST_EXPECTED_DELAY"
    case neverQueue = "NEVER_QUEUE"
}

/// How long to wait for clients and nodes.
public struct Timeouts: Hashable, Sendable {
    /// How long a client may be silent, in ms.
    public var client: UInt32 = 30_000
    /// How long a node may be silent, in ms.
    public var server: UInt32 = 30_000
    /// How long connecting to a node may take, in ms.
    public var connect: UInt32 = 30_000
    /// How often connecting is tried again.
    public var connectRetries: UInt32 = 3

    /// The defaults of the original: 30 s each, 3 retries.
    public init() {}
}

/// How a client stays with the node it was given.
public enum SessionPersistence: Hashable, Sendable {
    /// It does not.
    case none
    /// By its address, forgotten after so many seconds, 1 or more.
    case sourceIP(timeout: UInt32)
    /// By a cookie that the load balancer sets.
    case httpCookie
}

/// How packets reach the nodes.
public enum Forwarding: Hashable, Sendable {
    /// With the destination rewritten.
    case nat
    /// Unchanged, to the node's link-layer address.
    case direct
    /// Inside another packet.
    case tunnel(Tunnel)
}

/// A tunnel to the nodes.
public struct Tunnel: Hashable, Sendable {
    /// How packets are wrapped. The raw value is its name on the wire.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case ipip = "IPIP"
        case gue = "GUE"
        case gre = "GRE"
    }

    /// How packets are wrapped.
    public var kind: Kind
    /// The UDP port of the nodes' GUE; nil for the others.
    public var port: UInt16?
    /// Whether the outer packet carries a checksum (GUE and GRE).
    public var checksum: Bool

    /// A tunnel.
    public init(kind: Kind, port: UInt16? = nil, checksum: Bool = false) {
        self.kind = kind
        self.port = port
        self.checksum = checksum
    }
}

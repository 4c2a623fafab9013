/// A load balancer as it should run: one listener, the nodes behind it, and how to choose among them.
public struct LoadBalancer: Hashable, Sendable {
    /// What tells it from the others.
    public var id: LoadBalancerID
    /// What it carries.
    public var serviceProtocol: ServiceProtocol
    /// The address to listen on; nil for every address of the host.
    public var address: IPAddress?
    /// The port to listen on, 1 to 65535.
    public var port: UInt16
    /// How a node is chosen.
    public var algorithm: Algorithm
    /// How nodes are checked; nil where they are not.
    @Indirect public var monitor: Monitor?
    /// How long to wait for clients and nodes.
    public var timeouts: Timeouts
    /// How a client stays with its node; nil where the client left it to the driver.
    public var sessionPersistence: SessionPersistence?
    /// How packets reach the nodes; nil where the client left it to the driver.
    public var forwarding: Forwarding?
    /// The weight in service that the service needs to be up; nil for any.
    public var quorum: UInt32?
    /// How far, in weight, from the quorum the service turns up or down.
    public var hysteresis: UInt32
    /// More than so much of the weight going down at once is taken for a fault of the checks, in percent, 1 to 99; nil for no such limit.
    public var panicPercent: UInt8?
    /// Who answers while the quorum is lost.
    @Indirect public var sorryServer: Endpoint?
    /// The nodes, each `id` once.
    public var nodes: [Node]
    /// True between SUSPEND and ENABLE: configured, and not serving.
    public var isSuspended: Bool
    /// Real servers that it has no more and that finish what they have. They get weight 0 if they are still there, and are not made anew.
    /// Always empty as wanted. A load balancer that is deleted is suspended and has no nodes as long as something of it leaves.
    public var leaving: [Leaving]

    /// A load balancer with the protocol's defaults: round robin, 30 s timeouts, no monitor, no nodes.
    public init(id: LoadBalancerID, serviceProtocol: ServiceProtocol, address: IPAddress? = nil, port: UInt16) {
        self.id = id
        self.serviceProtocol = serviceProtocol
        self.address = address
        self.port = port
        self.algorithm = .roundRobin
        self.timeouts = Timeouts()
        self.monitor = nil
        self.sorryServer = nil
        self.hysteresis = 0
        self.nodes = []
        self.isSuspended = false
        self.leaving = []
    }

    /// Where it listens.
    public var listener: Listener {
        Listener(address: address, port: port, transport: serviceProtocol.transport)
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

    /// A place to listen.
    public init(address: IPAddress?, port: UInt16, transport: Transport) {
        self.address = address
        self.port = port
        self.transport = transport
    }

    /// Whether there is an address that both listen on. `0.0.0.0` and `::` stand for every address of their family.
    public func overlaps(_ other: Listener) -> Bool {
        guard port == other.port, transport == other.transport else { return false }
        guard let one = address, let another = other.address else { return true }
        if one == another { return true }
        switch (one, another) {
        case (.v4, .v4), (.v6, .v6): return one.isUnspecified || another.isUnspecified
        case (.v4, .v6), (.v6, .v4): return false
        }
    }

    /// `*:80/tcp`, `10.0.0.1:80/tcp`, `[fd00::1]:53/udp`.
    public var description: String {
        let host = address.map { Endpoint(host: .address($0), port: port).description } ?? "*:\(port)"
        return "\(host)/\(transport.rawValue)"
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

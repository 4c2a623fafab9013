/// A real server behind a load balancer.
public struct Node: Hashable, Sendable {
    /// Whether a node is to be used. The raw value is its name on the wire.
    public enum Condition: String, Hashable, Sendable, CaseIterable {
        /// It gets traffic.
        case enabled = "ENABLED"
        /// It is configured and gets no traffic.
        case disabled = "DISABLED"
        /// It finishes what it has and gets nothing new.
        case draining = "DRAINING"
    }

    /// The largest weight that the protocol allows.
    public static let maximumWeight: UInt16 = 256

    /// What tells it from the other nodes of its load balancer.
    public var id: NodeID
    /// Where it is.
    public var address: HostAddress
    /// Its port, 1 to 65535.
    public var port: UInt16
    /// Its share of the traffic, 0 to 256.
    public var weight: UInt16
    /// True where it serves only when no other can.
    public var isBackup: Bool
    /// Whether it is to be used.
    public var condition: Condition

    /// A node, by default of weight 1, enabled and no backup.
    public init(
        id: NodeID, address: HostAddress, port: UInt16, weight: UInt16 = 1, isBackup: Bool = false, condition: Condition = .enabled
    ) {
        self.id = id
        self.address = address
        self.port = port
        self.weight = weight
        self.isBackup = isBackup
        self.condition = condition
    }

    /// Compares the numbers first: weights are what mostly changes.
    public static func == (left: Node, right: Node) -> Bool {
        left.weight == right.weight && left.port == right.port && left.condition == right.condition && left.isBackup == right.isBackup
            && left.address == right.address && left.id == right.id
    }

    /// Where it is reached.
    public var endpoint: Endpoint { Endpoint(host: address, port: port) }
}

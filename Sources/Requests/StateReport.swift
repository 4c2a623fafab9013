public import LBaaS

/// Load balancers as they are committed at one moment, and how their nodes are.
public struct StateReport: Sendable {
    /// One load balancer.
    public struct Item: Sendable {
        /// The load balancer as it is wanted, and by whom.
        public let entry: WantedState.Entry
        /// Its nodes, in the order of the load balancer.
        public let nodes: [NodeStatus]
        /// Whether the service has its quorum; nil where nobody finds out.
        public let hasQuorum: Bool?
        /// The weight that each node has in force, in the order of the load balancer: 0 where it gets nothing new.
        public let weights: [UInt16]
        /// How many connections each node has, as the appliance tells; empty where it was not asked.
        public let connections: [NodeID: UInt64]

        /// One load balancer.
        public init(
            entry: WantedState.Entry, nodes: [NodeStatus], hasQuorum: Bool?, weights: [UInt16], connections: [NodeID: UInt64] = [:]
        ) {
            self.entry = entry
            self.nodes = nodes
            self.hasQuorum = hasQuorum
            self.weights = weights
            self.connections = connections
        }
    }

    /// The revision of the state that was read.
    public let revision: UInt64
    /// The load balancers: in the order of the request, or in that of their identities.
    public let items: [Item]
    /// For how long from now on the same would be told, where the version of the state stays the same: what the appliance tells is passed
    /// on for a second.
    public let validity: Duration

    /// A report.
    public init(revision: UInt64, items: [Item], validity: Duration = .zero) {
        self.revision = revision
        self.items = items
        self.validity = validity
    }
}

/// How a load balancer is. The raw value is its name on the wire.
public enum LoadBalancerState: String, Sendable, CaseIterable {
    /// Its service is up: it has its quorum, or a node serves.
    case up = "UP"
    /// Its service is down.
    case down = "DOWN"
    /// A request has suspended it.
    case suspended = "SUSPENDED"
    /// Another load balancer has its listener.
    case outOfService = "OUT_OF_SERVICE"
}

extension WantedState.Entry {
    /// How the load balancer is.
    ///
    /// - Parameter isUp: whether its service is up, where it is in service.
    public func state(isUp: Bool) -> LoadBalancerState {
        if isOutOfService { return .outOfService }
        if loadBalancer.isSuspended { return .suspended }
        return isUp ? .up : .down
    }
}

extension StateReport.Item {
    /// How the load balancer is.
    public var status: LoadBalancerState { entry.state(isUp: hasQuorum ?? nodes.contains(where: \.isUp)) }
}

/// The committed state in a few numbers.
public struct StateSummary: Sendable {
    /// The number of the last committed change.
    public let revision: UInt64
    /// How many load balancers there are.
    public let count: Int
    /// The last committed change of this process; nil where there was none.
    public let lastChange: JournalEntry?

    /// A summary.
    public init(revision: UInt64, count: Int, lastChange: JournalEntry?) {
        self.revision = revision
        self.count = count
        self.lastChange = lastChange
    }
}

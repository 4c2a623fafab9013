/// How a node is.
public struct NodeStatus: Hashable, Sendable {
    /// How a node is, with why it gets no new connections. The raw value is its name on the wire.
    public enum State: String, Hashable, Sendable, CaseIterable {
        /// It serves.
        case up = "UP"
        /// It does not serve, though it should.
        case down = "DOWN"
        /// It finishes what it has, because its condition says so.
        case draining = "DRAINING"
        /// It gets nothing, because its condition says so.
        case disabled = "DISABLED"
        /// Its load balancer is suspended.
        case suspended = "SUSPENDED"
    }

    /// The node's id.
    public let id: NodeID
    /// How it is, with what its condition says: up or down, until `LoadBalancer.withStates` has set it.
    public fileprivate(set) var state: State
    /// True only where it serves.
    public let isUp: Bool
    /// Why it does not, where its last check says so; or why its last check failed.
    public let reason: String?
    /// Since when it has been so; nil where nobody knows.
    public let since: Timestamp?
    /// Whether its checks pass, also where it gets no traffic for another reason.
    public let isSound: Bool
    /// False where it is to be checked and no check has ended yet: what it counts as is a guess.
    public let isChecked: Bool

    /// A node's status.
    ///
    /// - Parameter isSound: nil for where it serves.
    public init(
        id: NodeID, isUp: Bool, isSound: Bool? = nil, isChecked: Bool = true, reason: String? = nil, since: Timestamp? = nil
    ) {
        self.id = id
        self.isChecked = isChecked
        self.isUp = isUp
        state = isUp ? .up : .down
        self.isSound = isSound ?? isUp
        self.reason = reason
        self.since = since
    }
}

extension LoadBalancer {
    /// How its nodes are, each with the state that its condition and the suspension of the load balancer give it.
    public func withStates(_ statuses: [NodeStatus]) -> [NodeStatus] {
        if !isSuspended, nodes.allSatisfy({ $0.condition == .enabled }) { return statuses }
        let conditions = Dictionary(nodes.map { ($0.id, $0.condition) }) { first, _ in first }
        return statuses.map { status in
            var status = status
            switch conditions[status.id] {
            case _ where isSuspended: status.state = .suspended
            case .draining: status.state = .draining
            case .disabled: status.state = .disabled
            case .enabled, nil: break
            }
            return status
        }
    }
}

/// How checks found a node.
public struct NodeFinding: Hashable, Sendable {
    /// The version of the fact that it is about (`ServiceHealth.NodeFact.version`).
    public let version: UInt64
    /// Its number: who checks counts up with each finding, from 1 on.
    public let sequence: UInt64
    /// How the node is.
    public let health: NodeHealth

    /// A finding.
    public init(version: UInt64, sequence: UInt64, health: NodeHealth) {
        self.version = version
        self.sequence = sequence
        self.health = health
    }

    /// The later of two findings about one node.
    public func later(of other: NodeFinding) -> NodeFinding {
        (version, sequence) < (other.version, other.sequence) ? other : self
    }
}

/// What checks found, by load balancer and node.
public typealias HealthFindings = [LoadBalancerID: [NodeID: NodeFinding]]

public import LBaaS

/// What became of a request.
public enum Outcome: Sendable {
    /// The change is made, or was made already.
    case changed
    /// What a change would do, in order.
    case planned([String])
    /// How the nodes and the virtual IPs are.
    case status([LoadBalancerStatus], virtualIPs: [VirtualIPReport] = [])
    /// The traffic since the last report.
    case metrics(TrafficReport)
    /// What the worker is.
    case discovered(version: String, release: String, driver: String = "")
    /// Whether job servers and network can be reached.
    case diagnosed(jobServers: [(host: String, port: UInt16, isReachable: Bool)], network: Bool)
    /// The log is stored.
    case archived
    /// The request was refused or failed; nothing of it holds.
    case refused(Refusal)
    /// The job asks after what was deleted.
    case deleted
}

/// How the nodes of one load balancer are.
public struct LoadBalancerStatus: Sendable {
    /// Whose nodes.
    public let id: LoadBalancerID
    /// The nodes.
    public let nodes: [NodeStatus]

    /// The nodes of one load balancer.
    public init(id: LoadBalancerID, nodes: [NodeStatus]) {
        self.id = id
        self.nodes = nodes
    }
}

/// The traffic of some load balancers since they were last reported on.
public struct TrafficReport: Sendable {
    /// The traffic of one load balancer.
    public struct Entry: Sendable {
        /// Whose traffic.
        public let id: LoadBalancerID
        /// What it carries.
        public let serviceProtocol: ServiceProtocol
        /// Bytes sent to clients since the last report.
        public let bytesOut: UInt64
        /// Bytes sent to clients since it was created, reported or not.
        public let totalOut: UInt64
        /// Bytes received from clients, and connections that they have made, since it was created.
        public let totalIn, totalConnections: UInt64
        /// Connections to its nodes now; nil where that was not asked for, or the appliance does not tell.
        public var connections: UInt64?

        /// The traffic of one load balancer.
        public init(
            id: LoadBalancerID, serviceProtocol: ServiceProtocol, bytesOut: UInt64, totalOut: UInt64 = 0, totalIn: UInt64 = 0,
            totalConnections: UInt64 = 0, connections: UInt64? = nil
        ) {
            self.totalOut = totalOut
            self.totalIn = totalIn
            self.totalConnections = totalConnections
            self.connections = connections
            self.id = id
            self.serviceProtocol = serviceProtocol
            self.bytesOut = bytesOut
        }
    }

    /// When the earliest of the last reports was.
    public let start: Timestamp
    /// Now.
    public let end: Timestamp
    /// An entry for each load balancer.
    public var entries: [Entry]

    /// A report.
    public init(start: Timestamp, end: Timestamp, entries: [Entry]) {
        self.start = start
        self.end = end
        self.entries = entries
    }
}

/// What an appliance says of one load balancer that it runs, in its own words.
public struct ApplianceReport: Hashable, Sendable {
    /// What it says of one real server.
    public struct Node: Hashable, Sendable {
        /// The node that it is; nil where it is none of the load balancer's.
        public let id: NodeID?
        /// Where it is.
        public let endpoint: Endpoint
        /// The weight that it has; nil where the appliance does not tell.
        public let weight: UInt32?
        /// How many connections it has now; nil where the appliance does not tell.
        public let connections: UInt64?
        /// What else the appliance says of it, such as `UP, L4OK in 0ms`.
        public let words: String
        /// How it is, where the appliance checks it itself; nil where it does not.
        public let status: NodeStatus?

        /// What an appliance says of one real server.
        public init(
            id: NodeID?, endpoint: Endpoint, weight: UInt32? = nil, connections: UInt64? = nil, words: String, status: NodeStatus? = nil
        ) {
            self.id = id
            self.endpoint = endpoint
            self.weight = weight
            self.connections = connections
            self.words = words
            self.status = status
        }
    }

    /// What it says of the service, such as `frontend OPEN, backend UP`.
    public let words: String
    /// The real servers that it has.
    public let nodes: [Node]
    /// What would have to be done for it to run what it should, in words for an operator; nothing where it does.
    public let deviations: [String]

    /// What an appliance says of one load balancer.
    public init(words: String, nodes: [Node], deviations: [String] = []) {
        self.words = words
        self.nodes = nodes
        self.deviations = deviations
    }
}

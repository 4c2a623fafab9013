public import LBaaS

/// Why a load balancer, or one of its nodes, is as it is: the chain of causes, from who asked for it to what the appliance says of it.
public struct Explanation: Sendable {
    /// A link of the chain. The raw value is its name on the wire.
    public enum Cause: String, Hashable, Sendable, CaseIterable {
        /// The request of a client that made it as it is wanted.
        case job
        /// The section of the configuration file that wants it.
        case section
        /// The object of a Kubernetes cluster that wants it.
        case object
        /// What is wanted.
        case wanted
        /// Who owns the address, where that is a virtual IP.
        case address
        /// What is known of the nodes: health and drains.
        case facts
        /// What should run, by both.
        case effective
        /// The last operation on the appliance.
        case operation
        /// What the appliance says now.
        case appliance
    }

    /// A sentence, and since when it holds.
    public struct Statement: Hashable, Sendable {
        /// Since when it holds, or when it happened; nil where nobody knows.
        public let time: Timestamp?
        /// What holds, in words for an operator.
        public let what: String

        /// A sentence.
        public init(_ what: String, at time: Timestamp? = nil) {
            self.what = what
            self.time = time
        }
    }

    /// A link of the chain.
    public struct Step: Hashable, Sendable {
        /// Which link it is.
        public let cause: Cause
        /// What it comes to.
        public let statement: Statement
        /// What it consists of, such as a sentence for each node.
        public let details: [Statement]

        /// A link of the chain.
        public init(_ cause: Cause, _ statement: Statement, details: [Statement] = []) {
            self.cause = cause
            self.statement = statement
            self.details = details
        }
    }

    /// The revision of the state that is explained.
    public let revision: UInt64
    /// The answer in one sentence.
    public let summary: String
    /// The links, in the order of the causes.
    public let steps: [Step]
    /// What would have to be done for the appliance to run what it should; nothing where it does.
    public let deviations: [String]

    /// An explanation.
    public init(revision: UInt64, summary: String, steps: [Step], deviations: [String]) {
        self.revision = revision
        self.summary = summary
        self.steps = steps
        self.deviations = deviations
    }
}

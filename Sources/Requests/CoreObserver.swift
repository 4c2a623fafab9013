public import LBaaS

/// Is told what the core does.
///
/// It is called where changes wait for it: nothing in here may wait, nor take longer than a microsecond.
public protocol CoreObserver: Sendable {
    /// Whether anybody wants to know each change. While nobody does, `published` is not called.
    var followsChanges: Bool { get }

    /// Takes what became committed state, in order.
    func published(_ change: PublishedChange)

    /// Takes it that a commit has ended.
    ///
    /// - Parameters:
    ///   - count: how many changes and findings it was asked for.
    ///   - duration: from its beginning until all of them were durable or refused.
    func committed(_ count: Int, in duration: Duration)

    /// Takes it that somebody else had changed the appliance, and that it was put right, or could not be.
    func repaired(_ repair: ApplianceRepair)
}

/// What one commit made of the state.
public struct PublishedChange: Sendable {
    /// A load balancer that changed, or whose nodes did.
    public struct Item: Sendable {
        /// Which it is.
        public let id: LoadBalancerID
        /// As it was wanted; nil where it was not there.
        public let oldEntry: WantedState.Entry?
        /// As it is wanted; nil where it is not there any more.
        public let newEntry: WantedState.Entry?
        /// How its nodes were; nil where nobody found out.
        public let oldHealth: ServiceHealth?
        /// How its nodes are; nil where nobody finds out.
        public let newHealth: ServiceHealth?

        /// A load balancer that changed.
        public init(
            id: LoadBalancerID, oldEntry: WantedState.Entry?, newEntry: WantedState.Entry?, oldHealth: ServiceHealth?,
            newHealth: ServiceHealth?
        ) {
            self.id = id
            self.oldEntry = oldEntry
            self.newEntry = newEntry
            self.oldHealth = oldHealth
            self.newHealth = newHealth
        }
    }

    /// The revision that it made.
    public let revision: UInt64
    /// When it was published.
    public let moment: Moment
    /// Its entries of the journal, in order. Each names the load balancers that it changes.
    public let journal: [JournalEntry]
    /// The load balancers, each once.
    public let items: [Item]
    /// What happened to virtual IPs, in order: what became of them on this host, and what other hosts did.
    public let virtualIPs: [VirtualIPStatusEvent]
    /// The virtual IPs that are not there any more.
    public let removedVirtualIPs: [VirtualIP]

    /// What a commit made.
    public init(
        revision: UInt64, moment: Moment, journal: [JournalEntry], items: [Item], virtualIPs: [VirtualIPStatusEvent] = [],
        removedVirtualIPs: [VirtualIP] = []
    ) {
        self.virtualIPs = virtualIPs
        self.removedVirtualIPs = removedVirtualIPs
        self.revision = revision
        self.moment = moment
        self.journal = journal
        self.items = items
    }
}

/// What was found wrong on the appliance.
public struct ApplianceRepair: Sendable {
    /// The load balancers that the appliance ran as something else.
    public let loadBalancers: [LoadBalancerID]
    /// The first steps that put it right, in words.
    public let steps: [String]
    /// The load balancers of which the appliance runs something else still.
    public let failed: [LoadBalancerID]
    /// When it was done.
    public let time: Timestamp

    /// What was found.
    public init(loadBalancers: [LoadBalancerID], steps: [String], failed: [LoadBalancerID], time: Timestamp) {
        self.loadBalancers = loadBalancers
        self.steps = steps
        self.failed = failed
        self.time = time
    }
}

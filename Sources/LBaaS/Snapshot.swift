/// What is known of the world that nobody asked for: it enters the state by the same door as requests do.
public struct Facts: Sendable {
    /// How the nodes of load balancers are, where it is known.
    public var health: LoadBalancerTable<ServiceHealth>
    /// The real servers that drain.
    public var drains: DrainTable
    /// How virtual IPs are, where it is known. It does not survive the process.
    public var virtualIPs: [IPAddress: VirtualIPFact] = [:]

    /// Facts.
    public init(health: LoadBalancerTable<ServiceHealth> = [:], drains: DrainTable = DrainTable()) {
        self.health = health
        self.drains = drains
    }
}

/// The committed state at one moment. Whoever reads, reads one of these: no half of a change can be seen.
public struct Snapshot: Sendable {
    /// Counts up by one with each committed change. It is the number of the change in the journal.
    public var revision: UInt64
    /// What is wanted.
    public var wanted: WantedState
    /// What is known.
    public var facts: Facts
    /// The last committed change of this process; nil where there was none.
    public var lastChange: JournalEntry?
    /// The revision of the last change of each virtual IP that was changed by this process.
    public var virtualIPRevisions: [IPAddress: UInt64] = [:]
    /// The revision that this process has begun with.
    public let firstRevision: UInt64

    /// A snapshot.
    public init(revision: UInt64 = 0, wanted: WantedState = WantedState(), facts: Facts = Facts()) {
        self.revision = revision
        firstRevision = revision
        self.wanted = wanted
        self.facts = facts
    }

    /// The revision at which a load balancer was changed last; where that is not known, that of the start.
    public func revision(of id: LoadBalancerID) -> UInt64 {
        guard let revision = wanted.entries[id]?.revision, revision > 0 else { return firstRevision }
        return revision
    }

    /// The revision at which a virtual IP was changed last; for one that was not changed by this process, that of the start.
    public func revision(of address: IPAddress) -> UInt64 { virtualIPRevisions[address] ?? firstRevision }
}

import LBaaS
import Synchronization

/// The committed state, behind one lock: changed by transactions alone, read by anyone.
final class SnapshotStore: Sendable {
    private let snapshot: Mutex<Snapshot>
    private let versions = Atomic<UInt64>(0)

    init(_ snapshot: Snapshot) { self.snapshot = Mutex(snapshot) }

    /// Reads. Nothing that takes long belongs in here: take a copy of the tables out where all load balancers are looked at.
    func read<Result>(_ body: (borrowing Snapshot) throws -> sending Result) rethrows -> sending Result {
        try snapshot.withLock { try body($0) }
    }

    /// Changes it.
    func change<Result>(_ body: (inout Snapshot) -> sending Result) -> sending Result {
        defer { versions.add(1, ordering: .releasing) }
        return snapshot.withLock { body(&$0) }
    }

    /// A number that grows with each change, once the change can be read.
    var version: UInt64 { versions.load(ordering: .acquiring) }

    /// A load balancer as it is wanted; nil where there is none of this identity.
    subscript(id: LoadBalancerID) -> WantedState.Entry? { read { $0.wanted.entries[id] } }

    /// All load balancers as they are wanted.
    var entries: LoadBalancerTable<WantedState.Entry> { read { $0.wanted.entries } }

    /// How the nodes of a load balancer are; nil where nobody finds out.
    func health(of id: LoadBalancerID) -> ServiceHealth? { read { $0.facts.health[id] } }

    /// The real servers that drain.
    var drains: DrainTable { read { $0.facts.drains } }
}

/// The decided difference of a transaction from the state that it builds on.
struct Changes {
    /// The load balancers that differ as wanted; nil for what goes.
    var entries: [LoadBalancerID: WantedState.Entry?] = [:]
    /// Their identities, in the order of their first change.
    var order: [LoadBalancerID] = []
    /// Those that changed more than once, and so may be as they were.
    var changedTwice: Set<LoadBalancerID> = []
    /// The real servers that drain.
    var drains: DrainTable
    /// The listeners on which others drain than before.
    var drainingListeners: Set<Listener> = []
    /// How nodes are, where that differs; nil where nobody finds out any more.
    var health: [LoadBalancerID: ServiceHealth?] = [:]
    /// What changes of virtual IPs.
    var virtualIPs = VirtualIPChanges()
    /// How virtual IPs are, where that differs.
    var virtualIPFacts: [IPAddress: VirtualIPFact] = [:]
    /// What listeners are told of virtual IPs.
    var virtualIPEvents: [VirtualIPStatusEvent] = []
    /// The routes that are stopped.
    var silencedRoutes: SilencedRoutes
    /// Whether these are others than before.
    var changesRoutes = false
    /// Which states of fleets it is made of.
    var fronts: FrontTable
    /// Of which fronts that is another than before, or which are forgotten.
    var changedFronts: Set<String> = []
    /// The load balancers to which routes are stopped or started.
    var rerouted: Set<LoadBalancerID> = []
    /// Identities that are to be brought to the appliance though they do not change as wanted: the facts of some change, and of others the
    /// appliance runs something else.
    var unsettled: Set<LoadBalancerID> = []
    /// Identities of which a request wants what it takes out gone at once.
    var forced: Set<LoadBalancerID> = []
    /// How many load balancers there are that jobs want.
    var count: Int
    /// Whether the last change is a DELETE that leaves nothing.
    var isEmptyByDelete: Bool
    /// The revision that it makes.
    var revision: UInt64
    /// The changes for the journal.
    var journal: [JournalEntry] = []

    /// The identities of what goes, in no order.
    var removedIDs: [LoadBalancerID] { entries.compactMap { $0.value == nil ? $0.key : nil } }

    /// Every identity of which wanted state or facts differ, in order.
    var changedIDs: [LoadBalancerID] {
        if health.isEmpty, rerouted.isEmpty { return order }
        return order + rerouted.union(health.keys).filter { entries[$0] == nil }.sorted()
    }

    /// Every identity of which something else may be in force: those that changed, and those of which a drain began or ended.
    var effectiveIDs: [LoadBalancerID] {
        let changed = changedIDs
        return drainingListeners.isEmpty ? changed : changed + unsettled.subtracting(changed).sorted()
    }

    /// Every identity that the appliance may have to run as something else, in order.
    var touchedIDs: [LoadBalancerID] { unsettled.isEmpty ? order : order + unsettled.subtracting(order).sorted() }

    /// No change of this state.
    init(of snapshot: borrowing Snapshot) {
        drains = snapshot.facts.drains
        silencedRoutes = snapshot.wanted.silencedRoutes
        fronts = snapshot.wanted.fronts
        count = snapshot.wanted.jobCount
        isEmptyByDelete = snapshot.wanted.isEmptyByDelete
        revision = snapshot.revision
    }

    /// No change of the state that others make.
    init(after changes: Changes) {
        drains = changes.drains
        silencedRoutes = changes.silencedRoutes
        fronts = changes.fronts
        count = changes.count
        isEmptyByDelete = changes.isEmptyByDelete
        revision = changes.revision
    }
}

/// What a transaction builds on: the committed state and, in front of it, what is being made durable.
struct BaseState {
    let committed: SnapshotStore
    /// What is being made durable; nil where nothing is.
    var pending: Changes?

    init(_ committed: SnapshotStore) { self.committed = committed }

    /// No change yet.
    var noChanges: Changes { pending.map { Changes(after: $0) } ?? committed.read { Changes(of: $0) } }

    subscript(id: LoadBalancerID) -> WantedState.Entry? {
        if let entry = pending?.entries[id] { return entry }
        return committed[id]
    }

    func health(of id: LoadBalancerID) -> ServiceHealth? {
        if let health = pending?.health[id] { return health }
        return committed.health(of: id)
    }

    var drains: DrainTable { pending?.drains ?? committed.drains }

    /// Whether there was a load balancer of this identity, and it was deleted.
    func wasDeleted(_ id: LoadBalancerID) -> Bool {
        if let entry = pending?.entries[id] { return entry == nil }
        return committed.read { $0.wanted.deleted.contains(id) }
    }

    /// Every identity, in no order.
    var ids: Set<LoadBalancerID> {
        var ids = Set(committed.entries.keys)
        for (id, entry) in pending?.entries ?? [:] {
            if entry == nil { ids.remove(id) } else { ids.insert(id) }
        }
        return ids
    }
}

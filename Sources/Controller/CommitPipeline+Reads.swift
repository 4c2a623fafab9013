import HostSystem
public import LBaaS
public import Requests
import StateStore
import Synchronization

// What is read of the committed state.

extension CommitPipeline {
    /// The load balancers that a request asks after, with the facts of the same moment; nil where they were deleted.
    ///
    /// - Throws: where it names one that is not there.
    func find(_ selection: Selection) throws(Refusal) -> [(entry: WantedState.Entry, health: ServiceHealth?)]? {
        if selection == .all {
            let (isDeleted, entries, health) = committed.read { ($0.wanted.isEmptyByDelete, $0.wanted.entries, $0.facts.health) }
            return isDeleted ? nil : entries.inOrder(with: health)
        }
        let found = committed.read { snapshot -> Result<[(entry: WantedState.Entry, health: ServiceHealth?)]?, Refusal> in
            do throws(Refusal) { return .success(try snapshot.find(selection)) } catch { return .failure(error) }
        }
        return try found.get()
    }

    /// The load balancers that a reader asks after, with the facts, what drains and the revision of the same moment.
    ///
    /// - Throws: `notFound` where one is not there, or was deleted.
    func read(
        _ selection: Selection
    ) throws(Refusal) -> (revision: UInt64, drains: DrainTable, found: [(entry: WantedState.Entry, health: ServiceHealth?)]) {
        typealias Found = (revision: UInt64, drains: DrainTable, found: [(entry: WantedState.Entry, health: ServiceHealth?)])
        if selection == .all {
            let (revision, drains, entries, health) = committed.read { ($0.revision, $0.facts.drains, $0.wanted.entries, $0.facts.health) }
            return (revision, drains, entries.inOrder(with: health))
        }
        return try committed.read { snapshot -> Result<Found, Refusal> in
            do throws(Refusal) {
                let entries = try selection.entries(all: { [] }, find: { snapshot.wanted.entries[$0] })
                return .success((snapshot.revision, snapshot.facts.drains, entries.map { ($0, snapshot.facts.health[$0.loadBalancer.id]) }))
            } catch {
                return .failure(error)
            }
        }.get()
    }

    /// What is committed, in a few numbers.
    var summary: StateSummary {
        committed.read { StateSummary(revision: $0.revision, count: $0.wanted.entries.count, lastChange: $0.lastChange) }
    }

    /// How the nodes of a load balancer are by the worker's checks; nil where nobody but the driver knows.
    func checkedStatus(of loadBalancer: LoadBalancer, _ health: ServiceHealth?) -> [NodeStatus]? {
        guard driver.upkeep.checking == .worker, loadBalancer.monitor != nil, let health else { return nil }
        let now = now()
        return loadBalancer.nodes.map { node in
            guard let fact = health.nodes[node.id] else { return NodeStatus(id: node.id, isUp: false) }
            let isInUse = node.condition == .enabled && !loadBalancer.isSuspended
            return NodeStatus(
                id: node.id, isUp: isInUse && fact.health.isUp, reason: fact.health.reason, since: now.wall(fact.health.since))
        }
    }

    /// The load balancers whose nodes the appliance checks, and how these are committed to be, or will be when what was found of them is.
    /// Empty where it matters to nobody.
    var checkedByAppliance: [(loadBalancer: LoadBalancer, facts: [NodeID: ServiceHealth.NodeFact])] {
        let found = retained.withLock(\.self)
        let (entries, health) = committed.read { ($0.wanted.entries, $0.facts.health) }
        var checked = health.compactMap { id, health -> (loadBalancer: LoadBalancer, facts: [NodeID: ServiceHealth.NodeFact])? in
            guard let loadBalancer = entries[id]?.inService, !loadBalancer.isSuspended, !health.nodes.isEmpty else { return nil }
            return (loadBalancer, health.nodes)
        }
        if found.isIdle { return checked }
        for place in checked.indices {
            for (node, fact) in checked[place].facts {
                if let health = found.health(of: node, in: checked[place].loadBalancer.id, version: fact.version) {
                    checked[place].facts[node]?.health = health
                }
            }
        }
        return checked
    }

    /// Whose log is to be archived; nil where it was deleted.
    ///
    /// A client that made its load balancer without an id means it by its name or its protocol, whatever id it sends now.
    func loadBalancer(of order: ArchiveOrder) throws(Refusal) -> LoadBalancerID? {
        let id = committed.read { snapshot -> LoadBalancerID?? in
            let entries = snapshot.wanted.entries
            if entries[order.loadBalancer] != nil { return order.loadBalancer }
            let named = order.otherNames.first { entries[$0]?.loadBalancer.serviceProtocol == order.serviceProtocol }
            if let named { return named }
            return ([order.loadBalancer] + order.otherNames).contains(where: snapshot.wasDeleted) ? .some(nil) : nil
        }
        guard let id else { throw Refusal(missing: order.loadBalancer, index: 0) }
        return id
    }

    /// The number of the last committed change.
    public var revision: UInt64 { committed.read { $0.revision } }

    /// The committed changes behind a revision, the oldest first.
    ///
    /// - Parameter limit: at most so many.
    /// - Throws: where the state cannot be read.
    public func journal(after revision: UInt64, limit: Int) throws(Refusal) -> [JournalEntry] {
        do throws(StateStoreError) {
            return try stage.journal(after: revision, limit: limit)
        } catch {
            throw Refusal(.store, error.message)
        }
    }

    /// Some load balancer that the appliance serves; nil where there is none.
    public var anyServed: LoadBalancerID? {
        committed.read { snapshot in
            snapshot.wanted.entries.values.first { !$0.isOutOfService && !$0.loadBalancer.isSuspended }?.loadBalancer.id
        }
    }

    /// How many load balancers are committed.
    public var count: Int { committed.read { $0.wanted.entries.count } }
}

extension LoadBalancerTable<WantedState.Entry> {
    /// All of them in the order of their identities, each with how its nodes are.
    fileprivate func inOrder(
        with health: LoadBalancerTable<ServiceHealth>
    ) -> [(entry: WantedState.Entry, health: ServiceHealth?)] {
        var work = LongWork()
        return keys.sorted().compactMap { id in
            work.step()
            return self[id].map { ($0, health[id]) }
        }
    }
}

import LBaaS
import Requests

/// Makes a durable decision the committed state: everybody reads it from now on, and the world hears of it.
struct Publication {
    let committed: SnapshotStore
    let driver: any LoadBalancerDriver
    let layers: EffectLayers
    /// Has the virtual IPs; nil where nobody has.
    let keeper: (any VirtualIPKeeper)?
    let checker: (any NodeChecker)?
    let checking: NodeChecking
    let observer: (any CoreObserver)?
    let now: @Sendable () -> Moment
    let log: Log

    /// Publishes a decision, in the order of the decisions.
    ///
    /// - Returns: the deleted identities that are forgotten for newer ones.
    func publish(_ decision: Decision) -> [LoadBalancerID] {
        let changes = decision.draft.changes
        let isFollowed = observer?.followsChanges ?? false
        var items: [PublishedChange.Item] = []
        var removed: [VirtualIP] = []
        var turns: [(id: LoadBalancerID, old: ServiceHealth?, new: ServiceHealth)] = []
        let forgotten = committed.change { snapshot -> [LoadBalancerID] in
            if isFollowed { items = changes.changedIDs.map { changes.item($0, of: snapshot) } }
            snapshot.revision = changes.revision
            if var last = changes.journal.last {
                last.revision = changes.revision
                last.loadBalancers = []
                snapshot.lastChange = last
            }
            if changes.changesRoutes { snapshot.wanted.silencedRoutes = changes.silencedRoutes }
            if !changes.changedFronts.isEmpty { snapshot.wanted.fronts = changes.fronts }
            snapshot.wanted.isEmptyByDelete = changes.isEmptyByDelete
            for (address, entry) in changes.virtualIPs.requested {
                let old = snapshot.wanted.virtualIPs[address]
                snapshot.wanted.virtualIPs.requested[address] = entry
                snapshot.virtualIPRevisions[address] = changes.revision
                if snapshot.wanted.virtualIPs[address] == nil {
                    snapshot.facts.virtualIPs[address] = nil
                    if let old { removed.append(old) }
                }
            }
            for (address, fact) in changes.virtualIPFacts where snapshot.wanted.virtualIPs[address] != nil {
                snapshot.facts.virtualIPs[address] = fact
            }
            if !changes.drainingListeners.isEmpty { snapshot.facts.drains = changes.drains }
            for (id, health) in changes.health {
                if let health { turns.append((id, snapshot.facts.health[id], health)) }
                snapshot.facts.health[id] = health
            }
            return changes.order.compactMap { id in
                guard let entry = changes.entries[id] ?? nil else {
                    return snapshot.wanted.delete(id)
                }
                snapshot.wanted.put(entry)
                return nil
            }
        }
        for turn in turns { log.writeTurns(of: turn.id, from: turn.old, to: turn.new) }
        if !changes.virtualIPs.isEmpty { keeper?.take(changes.virtualIPs) }
        layers.finish(decision)
        if checker != nil { for id in changes.order { check(id) } }
        let deleted = changes.removedIDs
        if !deleted.isEmpty { driver.discard(deleted) }
        if isFollowed {
            observer?.published(
                PublishedChange(
                    revision: changes.revision, moment: now(), journal: changes.journal, items: items, virtualIPs: changes.virtualIPEvents,
                    removedVirtualIPs: removed))
        }
        return forgotten
    }

    /// Has the nodes of a load balancer checked as it is committed now.
    func check(_ id: LoadBalancerID) {
        guard let checker else { return }
        let (loadBalancer, health) = committed.read { ($0.wanted.entries[id]?.inService, $0.facts.health[id]) }
        let facts = health?.nodes ?? [:]
        let isChecked = loadBalancer.map { !$0.isSuspended && ($0.monitor != nil || checking == .driver) } ?? false
        checker.check(id, isChecked && !facts.isEmpty ? loadBalancer : nil, facts: facts)
    }
}

extension Changes {
    /// What these changes make of a load balancer.
    fileprivate func item(_ id: LoadBalancerID, of snapshot: borrowing Snapshot) -> PublishedChange.Item {
        let (entry, facts) = (snapshot.wanted.entries[id], snapshot.facts.health[id])
        return PublishedChange.Item(
            id: id, oldEntry: entry, newEntry: entries[id] ?? entry, oldHealth: facts, newHealth: health[id] ?? facts)
    }
}

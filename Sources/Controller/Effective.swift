import LBaaS

/// The committed state as it should run right now: what is wanted and the facts.
struct Effective {
    let committed: CommittedState
    /// What the worker does for the driver. Where that is nothing, what is wanted is what should run.
    let upkeep: Upkeep

    /// A load balancer as it should run; nil where nothing of it should.
    subscript(id: LoadBalancerID) -> LoadBalancer? {
        effective(committed[id]?.loadBalancer, id: id, committed.drains, committed.health(of: id))
    }

    /// A load balancer as it should run once the draft is committed.
    func callAsFunction(_ id: LoadBalancerID, in draft: Draft) -> LoadBalancer? {
        effective(draft[id]?.loadBalancer, id: id, draft.drains, draft.health(of: id))
    }

    /// Every load balancer as it should run.
    var all: [LoadBalancer] {
        let wanted = committed.withLock { $0.entries.values.map(\.loadBalancer) }
        if upkeep.drainTimeout == nil, upkeep.checking == .nobody { return wanted }
        let drains = committed.drains
        let gone = drains.owners.filter { committed[$0] == nil }
        return wanted.compactMap { effective($0, id: $0.id, drains, committed.health(of: $0.id)) }
            + gone.sorted().compactMap { effective(nil, id: $0, drains, nil) }
    }

    private func effective(
        _ wanted: LoadBalancer?, id: LoadBalancerID, _ drains: DrainTable, _ health: ServiceHealth?
    ) -> LoadBalancer? {
        let drained = upkeep.drainTimeout == nil ? wanted : drains.effective(wanted, id: id)
        guard wanted != nil, let drained, let health else { return drained }
        return switch upkeep.checking {
        case .nobody: drained
        case .driver: health.effectiveWhereNodesAreChecked(drained)
        case .worker: health.effective(drained)
        }
    }
}

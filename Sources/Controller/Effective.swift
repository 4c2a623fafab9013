import LBaaS

/// The committed state as it should run right now: what is wanted and the facts.
struct Effective {
    let committed: CommittedState
    /// How long a drain may take; nil where the driver sees to drains itself, and what is wanted is what should run.
    let drainTimeout: Duration?

    /// A load balancer as it should run; nil where nothing of it should.
    subscript(id: LoadBalancerID) -> LoadBalancer? { effective(committed[id]?.loadBalancer, id: id, committed.drains) }

    /// A load balancer as it should run once the draft is committed.
    func callAsFunction(_ id: LoadBalancerID, in draft: Draft) -> LoadBalancer? {
        effective(draft[id]?.loadBalancer, id: id, draft.drains)
    }

    /// Every load balancer as it should run.
    var all: [LoadBalancer] {
        let wanted = committed.withLock { $0.entries.values.map(\.loadBalancer) }
        if drainTimeout == nil { return wanted }
        let drains = committed.drains
        let gone = drains.owners.filter { committed[$0] == nil }
        return wanted.compactMap { effective($0, id: $0.id, drains) } + gone.sorted().compactMap { effective(nil, id: $0, drains) }
    }

    private func effective(_ wanted: LoadBalancer?, id: LoadBalancerID, _ drains: DrainTable) -> LoadBalancer? {
        drainTimeout == nil ? wanted : drains.effective(wanted, id: id)
    }
}

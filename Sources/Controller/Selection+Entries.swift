import LBaaS
import Requests

extension Selection {
    /// The load balancers that it means.
    ///
    /// - Parameters:
    ///   - all: every identity, in order.
    ///   - find: the load balancer of an identity; nil where there is none.
    /// - Throws: where it names one that is not there.
    func entries(
        all: () -> [LoadBalancerID], find: (LoadBalancerID) -> WantedState.Entry?
    ) throws(Refusal) -> [WantedState.Entry] {
        switch self {
        case .all:
            return all().compactMap(find)
        case .named(let ids):
            var entries: [WantedState.Entry] = []
            entries.reserveCapacity(ids.count)
            for (index, id) in ids.enumerated() {
                guard let entry = find(id) else { throw Refusal(missing: id, index: index) }
                entries.append(entry)
            }
            return entries
        }
    }

    /// Whether it means what was deleted.
    ///
    /// - Parameters:
    ///   - isEmptyByDelete: whether the last change is a DELETE that left nothing.
    ///   - wasDeleted: whether there was a load balancer of an identity, and it was deleted.
    func meansDeleted(isEmptyByDelete: Bool, wasDeleted: (LoadBalancerID) -> Bool) -> Bool {
        switch self {
        case .all: isEmptyByDelete
        case .named(let ids): ids.contains(where: wasDeleted)
        }
    }
}

extension Snapshot {
    /// Whether there was a load balancer of this identity, and it was deleted.
    func wasDeleted(_ id: LoadBalancerID) -> Bool { wanted.entries[id] == nil && wanted.deleted.contains(id) }

    /// The load balancers that a request means, and how their nodes are; nil where it asks after what was deleted.
    ///
    /// - Throws: where it names one that is not there.
    func find(_ selection: Selection) throws(Refusal) -> [(entry: WantedState.Entry, health: ServiceHealth?)]? {
        if selection.meansDeleted(isEmptyByDelete: wanted.isEmptyByDelete, wasDeleted: wasDeleted) { return nil }
        return try selection.entries(all: { wanted.entries.keys.sorted() }, find: { wanted.entries[$0] })
            .map { ($0, facts.health[$0.loadBalancer.id]) }
    }
}

import LBaaS
import Requests

/// What should be wanted, by the shortest reading of the protocol: the other side of the comparison.
struct Model {
    var entries: [LoadBalancerID: WantedState.Entry] = [:]

    /// Takes a change that was answered with PASS.
    mutating func take(_ change: WantedChange, by source: WantedState.Source) {
        switch change {
        case .routes: break
        case .virtualIPs(_, let other): if let other { take(other, by: source) }
        case .update(let list):
            let kept = Set(list.map(\.id))
            entries = entries.filter { $0.value.source != source || kept.contains($0.key) }
            put(list, source)
        case .create(let list): put(list, source)
        case .suspend(let selection): each(selection, source) { $0.isSuspended = true }
        case .enable(let selection): each(selection, source) { $0.isSuspended = false }
        case .delete(.all): entries = entries.filter { $0.value.source != source }
        case .delete(.named(let ids)): for id in ids { entries[id] = nil }
        }
    }

    private mutating func put(_ list: [LoadBalancer], _ source: WantedState.Source) {
        for loadBalancer in list {
            entries[loadBalancer.id] = WantedState.Entry(
                loadBalancer: loadBalancer, createdAt: Timestamp(microseconds: 0), source: source)
        }
    }

    private mutating func each(_ selection: Selection, _ source: WantedState.Source, _ change: (inout LoadBalancer) -> Void) {
        for (id, entry) in entries where entry.source == source {
            if case .named(let ids) = selection, !ids.contains(id) { continue }
            var changed = entry
            change(&changed.loadBalancer)
            entries[id] = changed
        }
    }

    /// Whether these entries are the model's, whenever they were created.
    func matches(_ others: some Sequence<(key: LoadBalancerID, value: WantedState.Entry)>) -> Bool {
        var count = 0
        for (id, other) in others {
            guard let entry = entries[id], entry.loadBalancer == other.loadBalancer, entry.source == other.source else { return false }
            count += 1
        }
        return count == entries.count
    }
}

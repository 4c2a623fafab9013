import Etcd

// The values that all hosts share. Each host keeps the newest that it knows; what the store has is brought to that, and the other way round.

extension OwnershipMachine {
    /// Takes values of this host.
    mutating func share(_ new: [SharedValue]) {
        for value in new where values[value.name].map({ value.isNewer(than: $0) }) ?? true {
            values[value.name] = value
            compare(value.name)
        }
    }

    /// Takes what the store has that is newer.
    mutating func reconcileValues() {
        var news: [SharedValue] = []
        for name in view.takeChangedValues().sorted() {
            if let stored = view.values[name]?.value, stored.number > 0, values[name].map({ stored.isNewer(than: $0) }) ?? true {
                values[name] = stored
                news.append(stored)
            }
            compare(name)
        }
        if !news.isEmpty { actions.append(.notify(.shared(news))) }
    }

    /// Finds out whether the store has to be told of a name.
    private mutating func compare(_ name: String) {
        guard let value = values[name] else { return }
        if view.values[name].map({ value.isNewer(than: $0.value) }) ?? true { unshared.insert(name) } else { unshared.remove(name) }
    }

    /// Puts values that are newer than those of the store.
    mutating func sharing() -> Planned? {
        if isStopping || unshared.isEmpty { return nil }
        let news = unshared.sorted().prefix(settings.mostNames).compactMap { values[$0] }
        return (
            .share(news), news.map { EtcdCompare(keys.value($0.name), .modRevision(view.values[$0.name]?.revision ?? 0)) },
            news.map { .put(keys.value($0.name), $0.json) }
        )
    }
}

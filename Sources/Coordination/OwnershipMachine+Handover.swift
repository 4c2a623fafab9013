import Etcd

// Giving a name up while this host can still serve it.
//
// With `atMostOne` nobody has the name between the loss of one host and the takeover of another, so that time is to be short. The owner first
// asks the heir whether it is there, which answers by a heartbeat. Only then it loses the name, and one request makes the heir the
// owner. The heir needs no request: it was asked under its present right, which nobody can have ended without its notice.

extension OwnershipMachine {
    /// Gives a name up to another host, or to the best of the others where none is named, as far as they can take it.
    mutating func handOver(_ name: String, to host: String?, _ now: Duration) {
        guard let holding = holdings[name], releases[name] == nil else { return }
        guard holding.policy == .atMostOne, let heir = heir(of: name, host, now) else { return release(name, heir: host, now) }
        releases[name] = Release(heir: heir, phase: .asking(since: now, revision: nil))
    }

    /// The host that was named where it can take a name, otherwise the best; nil where no other can.
    private func heir(of name: String, _ host: String?, _ now: Duration) -> String? {
        let others = others(for: name, now)
        if let host, others[host] != nil { return host }
        return others.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// Loses the names whose heirs have answered, or have not in time.
    mutating func planHandovers(_ now: Duration) {
        for (name, release) in releases.sorted(by: { $0.key < $1.key }) {
            guard case .asking(let since, let revision) = release.phase, let heir = release.heir else { continue }
            let limit = since + settings.questionLimit
            if let revision, let host = view.hosts[heir], host.record.isAlive, host.revision > revision, holdings[name] != nil {
                releases[name]?.phase = .handing(host.record.incarnation)
            } else if now >= limit || holdings[name] == nil {
                releases[name] = Release(heir: nil)
            } else {
                wake(at: limit)
                continue
            }
            lose(name, .released)
        }
    }

    /// Asks heirs whether they are there.
    func asking() -> Planned? {
        guard case .open = registration else { return nil }
        var records: [String: OwnerRecord] = [:]
        for (name, release) in releases.sorted(by: { $0.key < $1.key }) where records.count < settings.mostNames {
            guard case .asking(_, nil) = release.phase, let heir = release.heir, let owner = view.owners[name],
                owner.revision == holdings[name]?.revision
            else { continue }
            records[name] = OwnerRecord(
                host: settings.host, incarnation: settings.incarnation, epoch: owner.record.epoch, heir: heir)
        }
        if records.isEmpty { return nil }
        return (.ask(records), compares(of: records), puts(of: records))
    }

    func compares(of records: [String: OwnerRecord]) -> [EtcdCompare] {
        records.keys.sorted().map { EtcdCompare(keys.owner($0), .modRevision(view.owners[$0]?.revision ?? 0)) }
    }

    func puts(of records: [String: OwnerRecord]) -> [EtcdOperation] {
        records.sorted { $0.key < $1.key }.map { .put(keys.owner($0.key), $0.value.json) }
    }

    /// Whether an owner has asked whether this host is there for a name, since its key was changed.
    func owesAnswer(since revision: Int) -> Bool {
        view.owners.contains { name, owner in
            owner.revision > revision && owner.record.heir == settings.host && !owner.record.host.isEmpty
                && owner.record.host != settings.host && candidacies[name]?.isHealthy == true
        }
    }

    /// Owns the names that their owners have handed to this host.
    ///
    /// The record holds: since it was put nobody can have taken this host for dead, whose right is older and has not ended since, and this host
    /// has not tried to give the name up.
    mutating func takeOver(_ now: Duration) {
        guard hasRight(now), now >= claimsNotBefore else { return }
        let handed = view.owners.filter { name, owner in
            owner.record.host == settings.host && owner.record.incarnation == settings.incarnation && !owner.record.from.isEmpty
                && holdings[name] == nil && releases[name] == nil
                && owner.revision > max(rightRevision, rollbackRevision, vacated[name] ?? 0)
        }
        for (name, owner) in handed.sorted(by: { $0.key < $1.key }) { hold(name, owner.revision, now) }
    }
}

import Etcd
import LBaaS

// The names that this host owns: taking part, giving up, losing.

extension OwnershipMachine {
    mutating func set(_ name: String, _ candidacy: Candidacy?, _ now: Duration) {
        let before = candidacies[name]
        candidacies[name] = candidacy
        guard let candidacy, candidacy.isHealthy else {
            joinedAt[name] = nil
            wished[name] = nil
            if candidacy == nil { yielded.remove(name) }
            if holdings[name] != nil { release(name, heir: nil, now) }
            return
        }
        if before?.isHealthy != true { joinedAt[name] = now }
        if let holding = holdings[name], holding.policy != candidacy.policy { change(name, to: candidacy.policy, now) }
    }

    /// Changes what is promised of a name that this host owns. It goes on as its owner where it has the right that the new promise needs.
    private mutating func change(_ name: String, to policy: OwnershipPolicy, _ now: Duration) {
        holdings[name]?.policy = policy
        if policy == .atMostOne, !hasRight(now) || holdings[name]?.revision == nil { return lose(name, .expired) }
        actions.append(.notify(.owned(name, until: policy == .atMostOne ? validUntil : nil)))
    }

    mutating func assume(_ name: String) {
        guard unattended.contains(name), holdings[name] == nil, let candidacy = candidacies[name], candidacy.isHealthy,
            candidacy.policy == .atLeastOne
        else { return }
        holdings[name] = Holding(policy: .atLeastOne)
        actions.append(.notify(.owned(name, until: nil)))
    }

    /// Gives a name up. With `atMostOne` it is lost before the store hears of it. With `atLeastOne` it is kept until another host
    /// has it, where there is one that can take it.
    mutating func release(_ name: String, heir: String?, _ now: Duration) {
        guard let holding = holdings[name] else { return }
        releases[name] = Release(heir: heir)
        if holding.policy == .atMostOne || others(for: name, now).isEmpty { return lose(name, .released) }
        if holding.releasedAt != nil { return }
        holdings[name]?.releasedAt = now
        silence(name)
    }

    /// Keeps a name, and does not contradict another host that says that it has it.
    mutating func silence(_ name: String) {
        guard let holding = holdings[name], !holding.isSilent else { return }
        holdings[name]?.isSilent = true
        actions.append(.notify(.yielding(name)))
    }

    /// Says again that this host has the names that the store says are its.
    mutating func confirmHoldings() {
        let silent = holdings.filter { $0.value.isSilent && $0.value.revision != nil && $0.value.releasedAt == nil }
        for name in silent.keys.sorted() {
            holdings[name]?.isSilent = false
            actions.append(.notify(.owned(name, until: nil)))
        }
    }

    /// Loses a name.
    mutating func lose(_ name: String, _ reason: LossReason) {
        if holdings.removeValue(forKey: name) != nil { actions.append(.notify(.lost(name, reason))) }
    }

    /// Loses the names of which the store says that others own them.
    mutating func reconcileHoldings(_ now: Duration) {
        let differing = holdings.filter { name, holding in
            guard let owner = view.owners[name], let revision = holding.revision else { return true }
            return owner.record.host != settings.host || owner.record.incarnation != settings.incarnation || owner.revision != revision
        }
        for (name, holding) in differing.sorted(by: { $0.key < $1.key }) {
            guard let owner = view.owners[name] else {
                if holding.revision != nil { vanished(name, holding) }
                continue
            }
            if owner.record.host == settings.host, owner.record.incarnation == settings.incarnation {
                if holding.revision != nil { holdings[name]?.revision = owner.revision }
            } else if owner.record.host == settings.host {
                // Another worker with this host's id claimed it. A name that is kept is claimed again.
                if holding.policy == .atMostOne { lose(name, .duplicateHost) } else { holdings[name]?.revision = nil }
            } else if !owner.record.host.isEmpty {
                // With atLeastOne a host is no owner that is not heard of, or does not know that it owns the name, since the store was
                // restored: the name is kept, and claimed again.
                let host = view.host(owner.record.host, of: owner)
                let isAlive = host.record.isAlive && now - host.seenAt <= settings.takeover
                if !isAlive || owner.revision <= rollbackRevision, holding.policy == .atLeastOne {
                    holdings[name]?.revision = nil
                } else if holding.releasedAt == nil || holding.policy == .atMostOne {
                    lose(name, .takenOver(by: owner.record.host))
                } else if holding.successor == nil {
                    holdings[name]?.successor = (owner.record.host, now)
                }
            } else if holding.revision != nil, owner.revision > holding.revision ?? 0, holding.releasedAt == nil {
                vanished(name, holding)
            }
        }
    }

    /// Somebody took the record of a name away.
    private mutating func vanished(_ name: String, _ holding: Holding) {
        if holding.policy == .atMostOne { lose(name, .withdrawn) } else { holdings[name]?.revision = nil }
    }

    /// Gives names up to hosts that asked for them.
    mutating func planWishesOfOthers(_ now: Duration) {
        for (name, wish) in view.wishes {
            guard let holding = holdings[name], holding.releasedAt == nil, let revision = holding.revision, wish.revision > revision,
                let candidacy = candidacies[name], candidacy.preemption != .no,
                let priority = others(for: name, now)[wish.record.host], priority > candidacy.priority
            else { continue }
            handOver(name, to: wish.record.host, now)
        }
    }

    /// Ends what is kept for too long, and tells of what nobody attends.
    mutating func planHoldings(_ now: Duration) {
        for (name, holding) in holdings {
            guard let releasedAt = holding.releasedAt else { continue }
            let end = releasedAt + settings.handoverLimit
            if let (host, time) = holding.successor {
                if now < time + settings.handoverOverlap {
                    wake(at: time + settings.handoverOverlap)
                } else {
                    lose(name, .takenOver(by: host))
                }
            } else if now < end {
                wake(at: end)
            } else if isStopping || candidacies[name]?.isHealthy != true {
                lose(name, .released)
            } else if let owner = view.owners[name], owner.record.host.isEmpty, !hasRight(now) || owner.record.from == settings.host {
                // Nobody took it: it is claimed again.
                holdings[name]?.releasedAt = nil
                holdings[name]?.revision = nil
                releases[name] = nil
            } else {
                wake(at: now + settings.handoverLimit)
            }
        }
        let silentAt = lastContact + settings.takeover * 3
        let lacking = candidacies.filter { name, candidacy in
            candidacy.policy == .atLeastOne && candidacy.isHealthy && holdings[name] == nil && !unattended.contains(name)
        }
        for name in lacking.keys.sorted() where !isStopping && !isRefused {
            if now < silentAt {
                wake(at: silentAt)
            } else {
                unattended.insert(name)
                actions.append(.notify(.unattended(name)))
            }
        }
        if let validUntil { wake(at: validUntil) }
    }

    /// Tells who owns the names that this host takes part in and does not own.
    mutating func tellOwners() {
        for name in holdings.keys { toldOwners[name] = nil }
        let others = candidacies.keys.filter { name in
            guard holdings[name] == nil, let owner = view.owners[name]?.record.host else { return false }
            return !owner.isEmpty && owner != settings.host && owner != toldOwners[name]
        }
        for name in others.sorted() {
            guard let owner = view.owners[name]?.record.host else { continue }
            toldOwners[name] = owner
            actions.append(.notify(.standby(name, owner: owner)))
        }
    }

    /// Whether another worker has the id of this host.
    var isRefused: Bool { if case .refused = registration { true } else { false } }
}

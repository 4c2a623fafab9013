import LBaaS
import StateStore

// What becomes of a decision that is made durable, and of one that is not.

extension TransactionMachine {
    /// Takes it that a decision was applied and is being made durable: the next one builds on it.
    ///
    /// - Returns: what the store must take.
    mutating func begin(_ decision: inout Decision, counterChanges: [GroupOutcome]) -> [StateWrite] {
        let draft = decision.draft
        let counterChanges = takeEarlyCounters(draft) + counterChanges
        decision.counterChanges = counterChanges
        decision.accounts.merge(ledgerChanges(counterChanges, decision)) { _, new in new }
        let writes = writes(decision)
        for id in draft.changes.touchedIDs { divergence.forget(id) }
        for id in decision.accounts.keys { decision.formerAccounts.updateValue(ledger.account(of: id), forKey: id) }
        let removed = draft.changes.removedIDs
        for id in removed { decision.formerAccounts.updateValue(ledger.account(of: id), forKey: id) }
        ledger.keep(decision.accounts)
        for id in removed { ledger.close(id) }
        decision.forgotten = forgotten
        forgotten = []
        base.pending = draft.changes
        return writes
    }

    /// Takes it that what was being made durable is durable and published: it is the committed state.
    ///
    /// - Parameter ids: the deleted identities that were forgotten for newer ones.
    mutating func published(forgetting ids: [LoadBalancerID]) {
        base.pending = nil
        if !ids.isEmpty { forgotten += ids }
    }

    /// Takes a decision back that was applied and began to be made durable.
    ///
    /// - Returns: whose load balancers run something else than what is in force now.
    mutating func undo(_ decision: Decision) -> [LoadBalancerID] {
        let ids = decision.draft.changes.touchedIDs
        let running = ids.map { divergence.running($0, effective: effective($0).appliance) }
        // What it was built on is durable.
        base.pending = nil
        decision.draft.undo(in: &listeners)
        for (id, running) in zip(ids, running) { note(running, of: id) }
        ledger.restore(decision.formerAccounts)
        forgotten = decision.forgotten + forgotten
        // What ended has ended, whatever becomes of the state.
        keep(counterChanges: decision.counterChanges)
        return ids
    }

    /// Takes a decision back of which nothing is being made durable.
    ///
    /// - Parameters:
    ///   - isApplied: whether the appliance runs it; otherwise what it runs is noted already.
    ///   - counterChanges: the counters that ended and began with it.
    mutating func abandon(_ decision: Decision, isApplied: Bool, counterChanges: [GroupOutcome]) {
        let draft = decision.draft
        if isApplied { for id in draft.changes.touchedIDs { note(draft.effective(id, rule).appliance, of: id) } }
        draft.undo(in: &listeners)
        keep(counterChanges: counterChanges)
    }

    /// Takes what counters ended and began with of what is in force, which the store does not have yet.
    mutating func keep(counterChanges: [GroupOutcome]) {
        if counterChanges.isEmpty { return }
        for outcome in counterChanges {
            for (id, counters) in outcome.ended {
                earlyCounters[id]?.removeAll { counter in counters.contains { $0.run == counter.run } }
            }
            for (id, counters) in outcome.began where base[id] == nil { earlyCounters[id, default: []] += counters }
        }
        ledger.keepUnsaved(
            ledger.changing(counterChanges, earlier: [:]) { [base] in
                base[$0].map { TrafficLedger.Life(createdAt: $0.createdAt) }
            })
    }

    /// What counters began with of load balancers that come into force now.
    private mutating func takeEarlyCounters(_ draft: Draft) -> [GroupOutcome] {
        if earlyCounters.isEmpty { return [] }
        return draft.changes.order.compactMap { id in
            draft[id].flatMap { _ in earlyCounters.removeValue(forKey: id) }.map { GroupOutcome(began: [id: $0]) }
        }
    }

    /// Takes what counters show.
    mutating func read(_ traffic: TrafficReadings) {
        ledger.read(traffic) { [base] in base[$0]?.createdAt }
    }

    /// Takes it that the store has all accounts.
    mutating func savedAccounts() { ledger.saved() }

    /// The accounts that change with the counters that ended and began.
    private func ledgerChanges(
        _ outcomes: [GroupOutcome], _ decision: Decision
    ) -> [LoadBalancerID: TrafficLedger.Account] {
        if outcomes.isEmpty { return [:] }
        let draft = decision.draft
        return ledger.changing(outcomes, earlier: decision.accounts) { id in
            draft[id].map { TrafficLedger.Life(createdAt: $0.createdAt, isNew: draft.base[id] == nil) }
        }
    }

    /// Takes the listeners of what is committed. Where two load balancers are on one, the one that was created later is taken out of
    /// service.
    ///
    /// - Returns: those, each with who has its listener.
    mutating func claimListeners() -> [(loadBalancer: LoadBalancer, owner: LoadBalancerID)] {
        let entries = base.committed.entries.values
        let ordered = entries.sorted { ($0.createdAt, $0.loadBalancer.id) < ($1.createdAt, $1.loadBalancer.id) }
        return ordered.compactMap { entry in
            let loadBalancer = entry.loadBalancer
            guard let owner = listeners.claim(loadBalancer.listener, for: loadBalancer.id) else { return nil }
            outOfService.append(loadBalancer.id)
            base.committed.change { snapshot in
                var entry = entry
                entry.isOutOfService = true
                snapshot.wanted.put(entry)
                snapshot.facts.health[loadBalancer.id] = nil
            }
            return (loadBalancer, owner)
        }
    }

    /// What the store must take to hold a decision.
    private mutating func writes(_ decision: Decision) -> [StateWrite] {
        let (draft, changes) = (decision.draft, decision.draft.changes)
        var writes = forgotten.map { StateWrite.forgetDeleted(id: $0.text) }
        for id in changes.order {
            guard let entry = draft[id] else {
                if draft.base[id]?.source.isStored ?? true { writes.append(.delete(id: id.text)) }
                continue
            }
            if !entry.source.isStored { continue }
            if changes.changedTwice.contains(id), entry == draft.base[id] { continue }
            if draft.base.wasDeleted(id) { writes.append(.forgetDeleted(id: id.text)) }
            writes.append(.put(entry.row))
        }
        for (id, account) in decision.accounts where draft[id]?.source.isStored ?? false {
            writes.append(.traffic(StoredTraffic(account, of: id)))
        }
        for (id, health) in changes.health { writes += health.writes(from: draft.base.health(of: id), of: id) }
        for listener in changes.drainingListeners { writes.append(.drains(StoredDrains(changes.drains[listener], on: listener))) }
        for (address, entry) in changes.virtualIPs.requested { writes.append(.virtualIP(entry.row(of: address))) }
        for name in changes.changedFronts { writes.append(.front(name, changes.fronts.fronts[name])) }
        if changes.changesRoutes { writes.append(.silencedRoutes(changes.silencedRoutes.rows)) }
        if draft.base.noChanges.isEmptyByDelete != changes.isEmptyByDelete { writes.append(.isEmptyByDelete(changes.isEmptyByDelete)) }
        let journal = changes.journal.filter(\.isStored)
        if !journal.isEmpty { writes.append(.journal(journal)) }
        // What nobody stores has a number all the same, and a start must not give it to another change. So that not each of them costs a write,
        // the store is told of many at a time.
        let isUnstored = writes.isEmpty && changes.journal.contains { !$0.isStored }
        if isUnstored {
            if changes.revision > reservedRevision {
                reservedRevision = changes.revision + Self.revisionsReserved
                writes.append(.revision(reservedRevision))
            }
        } else if changes.revision != journal.last?.revision ?? draft.base.noChanges.revision {
            writes.append(.revision(max(changes.revision, reservedRevision)))
        }
        return writes
    }
}

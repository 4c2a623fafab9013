import LBaaS
import Requests
import StateStore

/// What a batch of commitments comes to: what it does to the state, the appliance and the world, and what is answered.
struct Decision {
    /// The outcome of each commitment, provided that all of it is carried out.
    let outcomes: [Outcome]
    fileprivate(set) var draft: Draft
    /// What METRICS reports, and what counters ended and began with.
    fileprivate(set) var accounts: [LoadBalancerID: TrafficLedger.Account]
    /// The accounts as they were, for what is undone.
    fileprivate var formerAccounts: [LoadBalancerID: TrafficLedger.Account?] = [:]
    /// The counters that ended and began with it.
    fileprivate var counterChanges: [GroupOutcome] = []
    /// The deleted identities that the store forgets with it.
    fileprivate var forgotten: [LoadBalancerID] = []
    /// The steps of the appliance.
    let groups: [PatchGroup]
    /// What the layers of effects around the appliance are to bring about; nothing where there are none.
    let changes: [EffectiveChange]
    /// What listeners are told.
    let events: ServiceEvents

    /// The load balancers whose wanted state or facts change.
    var changedIDs: [LoadBalancerID] { draft.changes.changedIDs }
}

/// What became of the steps of the appliance.
enum AppliedSteps {
    /// All were carried out.
    case done
    /// Some failed: why the first of them did, and whose they are. What these run as now is to be asked: `possible` is what it may be.
    case failed(message: String, ids: [LoadBalancerID], possible: [LoadBalancer])
}

/// Decides: a pure machine, which is told what came and what became of it, and says what to do. It does no I/O and asks no clock.
///
/// For each batch: `decide`, the appliance, `applied`; then `begin`, the store, and `published` or `undo`. A second batch is decided on the
/// first while that is made durable.
struct TransactionMachine {
    let admission: Admission
    let rule: EffectiveRule
    private let drainTimeout: Duration?
    private(set) var base: BaseState
    private(set) var divergence = Divergence()
    private(set) var ledger: TrafficLedger
    private var listeners = ListenerTable()
    /// Load balancers that were taken out of service at the start, the earliest created first. Mostly none.
    private var outOfService: [LoadBalancerID] = []
    /// Deleted identities that the state in memory forgot and the store, which takes that with the next commit, did not yet.
    private var forgotten: [LoadBalancerID] = []
    /// The counters of load balancers that the appliance runs and that are not in force: a batch that failed has left them to be taken again.
    private var earlyCounters: [LoadBalancerID: [TrafficCounter]] = [:]
    /// Whether there are layers of effects around the appliance, or listeners of events.
    var isAnnounced = false

    /// The addresses of the host.
    private let hostAddresses: @Sendable () -> Set<IPAddress>

    init(
        admission: Admission, upkeep: Upkeep, committed: SnapshotStore, ledger: TrafficLedger,
        hostAddresses: @escaping @Sendable () -> Set<IPAddress>
    ) {
        self.hostAddresses = hostAddresses
        self.admission = admission
        rule = EffectiveRule(upkeep)
        drainTimeout = upkeep.drainTimeout
        base = BaseState(committed)
        self.ledger = ledger
    }

    var healthRule: HealthRule { HealthRule(checking: rule.checking, isAnnounced: isAnnounced) }

    /// A load balancer as it should be in force.
    func effective(_ id: LoadBalancerID) -> EffectiveState {
        rule.state(of: id, wanted: base[id]?.inService, drains: base.drains, health: base.health(of: id))
    }

    /// Every load balancer that the appliance should run.
    var allEffective: [LoadBalancer] {
        let committed = base.committed
        if rule.isIdentity { return committed.read { $0.wanted.entries.values.compactMap(\.inService) } }
        let ids = base.ids.union(base.drains.owners)
        return ids.sorted().compactMap { effective($0).appliance }
    }
}

// MARK: - Deciding

extension TransactionMachine {
    /// Decides on commitments that came together, each after the ones before it.
    mutating func decide(_ commitments: [Commitment], traffic: TrafficReadings, now: Moment) -> Decision {
        var draft = Draft(on: base)
        var accounts: [LoadBalancerID: TrafficLedger.Account] = [:]
        let outcomes = commitments.map { decide($0, traffic, now, &draft, &accounts) }
        let groups = groups(to: draft)
        let changes =
            isAnnounced ? draft.changes.changedIDs.map { EffectiveChange(from: effective($0), to: draft.effective($0, rule)) } : []
        return Decision(
            outcomes: outcomes, draft: draft, accounts: accounts, groups: groups, changes: changes,
            events: changes.isEmpty ? ServiceEvents() : ServiceEvents(changes, at: now.wall))
    }

    private mutating func decide(
        _ commitment: Commitment, _ traffic: TrafficReadings, _ now: Moment, _ draft: inout Draft,
        _ accounts: inout [LoadBalancerID: TrafficLedger.Account]
    ) -> Outcome {
        do throws(Refusal) {
            switch commitment {
            case .change(let change, let isForced, let origin, let deadline):
                if let deadline, deadline < now.steady {
                    throw Refusal(.expired, "the request waited for longer than it may; nothing was changed, send it again")
                }
                try accept(change, isForced: isForced, by: origin, now, &draft)
            case .finished(let drains):
                let before = draft.changes.drainingListeners.count
                draft.end(drains)
                if draft.changes.drainingListeners.count != before { draft.number(.finished(drains, at: now.wall)) }
            case .health(let findings):
                let changed = draft.take(findings, now: now.steady)
                if !changed.isEmpty { draft.number(.health(of: changed, at: now.wall)) }
            case .advance(let ids):
                if !draft.advance(ids, now: now.steady).isEmpty { draft.number(nil) }
            case .metrics(let selection):
                return try metrics(selection, traffic, now, draft, &accounts)
            }
            return .changed
        } catch {
            return .refused(error)
        }
    }

    private mutating func accept(
        _ change: WantedChange, isForced: Bool, by origin: Origin, _ now: Moment, _ draft: inout Draft
    ) throws(Refusal) {
        var steps = try admission.decide(change, by: origin, on: draft, now: now.wall)
        try take(steps, isForced: isForced, by: origin, now, &draft)
        if !outOfService.isEmpty { steps += backInService(by: origin, now, &draft) }
        let wasEmptyByDelete = draft.changes.isEmptyByDelete
        if origin.source == .jobs { draft.note(change) }
        if !divergence.isEmpty { draft.settle(change.loadBalancers.filter { divergence.contains($0) }) }
        if !steps.isEmpty || draft.changes.isEmptyByDelete != wasEmptyByDelete {
            draft.number(.request(change, by: origin, steps: steps, at: now.wall))
        }
    }

    /// Takes steps.
    ///
    /// - Throws: where a listener is taken or traffic would come back to where it came from; then nothing is changed.
    private mutating func take(
        _ steps: [Transition], isForced: Bool, by origin: Origin, _ now: Moment, _ draft: inout Draft
    ) throws(Refusal) {
        let drainRule = drainTimeout.map { DrainRule(deadline: now.steady + $0, isForced: isForced) }
        let hostAddresses = hostAddresses()
        let mayLoop = steps.contains { step in
            let old = step.listensAsBefore ? step.old?.loadBalancer : nil
            return step.new?.loadBalancer.mayLoop(hostAddresses: hostAddresses, since: old) ?? false
        }
        let before = mayLoop ? draft : nil
        try draft.accept(steps, by: origin, listeners: &listeners, rule: drainRule, isForced: isForced, health: healthRule, now: now.steady)
        if let before, let refusal = loop(in: steps, by: origin, draft, hostAddresses) {
            draft.takeBack(steps, in: &listeners)
            draft = before
            throw refusal
        }
    }

    /// Brings load balancers into service whose listeners are free now.
    private mutating func backInService(by origin: Origin, _ now: Moment, _ draft: inout Draft) -> [Transition] {
        var steps: [Transition] = []
        for id in outOfService {
            guard let old = draft[id], old.isOutOfService else { continue }
            var new = old
            new.isOutOfService = false
            let step = Transition(id: id, old: old, new: new)
            // It stays as it is where that is refused.
            if (try? take([step], isForced: false, by: origin, now, &draft)) != nil { steps.append(step) }
        }
        return steps
    }

    /// Why steps cannot be taken whose load balancers would send their traffic back to themselves.
    private func loop(in steps: [Transition], by origin: Origin, _ draft: Draft, _ hostAddresses: Set<IPAddress>) -> Refusal? {
        let check = LoopCheck(listeners: listeners, hostAddresses: hostAddresses) { draft[$0]?.inService }
        for step in steps where step.new != nil {
            guard let loop = check.loop(through: step.id) else { continue }
            let path = step.index.map { origin.path(to: $0, step.id, field: loop.field) } ?? quoted(step.id.text)
            return Refusal(.conflict, "\(path): \(loop.sentence)")
        }
        return nil
    }

    private func metrics(
        _ selection: Selection, _ traffic: TrafficReadings, _ now: Moment, _ draft: Draft,
        _ accounts: inout [LoadBalancerID: TrafficLedger.Account]
    ) throws(Refusal) -> Outcome {
        if draft.asksAfterDeleted(selection) { return .deleted }
        let entries = try draft.entries(of: selection)
        if let failure = traffic.failure { throw Refusal(.appliance, failure) }
        let (report, kept) = ledger.report(on: entries, traffic: traffic, earlier: accounts, now: now.wall)
        accounts.merge(kept) { _, new in new }
        return .metrics(report)
    }

    /// What a change would do to what is in force.
    ///
    /// - Returns: the steps of the appliance, or why the change is refused.
    mutating func plan(
        _ change: WantedChange, isForced: Bool, by origin: Origin, now: Moment
    ) -> Result<[PatchGroup], Refusal> {
        var draft = Draft(on: base)
        defer { draft.undo(in: &listeners) }
        do throws(Refusal) {
            try accept(change, isForced: isForced, by: origin, now, &draft)
            return .success(groups(to: draft))
        } catch {
            return .failure(error)
        }
    }

    private func groups(to draft: Draft) -> [PatchGroup] {
        let patches = draft.changes.touchedIDs.compactMap { id in
            divergence.patch(
                id, effective: effective(id).appliance, to: draft.effective(id, rule).appliance, isForced: draft.changes.forced.contains(id)
            )
        }
        return patches.isEmpty ? [] : PatchGroup.groups(of: patches)
    }
}

// MARK: - The appliance

extension TransactionMachine {
    /// The steps that bring these back to what is in force where they run something else.
    func groups(settling ids: [LoadBalancerID]) -> [PatchGroup] {
        let patches = ids.compactMap { id -> LoadBalancerPatch? in
            if !divergence.contains(id) { return nil }
            let effective = effective(id).appliance
            return divergence.patch(id, effective: effective, to: effective)
        }
        return patches.isEmpty ? [] : PatchGroup.groups(of: patches)
    }

    /// These, and those that run on a listener which one of these should have and they should not: they have to go with the same steps.
    func withOccupants(of ids: [LoadBalancerID]) -> [LoadBalancerID] {
        let others = Set(divergence.ids).subtracting(ids)
        if others.isEmpty { return ids }
        let listeners = Set(ids.compactMap { effective($0).appliance?.listener })
        return ids + others.filter { divergence.runs($0, on: listeners) }.sorted()
    }

    /// Takes what became of steps, and what counters ended and began with.
    mutating func applied(_ groups: [PatchGroup], _ outcomes: [GroupOutcome]) -> AppliedSteps {
        let counters = outcomes.flatMap { Array($0.ended.keys) + Array($0.began.keys) }
        if !counters.isEmpty { ledger.countersChanged(of: counters) }
        guard let failure = outcomes.lazy.compactMap(\.failure).first else { return .done }
        for (group, outcome) in zip(groups, outcomes) where outcome.failure == nil {
            for patch in group.patches { note(patch.loadBalancer.new, of: patch.id) }
        }
        let failed = zip(groups, outcomes).filter { $0.1.failure != nil }.flatMap(\.0.patches)
        // Where nobody can tell, the old is the best guess.
        for patch in failed { note(patch.loadBalancer.old, of: patch.id) }
        return .failed(
            message: failure.message, ids: failed.map(\.id),
            possible: failed.flatMap { [$0.loadBalancer.old, $0.loadBalancer.new].compactMap(\.self) })
    }

    /// Takes what steps that failed have left.
    mutating func observed(_ observation: Observation, of ids: [LoadBalancerID]) {
        let found = Dictionary(observation.running.map { ($0.id, $0) }) { first, _ in first }
        for id in ids { note(found[id], of: id, isAltered: observation.altered.contains(id)) }
    }

    /// Takes an observation of everything.
    mutating func observed(_ observation: Observation, expected: [LoadBalancer]) {
        divergence.take(observation, expected: expected)
    }

    /// Takes an observation of a part of what should run.
    mutating func observed(_ observation: Observation, ofSome expected: [LoadBalancer]) {
        divergence.take(observation, of: expected)
    }

    /// Takes it that these run as they should: they were settled.
    mutating func settled(_ ids: [LoadBalancerID]) {
        for id in ids { divergence.forget(id) }
    }

    private mutating func note(_ found: LoadBalancer?, of id: LoadBalancerID, isAltered: Bool = false) {
        divergence.note(found, of: id, effective: effective(id).appliance, isAltered: isAltered)
    }
}

// MARK: - Making durable

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
        for id in draft.changes.order where draft[id] == nil { decision.formerAccounts.updateValue(ledger.account(of: id), forKey: id) }
        ledger.keep(decision.accounts)
        for id in draft.changes.order where draft[id] == nil { ledger.close(id) }
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
        let entries = base.committed.read { Array($0.wanted.entries.values) }
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
    private func writes(_ decision: Decision) -> [StateWrite] {
        let (draft, changes) = (decision.draft, decision.draft.changes)
        var writes = forgotten.map { StateWrite.forgetDeleted(id: $0.text) }
        for id in changes.order {
            guard let entry = draft[id] else {
                writes.append(.delete(id: id.text))
                continue
            }
            if changes.changedTwice.contains(id), entry == draft.base[id] { continue }
            if draft.base[id] == nil, draft.base.wasDeleted(id) { writes.append(.forgetDeleted(id: id.text)) }
            writes.append(.put(entry.row))
        }
        writes += decision.accounts.filter { draft[$0.key] != nil }.map { .traffic(StoredTraffic($0.value, of: $0.key)) }
        for (id, health) in changes.health { writes += health.writes(from: draft.base.health(of: id), of: id) }
        for listener in changes.drainingListeners { writes.append(.drains(StoredDrains(changes.drains[listener], on: listener))) }
        if draft.base.noChanges.isEmptyByDelete != changes.isEmptyByDelete { writes.append(.isEmptyByDelete(changes.isEmptyByDelete)) }
        if !changes.journal.isEmpty { writes.append(.journal(changes.journal)) }
        if changes.revision != changes.journal.last?.revision ?? draft.base.noChanges.revision {
            writes.append(.revision(changes.revision))
        }
        return writes
    }
}

extension JournalEntry {
    fileprivate static func request(
        _ change: WantedChange, by origin: Origin, steps: [Transition], at time: Timestamp
    ) -> JournalEntry {
        JournalEntry(
            time: time, cause: origin.source.rawValue, origin: origin.name, what: "\(change.name) \(steps.map(\.id).shown)")
    }

    fileprivate static func finished(_ drains: [Listener: [Drain]], at time: Timestamp) -> JournalEntry {
        let ended = drains.flatMap { listener, drains in drains.map { "\($0.endpoint) on \(listener)" } }.sorted()
        return JournalEntry(
            time: time, cause: "drain", what: "drained " + ended.prefix(8).joined(separator: ", ") + (ended.count > 8 ? ", …" : ""))
    }

    fileprivate static func health(of ids: [LoadBalancerID], at time: Timestamp) -> JournalEntry {
        JournalEntry(time: time, cause: "health", what: "nodes of " + ids.sorted().shown)
    }
}

import LBaaS
import Requests
import StateStore

/// Decides: a pure machine, which is told what came and what became of it, and says what to do. It does no I/O and asks no clock.
///
/// For each batch: `decide`, the appliance, `applied`; then `begin`, the store, and `published` or `undo`. A second batch is decided on the
/// first while that is made durable.
struct TransactionMachine {
    let admission: Admission
    let rule: EffectiveRule
    private let drainTimeout: Duration?
    var base: BaseState
    var divergence = Divergence()
    var ledger: TrafficLedger
    var listeners = ListenerTable()
    /// Load balancers that were taken out of service at the start, the earliest created first. Mostly none.
    var outOfService: [LoadBalancerID] = []
    /// Deleted identities that the state in memory forgot and the store, which takes that with the next commit, did not yet.
    var forgotten: [LoadBalancerID] = []
    /// The counters of load balancers that the appliance runs and that are not in force: a batch that failed has left them to be taken again.
    var earlyCounters: [LoadBalancerID: [TrafficCounter]] = [:]
    /// Whether there are layers of effects around the appliance, or listeners of events.
    var isAnnounced = false
    /// The store has it that revisions up to this one may be in use: those of changes that are not stored.
    var reservedRevision: UInt64 = 0
    /// How many revisions of such changes the store is told of at a time.
    static let revisionsReserved: UInt64 = 10_000

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
        let wanted = base[id]?.inService
        return rule.state(
            of: id, wanted: wanted, drains: base.drains, health: base.health(of: id), isSilenced: base.isSilenced(base[id]))
    }

    /// Every load balancer that the appliance should run.
    var allEffective: [LoadBalancer] {
        let committed = base.committed
        if rule.isIdentity { return committed.entries.values.compactMap(\.inService) }
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
            isAnnounced ? draft.changes.effectiveIDs.map { EffectiveChange(from: effective($0), to: draft.effective($0, rule)) } : []
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
            case .change(let change, let options, let origin, let deadline):
                if let deadline, deadline < now.steady {
                    throw Refusal(.expired, "the request waited for longer than it may; nothing was changed, send it again")
                }
                try draft.check(change, options)
                let before = draft.changes.revision
                try accept(change, isForced: options.isForced, by: origin, now, &draft)
                if let front = options.front, draft.isNew(front) {
                    if draft.changes.revision == before { draft.number(nil) }
                    draft.take(front)
                }
            case .finished(let drains):
                let before = draft.changes.drainingListeners.count
                draft.end(drains)
                if draft.changes.drainingListeners.count != before { draft.number(.finished(drains, at: now.wall)) }
            case .health(let findings):
                let changed = draft.take(findings, now: now.steady)
                if !changed.isEmpty { draft.number(.health(of: changed, at: now.wall)) }
            case .advance(let ids):
                if !draft.advance(ids, now: now.steady).isEmpty { draft.number(nil) }
            case .virtualIPs(let events):
                let changed = draft.take(events)
                if !changed.isEmpty { draft.number(.virtualIPs(changed, at: now.wall)) }
            case .remark(let entry): draft.number(entry)
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
        var virtualIPs = VirtualIPChanges()
        if case .virtualIPs(let change, _) = change { virtualIPs = try admission.decide(change, on: draft, now: now.wall) }
        var routes = draft.changes.silencedRoutes
        if case .routes(let change) = change { routes = try admission.decide(change, by: origin, on: routes, now: now.wall) }
        try take(steps, isForced: isForced, by: origin, now, &draft)
        draft.take(virtualIPs)
        let isRerouted = draft.take(routes)
        if !outOfService.isEmpty { steps += backInService(by: origin, now, &draft) }
        let wasEmptyByDelete = draft.changes.isEmptyByDelete
        if origin.source == .jobs { draft.note(change) }
        if !divergence.isEmpty {
            draft.settle(change.loadBalancers.filter { divergence.contains($0) })
            // What a batch that failed has left makes way.
            draft.settle(divergence.ids(on: Set(steps.compactMap { $0.new?.inService?.listener })))
        }
        if !steps.isEmpty || !virtualIPs.isEmpty || isRerouted || draft.changes.isEmptyByDelete != wasEmptyByDelete {
            draft.number(.request(change, by: origin, steps: steps, virtualIPs, at: now.wall))
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
    /// - Returns: what changes of virtual IPs in words, and the steps of the appliance; or why the change is refused.
    mutating func plan(
        _ change: WantedChange, _ options: ChangeOptions, by origin: Origin, now: Moment
    ) -> Result<(virtualIPs: [String], groups: [PatchGroup]), Refusal> {
        var draft = Draft(on: base)
        defer { draft.undo(in: &listeners) }
        do throws(Refusal) {
            try draft.check(change, options)
            try accept(change, isForced: options.isForced, by: origin, now, &draft)
            return .success((draft.changes.virtualIPs.plan(on: draft), groups(to: draft)))
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
        return draft.mayHaveVirtualIPs ? groups(of: patches) { draft.virtualIP($0) != nil } : PatchGroup.groups(of: patches)
    }

    private func groups(of patches: [LoadBalancerPatch], isVirtual: (IPAddress) -> Bool) -> [PatchGroup] {
        var groups = PatchGroup.groups(of: patches)
        for index in groups.indices {
            for patch in groups[index].patches {
                if let address = patch.loadBalancer.new?.address, isVirtual(address) { groups[index].virtualIPs.insert(address) }
            }
        }
        return groups
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
        return groups(of: patches) { base.virtualIP($0) != nil }
    }

    /// These, and those that run on a listener which one of these should have and they should not: they have to go with the same steps.
    func withOccupants(of ids: [LoadBalancerID]) -> [LoadBalancerID] {
        if divergence.isEmpty { return ids }
        let listeners = Set(ids.compactMap { effective($0).appliance?.listener })
        return ids + Set(divergence.ids(on: listeners)).subtracting(ids).sorted()
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

    mutating func note(_ found: LoadBalancer?, of id: LoadBalancerID, isAltered: Bool = false) {
        divergence.note(found, of: id, effective: effective(id).appliance, isAltered: isAltered)
    }
}

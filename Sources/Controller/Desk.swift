import JobMessages
import LBaaS
import Requests
import StateStore

/// What the leader of the commit pipeline works at.
struct Desk {
    private let controller: LBaaSController
    private let committed: CommittedState
    private let effective: Effective
    private var appliance: Appliance
    private let store: StateStore?
    private var ledger: TrafficLedger
    private var listeners = ListenerTable()
    /// Who is told which services are up.
    private var announcer = Announcer()
    /// Who checks the nodes; nil where the driver does.
    private var checker: (any NodeChecker)?
    private let log: Log
    private let now: @Sendable () -> Timestamp
    private var settledAt = Timestamp(microseconds: 0)
    /// Deleted identities that the state in memory forgot and the store, which takes that with the next commit, did not yet.
    private var forgotten: [LoadBalancerID] = []

    /// How long the appliance is left alone after it could not be brought to what is committed, in microseconds.
    private static let settlingPause: Int64 = 5_000_000

    init(
        controller: LBaaSController, effective: Effective, appliance: Appliance, store: StateStore?, ledger: TrafficLedger,
        log: Log, now: @escaping @Sendable () -> Timestamp
    ) {
        self.controller = controller
        self.committed = effective.committed
        self.effective = effective
        self.appliance = appliance
        self.store = store
        self.ledger = ledger
        self.log = log
        self.now = now
    }

    private var healthRule: HealthRule { HealthRule(checking: effective.upkeep.checking, isAnnounced: !announcer.isSilent) }

    /// Gives load balancers facts about their nodes that have none: it did not matter before how they are.
    private func followUnknown() {
        let (rule, now) = (healthRule, now())
        if rule.checking == .nobody { return }
        for loadBalancer in committed.withLock({ $0.entries.values.map(\.loadBalancer) })
        where rule.applies(to: loadBalancer) && committed.health(of: loadBalancer.id) == nil {
            var health = ServiceHealth()
            health.follow(loadBalancer, checkedBy: rule.checking, now: now)
            committed.keep([loadBalancer.id: health])
        }
    }

    /// Brings the appliance to the committed state.
    mutating func start() throws(StartFailure) {
        for entry in committed.withLock({ Array($0.entries.values) }) {
            let loadBalancer = entry.loadBalancer
            if let owner = listeners.claim(loadBalancer.listener, for: loadBalancer.id) {
                throw StartFailure(
                    .state,
                    "the state has \(quoted(loadBalancer.id.text)) and \(quoted(owner.text)) on \(loadBalancer.listener); restore it from a backup"
                )
            }
        }
        followUnknown()
        do {
            try appliance.observe(expecting: effective)
        } catch {
            throw StartFailure(.appliance, "the \(controller.driverName) driver cannot tell what runs: \(error.message)")
        }
        logDivergence(.info, "the appliance is brought to what is committed")
        settle()
        saveAccounts()
    }

    /// Commits jobs that came together; returns the outcome of each.
    mutating func process(_ batch: [Batch.Job]) -> [Outcome] {
        // Plans first, for they tell what would happen to what is committed.
        var plans: [Outcome?] = []
        var commitments: [Batch.Commitment] = []
        for work in batch {
            switch work {
            case .plan(let change, let isForced): plans.append(plan(change, isForced: isForced))
            case .resync: plans.append(resync())
            case .noteTraffic(let ids):
                noteTraffic(of: ids)
                plans.append(.changed)
            case .commit(let commitment):
                plans.append(nil)
                commitments.append(commitment)
            }
        }
        var committed = commit(commitments).makeIterator()
        return plans.compactMap { $0 ?? committed.next() }
    }

    /// Where the whole cannot be committed each job is committed alone, so that only the bad one fails.
    private mutating func commit(_ batch: [Batch.Commitment]) -> [Outcome] {
        if batch.isEmpty { return [] }
        switch attempt(batch) {
        case .success(let outcomes):
            if now().microseconds - settledAt.microseconds > Self.settlingPause {
                settle()
                saveAccounts()
            }
            return outcomes
        case .failure(let refusal):
            let outcomes = batch.count == 1 ? [.refused(refusal)] : batch.map { commitAlone($0) }
            settle()
            // What was refused has its counters changed all the same, and no commit takes that along.
            saveAccounts()
            return outcomes
        }
    }

    private mutating func commitAlone(_ commitment: Batch.Commitment) -> Outcome {
        switch attempt([commitment]) {
        case .success(let outcomes): outcomes[0]
        case .failure(let refusal): .refused(refusal)
        }
    }

    private mutating func settle() {
        let ids = appliance.divergingIDs
        if ids.isEmpty { return }
        appliance.settle(ids, on: effective)
        settledAt = now()
        // Before anybody reads the counters as they are now.
        keep(appliance.takeCounterChanges())
    }

    /// Asks the appliance what it runs, and puts right what is not as it is committed.
    private mutating func resync() -> Outcome {
        do throws(DriverError) {
            try appliance.observe(expecting: effective)
            logDivergence(.warning, "the appliance was changed behind our back; it is put right")
            settle()
        } catch {
            log.write(.error, "the appliance cannot be asked what it runs; this is tried again later", [("error", error.message)])
        }
        saveAccounts()
        return .changed
    }

    private func logDivergence(_ level: LogLevel, _ message: String) {
        let ids = appliance.divergingIDs
        if ids.isEmpty { return }
        // In words only for as many as are named: a start can find thousands to make.
        let steps = appliance.driver.plan(appliance.groups(settling: Array(ids.prefix(8)), on: effective))
        let isMore = steps.count > 8 || ids.count > 8
        log.write(
            level, message,
            [("load_balancers", ids.shown), ("steps", steps.prefix(8).joined(separator: "; ") + (isMore ? "; …" : ""))])
    }

    /// Notes the traffic of these load balancers so far, lest a counter be lost with what the worker knows; of all where none are named.
    mutating func noteTraffic(of ids: [LoadBalancerID]? = nil) {
        do throws(DriverError) {
            try readCounters(of: ids)
        } catch {
            log.write(.warning, "the traffic cannot be read; METRICS may miss some", [("error", error.message)])
        }
        saveAccounts()
    }

    private mutating func readCounters(of ids: [LoadBalancerID]? = nil) throws(DriverError) {
        let ids = ids ?? committed.withLock { Array($0.entries.keys) }
        ledger.read(try appliance.driver.statistics(of: ids)) { [committed] in committed[$0]?.createdAt }
    }

    /// Makes the accounts durable that are not, if nobody else does.
    private mutating func saveAccounts() {
        if ledger.unsavedAccounts.isEmpty { return }
        do throws(StateStoreError) {
            try store?.commit(ledger.unsavedAccounts.map { .traffic(StoredTraffic($0.value, of: $0.key)) })
            ledger.saved()
        } catch {
            log.write(.error, "the traffic could not be made durable; this is tried again later", [("error", error.message)])
        }
    }

    /// Takes what counters counted that ended, and with what others began, of what is committed.
    private mutating func keep(_ counterChanges: [GroupOutcome]) {
        if counterChanges.isEmpty { return }
        ledger.keepUnsaved(
            ledger.changing(counterChanges, earlier: [:]) { [committed] in
                committed[$0].map { TrafficLedger.Life(createdAt: $0.createdAt) }
            })
    }

    /// Decides on each job, changes the appliance, and makes it all durable, or nothing of it.
    private mutating func attempt(_ batch: [Batch.Commitment]) -> Result<[Outcome], Refusal> {
        var draft = Draft(on: committed)
        var accounts: [LoadBalancerID: TrafficLedger.Account] = [:]
        let outcomes = batch.map { decide($0, &draft, &accounts) }
        do throws(Refusal) {
            try commit(draft, accounts, isAlone: batch.count == 1)
            return .success(outcomes)
        } catch {
            draft.undo(in: &listeners)
            return .failure(error)
        }
    }

    /// What becomes of a job, provided that the batch is committed.
    private mutating func decide(
        _ work: Batch.Commitment, _ draft: inout Draft, _ accounts: inout [LoadBalancerID: TrafficLedger.Account]
    ) -> Outcome {
        do throws(Refusal) {
            switch work {
            case .change(let change, let isForced):
                try accept(change, isForced: isForced, &draft)
                draft.note(change)
                draft.unsettled.formUnion(change.listed.filter { appliance.isDiverging($0) })
                return .changed
            case .finished(let drains):
                draft.end(drains)
                return .changed
            case .configure(let services):
                try accept(isForced: false, &draft) { controller, draft, now throws(Refusal) in
                    try controller.configure(services, on: draft, now: now)
                }
                return .changed
            case .health(let reports):
                draft.take(reports, now: now())
                return .changed
            case .advance(let ids):
                draft.advance(ids, now: now())
                return .changed
            case .metrics(let selection):
                return try metrics(selection, draft, &accounts)
            }
        } catch {
            return .refused(error)
        }
    }

    private mutating func accept(_ change: WantedChange, isForced: Bool, _ draft: inout Draft) throws(Refusal) {
        try accept(isForced: isForced, &draft) { controller, draft, now throws(Refusal) in
            try controller.decide(change, on: draft, now: now)
        }
    }

    private mutating func accept(
        isForced: Bool, _ draft: inout Draft, _ decide: (LBaaSController, Draft, Timestamp) throws(Refusal) -> [Transition]
    ) throws(Refusal) {
        let now = now()
        let rule = effective.upkeep.drainTimeout.map { DrainRule(deadline: now + $0, isForced: isForced) }
        try draft.accept(
            try decide(controller, draft, now), listeners: &listeners, rule: rule, isForced: isForced, health: healthRule, now: now)
    }

    /// What a change would do to what is committed.
    private mutating func plan(_ change: WantedChange, isForced: Bool) -> Outcome {
        var draft = Draft(on: committed)
        defer { draft.undo(in: &listeners) }
        do throws(Refusal) {
            try accept(change, isForced: isForced, &draft)
            return .planned(appliance.driver.plan(appliance.groups(to: draft, on: effective)))
        } catch {
            return .refused(error)
        }
    }

    private func metrics(
        _ selection: Selection, _ draft: Draft, _ accounts: inout [LoadBalancerID: TrafficLedger.Account]
    ) throws(Refusal) -> Outcome {
        if draft.asksAfterDeleted(selection) { return .deleted }
        let entries = try draft.entries(of: selection)
        do throws(DriverError) {
            let counters = try appliance.driver.statistics(of: entries.map(\.loadBalancer.id))
            let (report, kept) = ledger.report(on: entries, counters: counters, earlier: accounts, now: now())
            accounts.merge(kept) { _, new in new }
            return .metrics(report)
        } catch {
            throw Refusal(.appliance, error.message)
        }
    }

    private mutating func commit(
        _ draft: Draft, _ accounts: [LoadBalancerID: TrafficLedger.Account], isAlone: Bool
    ) throws(Refusal) {
        let announced = announcements(draft)
        announcer.announceDown(announced.before)
        var isCommitted = false
        // What was told to go and did not is there again.
        defer { if !isCommitted { announcer.announceUp(announced.back) } }
        if let failure = appliance.apply(draft, on: effective) {
            // What is half made could be in the way of the next job. What worked is left where it comes again at once, job by job.
            appliance.settle(isAlone ? draft.order : failure.ids, on: effective)
            keep(appliance.takeCounterChanges())
            throw Refusal(.appliance, failure.message)
        }
        let counterChanges = appliance.takeCounterChanges()
        let accounts = accounts.merging(changes(counterChanges, accounts, draft)) { _, new in new }
        do throws(StateStoreError) {
            if let store { try store.commit(writes(draft, accounts)) }
        } catch {
            appliance.abandon(draft, on: effective)
            if isAlone { appliance.settle(draft.order, on: effective) }
            // What ended has ended, whatever becomes of the state, and a report that is not given is not counted as given.
            keep(counterChanges + appliance.takeCounterChanges())
            log.write(.error, "the state could not be made durable", [("error", error.message)])
            throw Refusal(.store, error.message)
        }
        appliance.keep(draft)
        ledger.keep(accounts)
        let deleted = draft.order.filter { draft[$0] == nil }
        for id in deleted { ledger.close(id) }
        if !deleted.isEmpty { appliance.driver.discard(deleted) }
        if !draft.drainingListeners.isEmpty { committed.drains = draft.drains }
        let health = draft.health
        for case (let id, let new?) in health { log.writeTurns(of: id, from: committed.health(of: id), to: new) }
        committed.keep(health)
        publish(draft)
        isCommitted = true
        announcer.announceUp(announced.after)
        if let checker { for id in draft.order { check(id, with: checker) } }
    }

    /// Tells these notifiers from now on which services are up.
    mutating func begin(_ notifiers: [any Notifier]) {
        if notifiers.isEmpty { return }
        let now = now()
        let services = committed.withLock { Array($0.entries.values) }.compactMap { entry in
            Announcement(entry.loadBalancer, health: committed.health(of: entry.loadBalancer.id), time: now).event
        }
        announcer = Announcer(notifiers, services: services, log: log)
        followUnknown()
    }

    /// What the draft means to the world.
    private func announcements(_ draft: Draft) -> Announcements {
        if announcer.isSilent { return Announcements([]) }
        let now = now()
        let ids = draft.order + draft.health.keys.filter { draft.changed[$0] == nil }.sorted()
        return Announcements(
            ids.map { id in
                (
                    old: Announcement(committed[id]?.loadBalancer, health: committed.health(of: id), time: now),
                    new: Announcement(draft[id]?.loadBalancer, health: draft.health(of: id), time: now)
                )
            })
    }

    /// Has the nodes of every load balancer checked from now on, by whom it is given.
    mutating func begin(_ checker: any NodeChecker) {
        self.checker = checker
        for id in committed.withLock({ Array($0.entries.keys) }) { check(id, with: checker) }
    }

    private func check(_ id: LoadBalancerID, with checker: any NodeChecker) {
        let loadBalancer = committed[id]?.loadBalancer
        let facts = committed.health(of: id)?.nodes ?? [:]
        let isChecked = loadBalancer.map { !$0.isSuspended && ($0.monitor != nil || effective.upkeep.checking == .driver) } ?? false
        checker.check(id, isChecked && !facts.isEmpty ? loadBalancer : nil, health: facts.mapValues(\.health))
    }

    /// The accounts that change with the counters that ended and began on the way to the draft.
    private func changes(
        _ outcomes: [GroupOutcome], _ accounts: [LoadBalancerID: TrafficLedger.Account], _ draft: Draft
    ) -> [LoadBalancerID: TrafficLedger.Account] {
        if outcomes.isEmpty { return [:] }
        return ledger.changing(outcomes, earlier: accounts) { [committed] id in
            draft[id].map { TrafficLedger.Life(createdAt: $0.createdAt, isNew: committed[id] == nil) }
        }
    }

    /// What the store must take to hold the draft.
    private func writes(_ draft: Draft, _ accounts: [LoadBalancerID: TrafficLedger.Account]) -> [StateWrite] {
        var writes = forgotten.map { StateWrite.forgetDeleted(id: $0.text) }
        for id in draft.order {
            guard let entry = draft[id] else {
                writes.append(.delete(id: id.text))
                continue
            }
            if entry == committed[id] { continue }
            if committed.withLock({ $0.deleted.contains(id) }) { writes.append(.forgetDeleted(id: id.text)) }
            writes.append(.put(entry.row))
        }
        writes += accounts.filter { draft[$0.key] != nil }.map { .traffic(StoredTraffic($0.value, of: $0.key)) }
        for (id, health) in draft.health { writes += health.writes(from: committed.health(of: id), of: id) }
        for listener in draft.drainingListeners { writes.append(.drains(StoredDrains(draft.drains[listener], on: listener))) }
        if committed.withLock({ $0.isEmptyByDelete }) != draft.isEmptyByDelete {
            writes.append(.isEmptyByDelete(draft.isEmptyByDelete))
        }
        return writes
    }

    private mutating func publish(_ draft: Draft) {
        forgotten = committed.withLock { state in
            state.isEmptyByDelete = draft.isEmptyByDelete
            return draft.order.compactMap { id in
                // Asked of what changed, not of the draft, which would ask for the lock again.
                guard let entry = draft.changed[id] ?? nil else { return state.delete(id) }
                state.put(entry)
                return nil
            }
        }
    }
}

extension WantedChange {
    /// The load balancers that the change lists; where it means all there is, none.
    fileprivate var listed: [LoadBalancerID] {
        switch self {
        case .update(let loadBalancers), .create(let loadBalancers): loadBalancers.map(\.id)
        case .suspend(.named(let ids)), .enable(.named(let ids)), .delete(.named(let ids)): ids
        case .suspend(.all), .enable(.all), .delete(.all): []
        }
    }
}

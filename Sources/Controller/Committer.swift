import HostSystem
import LBaaS
import Requests
import StateStore

/// The shell around the machine: hands its steps to the appliance, its writes to the store and its events to the world.
///
/// Touched by the holder of the decision's turn alone.
struct Committer {
    var machine: TransactionMachine
    let driver: any LoadBalancerDriver
    let stage: DurableStage
    /// The effects around the appliance, and who is told of events.
    var layers = EffectLayers()
    /// Who checks the nodes; nil where the driver does.
    var checker: (any NodeChecker)?
    /// Who is told what is done; nil for nobody.
    let observer: (any CoreObserver)?
    let log: Log
    let now: @Sendable () -> Moment
    let progress: ProgressMonitor.Participant
    private let operations: OperationTable
    private let divergenceLog: RepeatedLog
    /// The load balancers whose facts the store does not have yet.
    var unsavedFacts: [LoadBalancerID] = []
    /// Whether the log was told what the resync under way found.
    private var isResyncTold = false
    private var settledAt = Timestamp(microseconds: 0)

    /// How long the appliance is left alone after it could not be brought to what is in force, in microseconds.
    private static let settlingPause: Int64 = 5_000_000
    /// The longest that one call of the driver may take. Its own limits are shorter.
    private static let longestCall = Duration.seconds(120)

    init(
        machine: TransactionMachine, driver: any LoadBalancerDriver, stage: DurableStage, operations: OperationTable,
        progress: ProgressMonitor.Participant, observer: (any CoreObserver)?, log: Log, now: @escaping @Sendable () -> Moment
    ) {
        self.observer = observer
        self.machine = machine
        self.driver = driver
        self.stage = stage
        self.operations = operations
        self.progress = progress
        self.log = log
        self.now = now
        divergenceLog = RepeatedLog(log)
    }

    /// What a batch came to.
    enum Result {
        /// It was applied, and is to be made durable by the holder of the stage's turn, who has it now.
        case applied(Decision, [StateWrite])
        /// Something has to be done before the appliance is changed, and was begun. The batch is to come again when it is done; nothing of
        /// it is decided yet.
        case preparing(PreparedEffects)
        /// It is finished, and durable.
        case finished([Outcome])
    }

    var committed: SnapshotStore { machine.base.committed }

    /// The load balancers that the appliance runs as something else than it should, in their order.
    var divergingIDs: [LoadBalancerID] { machine.divergence.ids }
}

// MARK: - A batch

extension Committer {
    /// Decides on commitments and applies them. The caller has the decision's turn and not the stage's.
    mutating func apply(
        _ commitments: [Commitment], traffic: TrafficReadings, prepared: PreparedEffects = PreparedEffects()
    ) -> Result {
        var holdsStage = stage.takeIfIdle()
        if holdsStage { recover() }
        var decision = machine.decide(commitments, traffic: traffic, now: now())
        if !prepared.isEmpty || decision.events.tellsDown || layers.needsPreparation(decision) {
            if !holdsStage {
                // The effects of the one before come first.
                machine.abandon(decision, isApplied: false, counterChanges: [])
                takeStage()
                holdsStage = true
                decision = machine.decide(commitments, traffic: traffic, now: now())
            }
            if let prepared = layers.prepare(decision, prepared, at: now().wall, current: { machine.effective($0) }) {
                machine.abandon(decision, isApplied: false, counterChanges: [])
                stage.pass()
                return .preparing(prepared)
            }
        }
        let (failure, counterChanges) = perform(decision.groups)
        if let failure {
            if !holdsStage { stage.take() }
            return .finished(applyApart(commitments, failed: decision, failure, counterChanges, traffic))
        }
        if !holdsStage {
            stage.take()
            if stage.failed != nil {
                machine.abandon(decision, isApplied: true, counterChanges: counterChanges)
                recover()
                settle(decision.draft.changes.touchedIDs)
                stage.pass()
                return apply(commitments, traffic: traffic, prepared: prepared)
            }
        }
        machine.published(forgetting: stage.takeForgotten())
        settleAgain(except: decision.draft.changes.touchedIDs)
        let writes = machine.begin(&decision, counterChanges: counterChanges)
        return .applied(decision, writes)
    }

    mutating func takeStage() {
        stage.take()
        recover()
    }

    /// Takes the decision back that could not be made durable, and drops what was published.
    mutating func recover() {
        if let failed = stage.takeFailed() {
            let ids = machine.undo(failed)
            settle(ids)
            layers.takeBack(failed, at: now().wall) { machine.effective($0) }
        } else {
            machine.published(forgetting: stage.takeForgotten())
        }
    }

    /// Commits a batch of which the appliance refused a part: half by half, so that only the bad ones fail. The caller has both turns, and
    /// gives the stage's back with it.
    private mutating func applyApart(
        _ commitments: [Commitment], failed decision: Decision, _ failure: Failure, _ counterChanges: [GroupOutcome],
        _ traffic: TrafficReadings
    ) -> [Outcome] {
        machine.abandon(decision, isApplied: false, counterChanges: counterChanges)
        recover()
        takeBack(decision, failure, isAlone: commitments.count == 1)
        let outcomes =
            commitments.count == 1
            ? [.refused(Refusal(.appliance, failure.message))] : halves(commitments).flatMap { commitAlone(Array($0), traffic) }
        settle()
        // What was refused has its counters changed all the same, and no commit takes that along.
        saveRest()
        stage.pass()
        return outcomes
    }

    private func halves(_ commitments: [Commitment]) -> [ArraySlice<Commitment>] {
        let middle = commitments.count / 2
        return [commitments[..<middle], commitments[middle...]]
    }

    /// Commits with both turns in hand, and makes durable at once.
    private mutating func commitAlone(_ commitments: [Commitment], _ traffic: TrafficReadings) -> [Outcome] {
        var decision = machine.decide(commitments, traffic: traffic, now: now())
        layers.prepare(decision)
        let (failure, counterChanges) = perform(decision.groups)
        if let failure {
            machine.abandon(decision, isApplied: false, counterChanges: counterChanges)
            takeBack(decision, failure, isAlone: commitments.count == 1)
            if commitments.count == 1 { return [.refused(Refusal(.appliance, failure.message))] }
            return halves(commitments).flatMap { commitAlone(Array($0), traffic) }
        }
        let writes = machine.begin(&decision, counterChanges: counterChanges)
        do throws(StateStoreError) {
            try stage.write(writes)
        } catch {
            stage.fail(decision)
            recover()
            return commitments.map { _ in .refused(storeFailed(error)) }
        }
        stage.forgot(publication.publish(decision))
        recover()
        return decision.outcomes
    }

    /// Brings the appliance back where a part of a decision failed.
    private mutating func takeBack(_ decision: Decision, _ failure: Failure, isAlone: Bool) {
        // What is half made could be in the way of the next. What worked is left where it comes again at once.
        settle(isAlone ? decision.draft.changes.touchedIDs : failure.ids)
        layers.takeBack(decision, at: now().wall) { machine.effective($0) }
    }

    func storeFailed(_ error: StateStoreError) -> Refusal {
        log.write(.error, "the state could not be made durable", [("error", error.message)])
        return Refusal(.store, error.message)
    }

    /// What publishes a decision without the decision's turn.
    var publication: Publication {
        Publication(
            committed: committed, driver: driver, layers: layers, checker: checker, checking: machine.rule.checking,
            observer: observer, now: now, log: log)
    }
}

// MARK: - The appliance

extension Committer {
    /// Steps that failed.
    private struct Failure {
        /// Why the first of them did.
        let message: String
        /// Whose steps they are.
        let ids: [LoadBalancerID]
    }

    /// Carries steps out, and finds out what those left that failed.
    private mutating func perform(_ groups: [PatchGroup]) -> (failure: Failure?, counterChanges: [GroupOutcome]) {
        if groups.isEmpty { return (nil, []) }
        let outcomes = progress.step(within: Self.longestCall) { driver.apply(groups) }
        operations.note(groups, outcomes, at: now().wall)
        let counterChanges = outcomes.filter { !$0.ended.isEmpty || !$0.began.isEmpty }
        guard case .failed(let message, let ids, let possible) = machine.applied(groups, outcomes) else { return (nil, counterChanges) }
        do throws(DriverError) {
            let observation = try progress.step(within: Self.longestCall) { () throws(DriverError) in try driver.observe(possible: possible)
            }
            machine.observed(observation, of: ids)
        } catch {
            log.write(.error, "the appliance cannot be asked what it runs", [("error", error.message)])
        }
        return (Failure(message: message, ids: ids), counterChanges)
    }

    /// Brings these back to what is in force where they run something else, with what is in the way.
    private mutating func settle(_ ids: [LoadBalancerID]) {
        let ids = machine.withOccupants(of: ids)
        let groups = machine.groups(settling: ids)
        if groups.isEmpty { return }
        let (failure, counterChanges) = perform(groups)
        // Before anybody reads the counters as they are now.
        machine.keep(counterChanges: counterChanges)
        guard let failure else {
            machine.settled(ids)
            if machine.divergence.isEmpty { divergenceLog.end() }
            return
        }
        divergenceLog.write(
            .error, "the appliance does not run what is committed; this is tried again later",
            [("load_balancers", failure.ids.prefix(8).map { quoted($0.text) }.joined(separator: " ")), ("error", failure.message)])
    }

    private mutating func settle() {
        let ids = machine.divergence.ids
        if ids.isEmpty { return }
        settle(ids)
        settledAt = now().steady
    }

    /// Settles again what could not be settled, if that was tried some time ago. With both turns.
    private mutating func settleAgain(except ids: [LoadBalancerID]) {
        if machine.divergence.isEmpty || now().steady.microseconds - settledAt.microseconds <= Self.settlingPause { return }
        let others = Set(machine.divergence.ids).subtracting(ids)
        if others.isEmpty { return }
        settle(others.sorted())
        settledAt = now().steady
        saveRest()
    }

    /// Takes a decision back that could not be made durable, if nobody did that yet.
    mutating func takeBack() {
        takeStage()
        stage.pass()
    }

    /// Brings the appliance to the committed state, at the start.
    mutating func start() throws(StartFailure) {
        for (loadBalancer, owner) in machine.claimListeners() {
            log.write(
                .error,
                "a stored load balancer is not in service, because another one has its listener; give one of them another address or port, "
                    + "or delete one",
                [("load_balancer", loadBalancer.id.text), ("listener", "\(loadBalancer.listener)"), ("owner", owner.text)])
        }
        followUnknown()
        do {
            let expected = machine.allEffective
            machine.observed(try driver.observe(expecting: expected), expected: expected)
        } catch {
            throw StartFailure(.appliance, "the \(machine.admission.driverName) driver cannot tell what runs: \(error.message)")
        }
        logDivergence(.info, "the appliance is brought to what is committed", firstSteps)
        settle()
        saveRest()
    }

    /// Asks the appliance what it runs, and puts right what is not as it should be.
    ///
    /// - Parameter ids: of which load balancers; nil for everything.
    mutating func resync(of ids: [LoadBalancerID]?, isFirst: Bool) {
        if isFirst { isResyncTold = false }
        takeStage()
        defer { stage.pass() }
        do throws(DriverError) {
            let known = machine.divergence.ids
            let expected = ids.map { $0.compactMap { machine.effective($0).appliance } } ?? machine.allEffective
            let observation = try progress.step(within: Self.longestCall) { () throws(DriverError) in
                try ids == nil ? driver.observe(expecting: expected) : driver.observe(possible: expected)
            }
            if ids == nil {
                machine.observed(observation, expected: expected)
            } else {
                machine.observed(observation, ofSome: expected)
            }
            let (found, steps) = (machine.divergence.ids, firstSteps)
            if !isResyncTold, !found.isEmpty {
                logDivergence(.warning, "the appliance was changed by somebody else; it is put right", steps)
                isResyncTold = true
            }
            settle()
            // What could not be put right is told once.
            if !Set(found).isSubset(of: known) || machine.divergence.ids != found {
                observer?.repaired(
                    ApplianceRepair(loadBalancers: found, steps: steps, failed: machine.divergence.ids, time: now().wall))
            }
        } catch {
            log.write(.error, "the appliance cannot be asked what it runs; this is tried again later", [("error", error.message)])
        }
        saveRest()
    }

    /// The first steps, in words, that bring the appliance to what is in force: a start can find thousands of load balancers to make.
    private var firstSteps: [String] {
        let ids = machine.divergence.ids.prefix(8)
        if ids.isEmpty { return [] }
        let steps = driver.plan(machine.groups(settling: Array(ids)))
        return steps.prefix(8) + (steps.count > 8 || machine.divergence.ids.count > 8 ? ["…"] : [])
    }

    private func logDivergence(_ level: LogLevel, _ message: String, _ steps: [String]) {
        let ids = machine.divergence.ids
        if ids.isEmpty { return }
        log.write(level, message, [("load_balancers", ids.shown), ("steps", steps.joined(separator: "; "))])
    }
}

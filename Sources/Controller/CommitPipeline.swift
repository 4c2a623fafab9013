import Glibc
package import HostSystem
public import LBaaS
package import Requests
package import StateStore
import Synchronization

/// Where the state changes, and the only place: takes what all intakes have waiting, changes the appliance by the difference,
/// makes the outcome durable once, and lets every waiting request go with its own answer.
///
/// The first thread that comes with a request while none is being decided on decides. Requests that come meanwhile gather in the next
/// batch, which the first of their threads takes as soon as it can; it is decided on and applied while the one before is being made
/// durable. So with one request in flight no thread is woken, and with many the cost of a commit is shared.
public final class CommitPipeline: Sendable {
    /// Where jobs gather; nil where none waits.
    private let gathering = Mutex<Batch?>(nil)
    /// Taken by who decides.
    private let turn: Turn
    private let threads: Threads
    /// Touched by the holder of the turn alone, so the lock is never waited for.
    private let committer: Mutex<Committer>
    let stage: DurableStage
    let committed: SnapshotStore
    let driver: any LoadBalancerDriver
    let observer: (any CoreObserver)?
    let log: Log
    let now: @Sendable () -> Moment
    let operations: OperationTable
    let refusals = RefusalTable()
    /// What checks found and could not be committed.
    let retained = Mutex(RetainedReports())
    /// What keeps drains from ending, and the end from being known: that is tried twice a second.
    let drainLog: RepeatedLog
    let connectionLog: RepeatedLog

    /// Reads the state, asks the appliance what it runs, and brings it to the state.
    ///
    /// - Parameters:
    ///   - driverName: for the sentences.
    ///   - capabilities: what requests may ask for; nil for all that the driver can do.
    ///   - store: where the state is kept; nil for memory alone.
    ///   - keeper: has the virtual IPs; nil where nobody has.
    ///   - progress: where it is told which steps take how long at most, for a watchdog.
    ///   - observer: is told what is done; nil for nobody.
    ///   - restored: what a cluster wanted last, which the store does not have. Those of identities that it has are left out.
    ///   - hostAddresses: the addresses of the host: traffic that goes there may come back.
    ///   - clock: both clocks of the moment.
    /// - Throws: where the state cannot be read or the appliance cannot be asked. A load balancer that the appliance refuses,
    ///   or whose listener an earlier one has, is logged, and does not keep the others from being served.
    package init(
        driver: any LoadBalancerDriver, driverName: String, capabilities: Capabilities? = nil, store: sending (any DurableStore)?,
        keeper: (any VirtualIPKeeper)? = nil, progress: ProgressMonitor = ProgressMonitor(), observer: (any CoreObserver)? = nil, log: Log,
        threads: Threads = .system, restored: [LoadBalancer] = [],
        hostAddresses: @escaping @Sendable () -> Set<IPAddress> = HostAddresses().all, clock now: @escaping @Sendable () -> Moment
    ) throws(StartFailure) {
        let stored: StoredState
        var snapshot: Snapshot
        do throws(StateStoreError) {
            stored = try store?.load() ?? StoredState()
            snapshot = try stored.snapshot(now: now().steady, drainTimeout: driver.upkeep.drainTimeout)
        } catch {
            throw StartFailure(.state, error.message)
        }
        let start = now().wall
        for loadBalancer in restored where snapshot.wanted.entries[loadBalancer.id] == nil {
            snapshot.wanted.put(WantedState.Entry(loadBalancer: loadBalancer, createdAt: start, source: .kubernetes))
        }
        if let keeper {
            let requested = snapshot.wanted.virtualIPs.requested
            snapshot.wanted.virtualIPs = VirtualIPTable(configured: keeper.configured, requested: requested)
            try keeper.begin(snapshot.wanted.virtualIPs)
        }
        self.now = now
        self.threads = threads
        turn = Turn(threads)
        let committed = SnapshotStore(snapshot)
        let stage = DurableStage(store, threads)
        self.committed = committed
        self.stage = stage
        self.driver = driver
        self.observer = observer
        self.log = log
        drainLog = RepeatedLog(log)
        connectionLog = RepeatedLog(log)
        let admission = Admission(driverName: driverName, driver: driver, capabilities: capabilities ?? driver.capabilities, keeper: keeper)
        let machine = TransactionMachine(
            admission: admission, upkeep: driver.upkeep, committed: committed, ledger: stored.ledger, hostAddresses: hostAddresses)
        let operations = OperationTable(start: now().wall)
        self.operations = operations
        var committer = Committer(
            machine: machine, driver: driver, stage: stage, operations: operations, progress: progress.participant("commit"),
            observer: observer, log: log, now: now)
        try committer.start()
        self.committer = Mutex(committer)
        driver.beforeCountersEnd { [weak self] ids in _ = self?.run(.noteTraffic(of: ids)) }
    }

    /// The same with one clock, which nobody sets.
    package convenience init(
        driver: any LoadBalancerDriver, driverName: String, capabilities: Capabilities? = nil, store: sending (any DurableStore)?,
        keeper: (any VirtualIPKeeper)? = nil, progress: ProgressMonitor = ProgressMonitor(), observer: (any CoreObserver)? = nil, log: Log,
        threads: Threads = .system, restored: [LoadBalancer] = [], now: @escaping @Sendable () -> Timestamp
    ) throws(StartFailure) {
        try self.init(
            driver: driver, driverName: driverName, capabilities: capabilities, store: store, keeper: keeper, progress: progress,
            observer: observer, log: log, threads: threads, restored: restored, hostAddresses: { [] },
            clock: {
                let time = now()
                return Moment(steady: time, wall: time)
            })
    }

    // MARK: - Batches

    /// Has a job done.
    ///
    /// - Returns: its outcome, durable.
    func run(_ job: Job) -> Outcome { run([job])[0] }

    /// Has jobs done, together.
    ///
    /// - Returns: their outcomes in their order, durable.
    func run(_ jobs: [Job]) -> [Outcome] {
        if jobs.isEmpty { return [] }
        let (batch, places) = gathering.withLock { gathering in
            let batch = gathering ?? Batch(threads)
            gathering = batch
            return (batch, batch.add(jobs))
        }
        return places.lowerBound > 0 ? batch.outcomes(of: places) : Array(lead(batch)[places])
    }

    /// Has jobs done, together, without a thread that waits for them.
    ///
    /// - Parameter completion: takes their outcomes in their order, durable. Called on a thread that others wait for: it must not block.
    func submit(_ jobs: [Job], completion: @escaping @Sendable ([Outcome]) -> Void) {
        if jobs.isEmpty { return completion([]) }
        let (batch, isFirst) = gathering.withLock { gathering in
            let batch = gathering ?? Batch(threads)
            let isFirst = gathering == nil
            gathering = batch
            batch.add(jobs, completion: completion)
            return (batch, isFirst)
        }
        if !isFirst { return }
        // A thread of its own: Dispatch has but as many for all as there are processors, and a batch may wait to have something handed on.
        if !threads.start({ [self] in _ = lead(batch) }) { _ = lead(batch) }
    }

    /// Commits a batch when its turn has come.
    private func lead(_ batch: Batch) -> [Outcome] {
        if !turn.take() {
            // Threads that are about to come with a job are let run once: the more come along, the fewer commits there are.
            sched_yield()
        }
        let jobs = gathering.withLock { gathering in
            gathering = nil
            return batch.jobs
        }
        let outcomes = commit(jobs)
        batch.finish(outcomes)
        return outcomes
    }

    /// Does jobs that came together, with the turn in hand; gives it back.
    private func commit(_ jobs: [Job]) -> [Outcome] {
        // Plans first, for they tell what would happen to what is committed.
        var others: [Outcome?] = []
        var commitments: [Commitment] = []
        for job in jobs {
            switch job {
            case .plan(let change, let options, let origin):
                others.append(committer.withLock { $0.plan(change, options, by: origin) })
            case .resync(let ids, let isFirst):
                committer.withLock { $0.resync(of: ids, isFirst: isFirst) }
                others.append(.changed)
            case .noteTraffic(let ids):
                let traffic = readTraffic(of: ids ?? committed.entries.keys)
                committer.withLock { $0.noteTraffic(traffic) }
                others.append(.changed)
            case .note(let traffic):
                committer.withLock { $0.noteTraffic(traffic) }
                others.append(.changed)
            case .commit(let commitment):
                others.append(nil)
                commitments.append(commitment)
            }
        }
        if commitments.isEmpty {
            turn.pass()
            return others.compactMap(\.self)
        }
        let asked = commitments.compactMap { if case .metrics(let selection) = $0 { selection } else { nil } }
        let traffic = asked.isEmpty ? TrafficReadings() : readTraffic(of: ids(of: asked))
        let done = commit(commitments, traffic)
        for (commitment, outcome) in zip(commitments, done) {
            if case .refused(let refusal) = outcome, case .change(let change, _, let origin, _) = commitment {
                refusals.note(change, by: origin, refusal, at: now().wall, revision: revision)
            }
        }
        var committed = done.makeIterator()
        return others.compactMap { $0 ?? committed.next() }
    }

    private func ids(of selections: [Selection]) -> [LoadBalancerID] {
        var ids: Set<LoadBalancerID> = []
        for selection in selections {
            switch selection {
            case .all: return committed.entries.keys
            case .named(let named): ids.formUnion(named)
            }
        }
        return ids.filter { committed[$0] != nil }
    }

    /// Reads counters, with the turn in hand; it is given away meanwhile, so that nobody waits for the appliance's answer.
    private func readTraffic(of ids: [LoadBalancerID]) -> TrafficReadings {
        if ids.isEmpty { return TrafficReadings() }
        let sequence = committer.withLock { $0.counterSequence }
        turn.pass()
        defer { turn.take() }
        return readCounters(of: ids, sequence)
    }

    /// Reads counters without the turn.
    func readTrafficAside(of ids: [LoadBalancerID]) -> TrafficReadings {
        turn.take()
        let sequence = committer.withLock { $0.counterSequence }
        turn.pass()
        return readCounters(of: ids, sequence)
    }

    private func readCounters(of ids: [LoadBalancerID], _ sequence: UInt64) -> TrafficReadings {
        var traffic = TrafficReadings(sequence: sequence)
        do throws(DriverError) {
            traffic.counters = try driver.statistics(of: ids)
        } catch {
            traffic.failure = error.message
        }
        return traffic
    }

    /// Commits, with the turn in hand; gives it back.
    private func commit(_ commitments: [Commitment], _ traffic: TrafficReadings) -> [Outcome] {
        guard let observer else { return commitUnobserved(commitments, traffic) }
        let start = Clock.bootTime()
        defer { observer.committed(commitments.count, in: Clock.bootTime() - start) }
        return commitUnobserved(commitments, traffic)
    }

    private func commitUnobserved(_ commitments: [Commitment], _ traffic: TrafficReadings) -> [Outcome] {
        var prepared = PreparedEffects()
        while true {
            let (result, layers, publication) = committer.withLock { committer in
                (committer.apply(commitments, traffic: traffic, prepared: prepared), committer.layers, committer.publication)
            }
            turn.pass()
            switch result {
            case .finished(let outcomes): return outcomes
            case .applied(let decision, let writes): return makeDurable(decision, writes, publication)
            case .preparing(let effects):
                prepared = effects
                commitHealth(of: commitments, except: effects.ids)
                layers.waitUntilDone(prepared)
                turn.take()
            }
        }
    }

    /// Commits the health in these commitments of what does not wait for effects, without the turn: a node that is down is taken out at once.
    private func commitHealth(of commitments: [Commitment], except ids: Set<LoadBalancerID>) {
        let urgent = commitments.compactMap { commitment -> Commitment? in
            guard case .health(let findings) = commitment else { return nil }
            let others = findings.filter { !ids.contains($0.key) }
            return others.isEmpty || others.count == findings.count && commitments.count == 1 ? nil : .health(others)
        }
        if urgent.isEmpty { return }
        turn.take()
        // What becomes of it is told with the whole commitment, which has nothing left to do for these then.
        _ = commit(urgent, TrafficReadings())
    }

    /// Makes a decision durable and publishes it, with the stage's turn in hand; gives that back.
    private func makeDurable(_ decision: Decision, _ writes: [StateWrite], _ publication: Publication) -> [Outcome] {
        do throws(StateStoreError) {
            try stage.write(writes)
            stage.forgot(publication.publish(decision))
            stage.pass()
            return decision.outcomes
        } catch {
            log.write(.error, "the state could not be made durable", [("error", error.message)])
            stage.fail(decision)
            stage.pass()
            // What was refused leaves nothing: by whoever comes first.
            turn.take()
            committer.withLock { $0.takeBack() }
            turn.pass()
            return decision.outcomes.map { _ in .refused(Refusal(.store, error.message)) }
        }
    }

    // MARK: - Who checks and who is told

    /// Has it found out from now on how the nodes of every load balancer are.
    public func begin(_ checker: any NodeChecker) { withTurn { $0.begin(checker) } }

    /// Has these effects around the appliance brought about from now on, and these listeners told of events.
    public func begin(actuators: [any Actuator] = [], listeners: [any EventListener] = []) {
        withTurn { $0.begin(actuators, listeners) }
    }

    /// Has one more effect brought about from now on.
    public func add(_ actuator: any Actuator) { withTurn { $0.add(actuator) } }

    /// The load balancers that the appliance runs as something else than it should, in their order: it could not be brought to that yet.
    public var diverging: [LoadBalancerID] { withTurn { $0.divergingIDs } }

    private func withTurn<Result: Sendable>(_ body: (inout Committer) -> Result) -> Result {
        turn.take()
        defer { turn.pass() }
        return committer.withLock { body(&$0) }
    }
}

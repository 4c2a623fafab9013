import Dispatch
import Glibc
public import LBaaS
import Requests
public import StateStore
import Synchronization

/// Where the state changes, and the only place: takes what all connections have waiting, changes the appliance by the difference,
/// makes the outcome durable once, and lets every waiting job go with its own answer.
///
/// The first thread that comes with a job while none is being committed commits it. Jobs that come meanwhile gather in the next batch,
/// which the first of their threads commits as soon as it can. So with one job in flight no thread is woken, and with many the
/// cost of a commit is shared.
public final class CommitPipeline: Sendable {
    private struct Queue {
        /// Where jobs gather; nil where none waits.
        var gathering: Batch?
        var isCommitting = false
    }

    private let queue = Mutex(Queue())
    /// Signalled to the first thread of the gathering batch when its turn has come.
    private let turn = DispatchSemaphore(value: 0)
    /// Touched by the leader alone, so the lock is never waited for.
    private let desk: Mutex<Desk>
    private let committed: CommittedState
    private let driver: any LoadBalancerDriver
    private let log: Log
    private let now: @Sendable () -> Timestamp
    /// What checks found and could not be followed.
    private let unfollowed = Mutex<HealthReports>([:])
    /// What keeps drains from ending, and the end from being known: that is tried twice a second.
    private let drainTrouble: Trouble
    private let connectionTrouble: Trouble
    /// When the batch in hand was begun, in microseconds; 0 where there is none.
    private let busySince = Atomic<Int64>(0)

    /// Reads the state, asks the appliance what it runs, and brings it to the state.
    ///
    /// - Parameters:
    ///   - driverName: for the sentences.
    ///   - capabilities: what jobs may ask for; nil for all that the driver can do.
    ///   - store: where the state is kept; nil for memory alone.
    ///   - now: the clock.
    /// - Throws: where the state cannot be read or the appliance cannot be asked. A load balancer that the appliance refuses is
    ///   logged, and does not keep the others from being served.
    public init(
        driver: any LoadBalancerDriver, driverName: String, capabilities: Capabilities? = nil, store: sending StateStore?, log: Log,
        now: @escaping @Sendable () -> Timestamp
    ) throws(StartFailure) {
        let stored: StoredState
        let committed: CommittedState
        do {
            stored = try store?.load() ?? StoredState()
            committed = CommittedState(try stored.wantedState(), drains: try stored.drainTable(), health: try stored.healthTable())
        } catch {
            throw StartFailure(.state, error.message)
        }
        self.now = now
        self.committed = committed
        self.driver = driver
        self.log = log
        drainTrouble = Trouble(log)
        connectionTrouble = Trouble(log)
        let effective = Effective(committed: committed, upkeep: driver.upkeep)
        let controller = LBaaSController(
            driverName: driverName, driver: driver, capabilities: capabilities ?? driver.capabilities)
        var desk = Desk(
            controller: controller, effective: effective, appliance: Appliance(driver: driver, log: log), store: store,
            ledger: stored.ledger, log: log, now: now)
        try desk.start()
        self.desk = Mutex(desk)
        driver.beforeCountersEnd { [weak self] ids in _ = self?.run(.noteTraffic(of: ids)) }
    }

    /// Has a job done.
    ///
    /// - Returns: its outcome, durable.
    func run(_ job: Batch.Job) -> Outcome { run([job])[0] }

    /// Has jobs done, together.
    ///
    /// - Returns: their outcomes in their order, durable.
    func run(_ jobs: [Batch.Job]) -> [Outcome] {
        if jobs.isEmpty { return [] }
        let (batch, places, mustWait) = queue.withLock { queue in
            let batch = queue.gathering ?? Batch()
            queue.gathering = batch
            defer { queue.isCommitting = true }
            return (batch, batch.add(jobs), queue.isCommitting)
        }
        if places.lowerBound > 0 { return batch.outcomes(of: places) }
        if mustWait {
            turn.wait()
            // Threads that are about to come with a job are let run once: the more come along, the fewer commits there are.
            sched_yield()
        }
        return Array(commit(batch)[places])
    }

    /// Commits a batch, of which the first jobs are this thread's own.
    private func commit(_ batch: Batch) -> [Outcome] {
        let jobs = queue.withLock { queue in
            queue.gathering = nil
            return batch.jobs
        }
        busySince.store(now().microseconds, ordering: .relaxed)
        let outcomes = desk.withLock { $0.process(jobs) }
        busySince.store(0, ordering: .relaxed)
        let isNextWaiting = queue.withLock { queue in
            queue.isCommitting = queue.gathering != nil
            return queue.isCommitting
        }
        if isNextWaiting { turn.signal() }
        batch.finish(outcomes)
        return outcomes
    }

    /// Wants these services of the configuration file, and no others of it. To be called before the first job.
    ///
    /// - Throws: where one cannot be, with a sentence that names it.
    public func configure(_ services: [LoadBalancer]) throws(StartFailure) {
        if case .refused(let refusal) = run(.commit(.configure(services))) { throw StartFailure(.configuration, refusal.sentence) }
    }

    /// Asks the appliance what it runs, puts right what is not as it is committed, and notes the traffic so far.
    ///
    /// In two turns, for what waits behind one, such as a node that is down, should not wait for both.
    public func resync() {
        _ = run(.resync)
        _ = run(.noteTraffic())
    }

    /// Notes the traffic so far, at the end of the worker. Only for a driver that is looked at from time to time: another one's counters do
    /// not go away.
    public func close() {
        if driver.upkeep.resyncInterval != nil { desk.withLock { $0.noteTraffic() } }
    }

    /// Has it found out from now on how the nodes of every load balancer are.
    public func begin(_ checker: any NodeChecker) { desk.withLock { $0.begin(checker) } }

    /// Tells these notifiers from now on which services are up.
    public func begin(_ notifiers: [any Notifier]) { desk.withLock { $0.begin(notifiers) } }

    /// Takes what checks found. What could not be followed is tried again: a check tells a thing once.
    public func report(_ reports: [LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]]) {
        let all = unfollowed.withLock { unfollowed in
            defer { unfollowed = [:] }
            return unfollowed.updated(by: reports)
        }
        guard case .refused(let refusal) = run(.commit(.health(all))) else { return }
        unfollowed.withLock { $0 = all.updated(by: $0) }
        log.write(.error, "what checks found could not be followed; this is tried again", [("error", refusal.sentence)])
    }

    /// Lets nodes that come back have more of their weight, and those that are held for a while be let go of.
    public func advance() {
        if unfollowed.withLock({ !$0.isEmpty }) { report([:]) }
        let ids = committed.restless
        if ids.isEmpty { return }
        if case .refused(let refusal) = run(.commit(.advance(ids))) {
            log.write(.error, "nodes that come back could not be given more weight; this is tried again", [("error", refusal.sentence)])
        }
    }

    /// How the nodes of a load balancer are by its checks; nil where nobody but the driver knows.
    func checkedStatus(of loadBalancer: LoadBalancer) -> [NodeStatus]? {
        guard driver.upkeep.checking == .worker, loadBalancer.monitor != nil, let health = committed.health(of: loadBalancer.id) else {
            return nil
        }
        return loadBalancer.nodes.map { node in
            guard let fact = health.nodes[node.id] else { return NodeStatus(id: node.id, isUp: false) }
            let isInUse = node.condition == .enabled && !loadBalancer.isSuspended
            return NodeStatus(
                id: node.id, isUp: isInUse && fact.health.isUp, reason: fact.health.reason, since: fact.health.since)
        }
    }

    /// Ends the drains that are over: of real servers without connections, and of those whose time has come.
    public func endDrains() {
        let drains = committed.drains
        if drains.isEmpty { return drainTrouble.isOver() }
        var finished: Set<Leaving> = []
        do throws(DriverError) {
            finished = Set(
                try driver.finished(
                    drains.all.flatMap { listener, entry in entry.drains.map { Leaving(listener: listener, endpoint: $0.endpoint) } }))
            connectionTrouble.isOver()
        } catch {
            connectionTrouble.tell(.warning, "the appliance does not tell which connections there still are", [("error", error.message)])
        }
        let now = now()
        var ended: [Listener: [Drain]] = [:]
        for (listener, entry) in drains.all {
            let over = entry.drains.filter {
                $0.deadline <= now || finished.contains(Leaving(listener: listener, endpoint: $0.endpoint))
            }
            if !over.isEmpty { ended[listener] = over }
        }
        if ended.isEmpty { return }
        if case .refused(let refusal) = run(.commit(.finished(ended))) {
            drainTrouble.tell(.error, "what has finished could not be taken out; this is tried again", [("error", refusal.sentence)])
        } else {
            drainTrouble.isOver()
        }
    }

    /// The load balancers that a job asks after.
    func entries(of selection: Selection) throws(Refusal) -> [WantedState.Entry] { try Draft(on: committed).entries(of: selection) }

    /// Whether a job asks after what was deleted.
    func asksAfterDeleted(_ selection: Selection) -> Bool { Draft(on: committed).asksAfterDeleted(selection) }

    /// Whose log is to be archived; nil where it was deleted.
    ///
    /// A client that made its load balancer without an id means it by its name or its protocol, whatever id it sends now.
    func loadBalancer(of order: ArchiveOrder) throws(Refusal) -> LoadBalancerID? {
        let draft = Draft(on: committed)
        if draft[order.loadBalancer] != nil { return order.loadBalancer }
        let named = order.otherNames.first { draft[$0]?.loadBalancer.serviceProtocol == order.serviceProtocol }
        if let named { return named }
        if ([order.loadBalancer] + order.otherNames).contains(where: draft.wasDeleted) { return nil }
        throw Refusal(missing: order.loadBalancer, index: 0)
    }

    /// How long the batch in hand takes already, in microseconds; 0 where there is none. For a watchdog.
    public var busyTime: Int64 {
        let since = busySince.load(ordering: .relaxed)
        return since == 0 ? 0 : now().microseconds - since
    }

    /// How many load balancers are committed.
    public var count: Int { committed.withLock { $0.entries.count } }
}

extension HealthReports {
    /// These with newer ones in place of the older.
    fileprivate func updated(by newer: HealthReports) -> HealthReports {
        merging(newer) { older, newer in older.merging(newer) { _, new in new } }
    }
}

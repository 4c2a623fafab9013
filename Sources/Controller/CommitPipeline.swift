import Dispatch
import JobMessages
public import LBaaS
public import StateStore
import Synchronization

/// Where the state changes, and the only place: takes what all connections have waiting, changes the appliance by the difference,
/// makes the outcome durable once, and lets every waiting job go with its own answer.
///
/// A thread that comes with a job while none is being committed becomes the leader: it commits its own job and whatever waits,
/// then hands the lead to the first that came meanwhile. So with one job in flight no thread is woken, and with many the cost of
/// a commit is shared.
public final class CommitPipeline: Sendable {
    private struct Queue {
        var waiting: [PendingJob] = []
        var hasLeader = false
    }

    private let queue = Mutex(Queue())
    /// Touched by the leader alone, so the lock is never waited for.
    private let desk: Mutex<Desk>
    private let committed: CommittedState
    private let now: @Sendable () -> Timestamp
    /// When the batch in hand was begun, in microseconds; 0 where there is none.
    private let busySince = Atomic<Int64>(0)

    /// Reads the state, asks the appliance what it runs, and brings it to the state.
    ///
    /// - Parameters:
    ///   - driverName: for the sentences.
    ///   - store: where the state is kept; nil for memory alone.
    ///   - now: the clock.
    /// - Throws: where the state cannot be read or the appliance cannot be asked. A load balancer that the appliance refuses is
    ///   logged, and does not keep the others from being served.
    public init(
        driver: any LoadBalancerDriver, driverName: String, store: sending StateStore?, log: Log, now: @escaping @Sendable () -> Timestamp
    ) throws(StartFailure) {
        let stored: StoredState
        do {
            stored = try store?.load() ?? StoredState()
        } catch {
            throw StartFailure(.state, error.message)
        }
        self.now = now
        let committed = CommittedState(try stored.wantedState())
        self.committed = committed
        let controller = LBaaSController(driverName: driverName, capabilities: driver.capabilities)
        var desk = Desk(
            controller: controller, committed: committed, appliance: Appliance(driver: driver, log: log), store: store,
            ledger: stored.ledger, log: log, now: now)
        try desk.start()
        self.desk = Mutex(desk)
    }

    /// Has a job done.
    ///
    /// - Returns: its outcome, durable.
    func run(_ work: PendingJob.Work) -> JobOutcome {
        let job = PendingJob(work)
        let leads = queue.withLock { queue in
            queue.waiting.append(job)
            defer { queue.hasLeader = true }
            return !queue.hasLeader
        }
        // Woken with an outcome, or without one to take over the lead.
        if !leads, let outcome = job.wait() { return outcome }
        let batch = queue.withLock { queue in
            defer { queue.waiting = [] }
            return queue.waiting
        }
        busySince.store(now().microseconds, ordering: .relaxed)
        let outcomes = desk.withLock { $0.process(batch.map(\.work)) }
        busySince.store(0, ordering: .relaxed)
        var own: JobOutcome?
        for (member, outcome) in zip(batch, outcomes) {
            if member === job { own = outcome } else { member.finish(outcome) }
        }
        let successor = queue.withLock { queue in
            queue.hasLeader = !queue.waiting.isEmpty
            return queue.waiting.first
        }
        successor?.lead()
        return own ?? .failed("the job got lost in the commit pipeline")
    }

    /// The load balancers that a job asks after.
    func entries(of selection: Selection) throws(Refusal) -> [WantedState.Entry] { try Draft(on: committed).entries(of: selection) }

    /// Whether a job asks after what was deleted.
    func asksAfterDeleted(_ selection: Selection) -> Bool { Draft(on: committed).asksAfterDeleted(selection) }

    /// How long the batch in hand takes already, in microseconds; 0 where there is none. For a watchdog.
    public var busyTime: Int64 {
        let since = busySince.load(ordering: .relaxed)
        return since == 0 ? 0 : now().microseconds - since
    }

    /// How many load balancers are committed.
    public var count: Int { committed.withLock { $0.entries.count } }
}

/// A job that waits to be committed.
final class PendingJob: Sendable {
    enum Work: Sendable {
        /// Tell what a change would do.
        case plan(WantedChange)
        /// Do it, durably.
        case commit(Commitment)
    }

    enum Commitment: Sendable {
        /// Change the state.
        case change(WantedChange)
        /// Report the traffic, each byte once.
        case metrics(Selection)
    }

    let work: Work
    private let outcome = Mutex<JobOutcome?>(nil)
    private let wakeUp = DispatchSemaphore(value: 0)

    init(_ work: Work) { self.work = work }

    /// Waits for the outcome; nil where the job is to lead instead.
    func wait() -> JobOutcome? {
        wakeUp.wait()
        return outcome.withLock { $0 }
    }

    func finish(_ outcome: JobOutcome) {
        self.outcome.withLock { $0 = outcome }
        wakeUp.signal()
    }

    func lead() { wakeUp.signal() }
}

import Dispatch
public import LBaaS
import Synchronization
import HostSystem

/// What a check found, where the health of its node is not what it was.
public struct HealthReport: Sendable {
    /// Whose health it is.
    public let key: CheckKey
    /// The check that found it: a report can cross with an order that changes the check, and is of no use then.
    public let check: Check
    /// How the node is now.
    public let health: NodeHealth
    /// Whether it turned up or down.
    public let turned: Bool
}

/// Checks any number of nodes, each in its own time, on one thread of its own.
public final class HealthChecker: Sendable {
    /// How nodes are checked.
    public struct Configuration: Sendable {
        /// The programs that a check may run, by the path that the check names; none for no such checks.
        public var allowedPrograms: Set<String> = []
        /// How many programs run at a time.
        public var maximumPrograms = 16
        /// How many sockets checks have open at a time. Where the limit of the process (RLIMIT_NOFILE) is lower, most of that.
        public var maximumSockets = 16_384
        /// A file of PEM certificates of authorities, for checks that name none; nil for the system's.
        public var authorities: String?
        /// How long the first check of a node may be put off where many are new at a time, at most by its delay. The second comes anywhere in its delay after that, and the
        /// others keep to that phase, so that many that began together are spread evenly.
        public var firstWithin = Duration.seconds(1)
        /// By so much times the number of nodes that are new at a time the first check of each may be put off.
        public var firstPace = Duration.microseconds(100)
        /// The part of its delay by which each check is put off at most, at random: 0 (the default) to 1.
        public var jitter = 0.0

        /// The defaults: no programs.
        public init() {}
    }

    /// What is to be checked from now on.
    public enum Change: Sendable {
        /// Checks a node. Where the same is done already it goes on as it is, and the health given here means nothing. Another check of the
        /// node ends, and this one begins with the health given.
        case begin(CheckKey, Check, NodeHealth)
        /// Checks a node no more.
        case end(CheckKey)
    }

    private let orders: Orders
    /// Left by the thread when it ends.
    private let running = DispatchGroup()

    /// Starts the thread. It raises the soft limit of open descriptors of this process to the hard one.
    ///
    /// - Parameters:
    ///   - now: the time, for `NodeHealth.since`.
    ///   - report: told, from the thread, whenever the health of nodes is not what it was: of up or down, the count towards a turn, or the
    ///     reason. It must not wait for anything, since no node is checked meanwhile.
    /// - Throws: where the system does not give what that takes.
    public init(
        _ configuration: Configuration, log: Log = .silent, now: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable ([HealthReport]) -> Void
    ) throws(HealthCheckError) {
        let orders = try Orders()
        self.orders = orders
        let started = Started()
        running.enter()
        let isStarted = startThread { [running] in
            defer { running.leave() }
            do throws(HealthCheckError) {
                let engine = try Engine(configuration, orders: orders, log: log, now: now, report: report)
                started.tell(nil)
                engine.run()
            } catch {
                started.tell(error)
            }
        }
        guard isStarted else {
            running.leave()
            throw HealthCheckError(.system, "the system has no thread to spare for health checks")
        }
        if let failure = started.wait() { throw failure }
    }

    deinit { orders.stop() }

    /// Changes what is checked, in this order. It takes effect soon, on the thread: a report that is being made meanwhile can still be of what
    /// was before, later ones cannot.
    public func update(_ changes: [Change]) { orders.add(changes) }

    /// Ends all checks, whatever they are doing, and the thread. Nothing is reported any more when it returns, unless it is called by
    /// `report` itself.
    public func stop() {
        orders.stop()
        if !orders.isOwnThread { running.wait() }
    }

    /// How it keeps up, since it started.
    public var statistics: CheckStatistics { orders.statistics.withLock { $0 } }
}

/// Whether a thread could begin its work.
private final class Started: Sendable {
    private let failure = Mutex<HealthCheckError?>(nil)
    private let isTold = DispatchSemaphore(value: 0)

    func tell(_ failure: HealthCheckError?) {
        self.failure.withLock { $0 = failure }
        isTold.signal()
    }

    func wait() -> HealthCheckError? {
        isTold.wait()
        return failure.withLock { $0 }
    }
}

import Dispatch
public import LBaaS
import Synchronization
package import HostSystem

/// What a check found, where the health of its node is not what it was.
public struct HealthReport: Sendable {
    /// Whose health it is.
    public let key: CheckKey
    /// The check that found it.
    public let check: Check
    /// The fact that it is about, as `Change.begin` numbered it. A report can cross with a change that begins another, and is of no use then.
    public let fact: UInt64
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

        /// Told of each check that has ended, on the thread of the checks: whether it passed, and how long it took. It must not wait.
        public var observe: (@Sendable (Check, Bool, Duration) -> Void)?

        /// The defaults: no programs.
        public init() {}
    }

    /// What is to be checked from now on.
    public enum Change: Sendable {
        /// Checks a node. Where the same check of the same fact is made already it goes on, and the health given here means nothing. Any other
        /// check of the node ends, and this one begins with the health given.
        ///
        /// - Parameter fact: tells one fact about the node from another, such as when the node is at another address that is checked in the
        ///   same way.
        case begin(CheckKey, Check, NodeHealth, fact: UInt64 = 0)
        /// Checks a node no more.
        case end(CheckKey)
    }

    private let commands: CommandQueue
    /// Left by the thread when it ends.
    private let running = DispatchGroup()

    /// Starts the thread. It raises the soft limit of open descriptors of this process to the hard one.
    ///
    /// - Parameters:
    ///   - progress: told when the thread works, for a watchdog; nil where nobody watches.
    ///   - now: the time, for `NodeHealth.since`. What is waited for goes by a clock of its own that nobody sets.
    ///   - report: told, from the thread, whenever the health of nodes is not what it was: of up or down, the count towards a turn, or the
    ///     reason. It must not wait for anything, since no node is checked meanwhile.
    /// - Throws: where the system does not give what that takes.
    package init(
        _ configuration: Configuration, log: Log = .silent, progress: ProgressMonitor.Participant? = nil,
        now: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable ([HealthReport]) -> Void
    ) throws(HealthCheckError) {
        let commands = try CommandQueue()
        self.commands = commands
        let started = Started()
        running.enter()
        let isStarted = startThread { [running] in
            defer { running.leave() }
            do throws(HealthCheckError) {
                let engine = try Engine(configuration, commands: commands, progress: progress, log: log, now: now, report: report)
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

    deinit { commands.stop() }

    /// Changes what is checked, in this order. It takes effect soon, on the thread: a report that is being made meanwhile can still be of what
    /// was before, later ones cannot.
    public func update(_ changes: [Change]) { commands.add(changes) }

    /// Ends all checks, whatever they are doing, and the thread. Nothing is reported any more when it returns true, unless it is called by
    /// `report` itself.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where the thread had not ended in that time.
    @discardableResult
    public func stop(within limit: Duration = .seconds(5)) -> Bool {
        commands.stop()
        return commands.isOwnThread || running.wait(timeout: .now() + limit.seconds) == .success
    }

    /// How it keeps up, since it started.
    public var statistics: CheckStatistics { commands.statistics.withLock { $0 } }
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

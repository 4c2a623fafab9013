import Dispatch
import HostSystem
import Synchronization

/// What one thread of the queue does: connect, work until the connection is lost, wait, and again, until it is stopped.
final class Connection: Sendable {
    private struct State {
        var isStopped = false
        var interrupter: GearmanWorker.Interrupter?
    }

    private let server: JobServer
    private let configuration: JobQueue.Configuration
    private let makeHandler: @Sendable () -> JobQueue.Handler
    private let tracker: SharedTracker
    /// Entered while the connection is up: only then can a job be in hand.
    private let working: DispatchGroup
    private let state = Mutex(State())
    /// Ends the wait between two tries.
    private let stopped = DispatchSemaphore(value: 0)

    init(
        server: JobServer, configuration: JobQueue.Configuration, makeHandler: @escaping @Sendable () -> JobQueue.Handler,
        tracker: SharedTracker, working: DispatchGroup
    ) {
        self.server = server
        self.configuration = configuration
        self.makeHandler = makeHandler
        self.tracker = tracker
        self.working = working
    }

    /// The life of the thread.
    func run() {
        let context = JobContext(handler: makeHandler())
        var backoff = Backoff(maximum: configuration.longestWait)
        while !isStopped {
            do throws(ConnectionFailure) {
                try serve(context) { backoff.reset() }
            } catch {
                tracker.failedToConnect(reason: error.reason)
            }
            if isStopped { return }
            _ = stopped.wait(timeout: .now() + backoff.next(share: .random(in: 0...1)))
        }
    }

    /// Takes no more jobs. A job in hand is still answered.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.interrupter?.interrupt()
        }
        stopped.signal()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Connects, and works until the connection is lost or stopped.
    private func serve(_ context: JobContext, connected: () -> Void) throws(ConnectionFailure) {
        let worker = try GearmanWorker.connect(
            to: server, function: configuration.function, context: context,
            idleTime: configuration.idleTime.map { Int32($0 * 1000) } ?? -1, answerTime: Int32(configuration.answerTime * 1000))
        working.enter()
        defer { working.leave() }
        // The interrupter must be gone before the worker is, whose pipe it writes to.
        guard offer(worker.interrupter) else { return }
        defer { _ = offer(nil) }
        connected()
        tracker.connected()
        if let reason = work(worker) { tracker.disconnected(reason: reason) }
    }

    /// Lets `stop` interrupt the connection. False where it was stopped already.
    private func offer(_ interrupter: GearmanWorker.Interrupter?) -> Bool {
        state.withLock { state in
            state.interrupter = interrupter
            return !state.isStopped
        }
    }

    /// Answers jobs; returns why the connection was lost, or nil where it was stopped.
    private func work(_ worker: borrowing GearmanWorker) -> String? {
        while true {
            var outcome = worker.work()
            if case .idle = outcome { outcome = worker.heartbeat() }
            switch outcome {
            case .answered, .idle: if isStopped { return nil }
            case .interrupted: return nil
            case .lost(let reason): return isStopped ? nil : reason
            }
        }
    }
}

/// A job server's tracker, shared by its connections.
final class SharedTracker: Sendable {
    private let server: JobServer
    private let tracker = Mutex(ServerTracker())
    private let report: @Sendable (JobQueue.Event) -> Void

    init(server: JobServer, report: @escaping @Sendable (JobQueue.Event) -> Void) {
        self.server = server
        self.report = report
    }

    func connected() {
        if tracker.withLock({ $0.connected() }) { report(.connected(server)) }
    }

    func disconnected(reason: String) {
        if tracker.withLock({ $0.disconnected() }) { report(.lost(server, reason: reason)) }
    }

    func failedToConnect(reason: String) {
        if tracker.withLock({ $0.failedToConnect() }) { report(.lost(server, reason: reason)) }
    }
}

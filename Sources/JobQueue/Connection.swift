import Dispatch
import HostSystem
import Synchronization

/// What one thread of the queue does: connect, work until the connection is lost, wait, and again, until it is stopped.
final class Connection: Sendable {
    private struct State {
        var isStopped = false
        var session: Session?
    }

    /// Where it is noted that late answers are sent. Not a global queue: to count the threads of those Dispatch reads /proc, and traps where
    /// there is none.
    private static let ends = DispatchQueue(label: "late-answers")

    private let server: JobServer
    private let configuration: JobQueue.Configuration
    private let makeHandler: @Sendable () -> JobQueue.Handler
    private let tracker: SharedTracker
    private let idle: IdleConnections
    private let memory: JobMemory
    /// Entered while the connection is up, and longer where a job of it that takes long is in hand still.
    private let working: DispatchGroup
    private let state = Mutex(State())
    /// Ends the wait between two tries.
    private let stopped = DispatchSemaphore(value: 0)

    init(
        server: JobServer, configuration: JobQueue.Configuration, makeHandler: @escaping @Sendable () -> JobQueue.Handler,
        tracker: SharedTracker, idle: IdleConnections, memory: JobMemory, working: DispatchGroup
    ) {
        self.server = server
        self.configuration = configuration
        self.makeHandler = makeHandler
        self.tracker = tracker
        self.idle = idle
        self.memory = memory
        self.working = working
    }

    /// The life of the thread.
    func run() {
        let handler = makeHandler()
        var backoff = Backoff(maximum: configuration.longestWait)
        while !isStopped {
            do throws(ConnectionFailure) {
                let failure = try serve(handler)
                if failure?.isViolation != true { backoff.reset() }
            } catch {
                if !isStopped { tracker.failedToConnect(reason: error.reason) }
            }
            if isStopped { return }
            _ = stopped.wait(timeout: .now() + backoff.next(share: .random(in: 0...1)))
        }
    }

    /// Takes no more jobs. Those in hand are still answered.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.session?.wake()
        }
        stopped.signal()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    /// How long the job server may take to hang up at the end.
    private static let farewell = Duration.seconds(1)

    /// Connects, and works until the connection is lost or stopped.
    ///
    /// - Returns: why the connection was lost; nil where it was stopped.
    /// - Throws: why there was no connection.
    private func serve(_ handler: @escaping JobQueue.Handler) throws(ConnectionFailure) -> ConnectionFailure? {
        let session = try Session(to: server, within: configuration.patience)
        guard offer(session) else { return nil }
        defer { _ = offer(nil) }
        var loop = JobLoop(session: session, idle: idle, memory: memory, handler: handler, configuration: configuration)
        defer { memory.leaves(session) }
        try loop.begin { isStopped }
        working.enter()
        defer { session.late.notify(queue: Self.ends) { [working] in working.leave() } }
        // Whoever stopped it meanwhile may be gone already: a job that the first question got is left to another worker.
        if isStopped { return nil }
        tracker.connected()
        defer { idle.leaves(session) }
        do throws(ConnectionFailure) {
            try loop.work { isStopped }
            session.late.wait()
            session.close(within: Self.farewell)
            return nil
        } catch {
            session.hangUp()
            if !isStopped { tracker.disconnected(reason: error.reason) }
            return error
        }
    }

    /// Lets `stop` wake the connection. False where it was stopped already.
    private func offer(_ session: Session?) -> Bool {
        state.withLock { state in
            state.session = session
            return !state.isStopped
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

import DaemonSupport
import HostSystem
import JobQueue
import LBaaS
import Requests
import Synchronization

/// Takes jobs from the job servers.
final class JobIntake: Intake {
    let name = "a job in hand"
    private let settings: Settings
    private let observer: WorkerObserver
    private let log: Log
    private let queue = Mutex<JobQueue?>(nil)
    /// Whether there is a connection to each job server that was reached once.
    private let reached = Mutex<[String: Bool]>([:])

    /// An intake that is not started yet.
    init(_ settings: Settings, observer: WorkerObserver, log: Log) {
        self.observer = observer
        self.settings = settings
        self.log = log
    }

    func start(handingTo core: any RequestHandler) throws(IntakeFailure) {
        let new = makeQueue(core)
        queue.withLock { $0 = new }
        if !new.start() {
            throw IntakeFailure("the system has no threads for \(settings.concurrency) connections; lower --concurrency")
        }
    }

    /// The job servers, and whether there is a connection to each.
    var servers: [(address: String, isConnected: Bool)] {
        let reached = reached.withLock(\.self)
        return settings.servers.map { ($0.description, reached[$0.description] ?? false) }
    }

    func stopTaking() { _ = queue.withLock(\.self)?.stop(timeout: 0) }

    func finish(within limit: Duration) -> Bool {
        if queue.withLock(\.self)?.stop(timeout: limit.seconds) ?? true { return true }
        log.write(
            .error, "a job was still in hand after the shutdown timeout; the job server gives it to another worker",
            [("seconds", String(settings.shutdownTimeout))])
        return false
    }

    private func makeQueue(_ core: any RequestHandler) -> JobQueue {
        var configuration = JobQueue.Configuration(servers: settings.servers, function: settings.function ?? hostName())
        configuration.connections = settings.concurrency
        configuration.longestWait = settings.reconnectSleep
        configuration.idleTime = settings.heartbeat.isOn ? settings.heartbeat.idle : nil
        configuration.answerTime = settings.heartbeat.patience
        return JobQueue(configuration) { [log] in
            let handler = JobHandler(core, log: log)
            return { handler.answer($0) }
        } report: { [weak self] event in
            self?.report(event)
        }
    }

    private func report(_ event: JobQueue.Event) {
        observer.told(event)
        switch event {
        case .connected(let server):
            reached.withLock { $0[server.description] = true }
            log.write(.info, "job server connected", [("server", server.description)])
        case .lost(let server, let reason):
            let wasReached = reached.withLock { reached in
                // One that was never reached stays so.
                defer { if reached[server.description] != nil { reached[server.description] = false } }
                return reached[server.description] != nil
            }
            log.write(
                .warning,
                wasReached ? "job server lost; it is tried again for ever" : "job server cannot be reached; it is tried again for ever",
                [("server", server.description), ("reason", reason)])
        }
    }
}

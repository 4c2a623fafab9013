import Controller
import DaemonSupport
import HealthChecks
import HostSystem
import JobQueue
import LBaaS
import Synchronization

/// Tells the world which services are up.
final class NotifierService: DaemonService {
    let name = "a notifier"
    let stopTime = Duration.seconds(2)
    private let notifiers: [any Notifier]
    private let core: CoreService

    /// Notifiers that are not started yet.
    init(_ notifiers: [any Notifier], core: CoreService) {
        self.notifiers = notifiers
        self.core = core
    }

    func start() { core.pipeline.begin(notifiers) }

    func finish(within limit: Duration) -> Bool {
        let deadline = Deadline(in: min(limit, stopTime))
        // What cannot be handed on, they log themselves; it is no job that is lost.
        for notifier in notifiers { _ = notifier.stop(within: deadline.rest) }
        return true
    }
}

/// Finds out how nodes are.
final class CheckService: DaemonService {
    let name = "the checks of the nodes"
    let stopTime = Duration.seconds(1)
    private let settings: Settings
    private let core: CoreService
    private let log: Log
    private let progress: ProgressMonitor.Participant
    private let stop = Mutex<(@Sendable (Duration) -> Bool)?>(nil)

    /// Checks that are not started yet.
    ///
    /// - Parameter monitor: is told whether the checks get on.
    init(_ settings: Settings, core: CoreService, monitor: ProgressMonitor, log: Log) {
        self.settings = settings
        self.core = core
        self.log = log
        progress = monitor.participant(name)
    }

    func start() throws(StartupFailure) {
        let pipeline = core.pipeline
        let report: @Sendable (NodeChecks.Findings) -> Void = { [weak pipeline] in pipeline?.report($0) }
        switch core.driver.upkeep.checking {
        case .nobody: break
        case .driver:
            let checker = StatusChecker(core.driver, log: log, now: Clock.steady, report: report)
            pipeline.begin(checker)
            stop.withLock {
                $0 = { _ in
                    checker.stop()
                    return true
                }
            }
        case .worker:
            var configuration = HealthChecker.Configuration()
            configuration.allowedPrograms = Set(settings.checkPrograms)
            configuration.authorities = settings.checkAuthorities
            do throws(HealthCheckError) {
                let checks = try NodeChecks(configuration, log: log, progress: progress, now: Clock.steady, report: report)
                pipeline.begin(checks)
                stop.withLock { $0 = { checks.stop(within: $0) } }
            } catch {
                throw StartupFailure(.osError, error.message)
            }
        }
    }

    func finish(within limit: Duration) -> Bool {
        if stop.withLock(\.self)?(limit) ?? true { return true }
        log.write(.error, "\(name) did not end within the shutdown timeout", [("seconds", String(limit.seconds))])
        return false
    }
}

/// Does from time to time what the driver needs.
final class UpkeepService: DaemonService {
    let name = "the upkeep of the appliance"
    private let core: CoreService
    private let upkeeper = Mutex<Upkeeper?>(nil)

    /// An upkeep that is not started yet.
    init(core: CoreService) { self.core = core }

    func start() {
        let (upkeep, pipeline) = (core.driver.upkeep, core.pipeline)
        upkeeper.withLock { $0 = Upkeeper(upkeep, of: pipeline) }
    }

    func stopTaking() { upkeeper.withLock { $0?.stop() } }
}

/// Takes jobs from the job servers.
final class IntakeService: DaemonService {
    let name = "a job in hand"
    private let settings: Settings
    private let core: CoreService
    private let version: String
    private let log: Log
    private let queue = Mutex<JobQueue?>(nil)
    /// The job servers that were reached once.
    private let reached = Mutex<Set<String>>([])

    /// An intake that is not started yet.
    init(_ settings: Settings, core: CoreService, version: String, log: Log) {
        self.settings = settings
        self.core = core
        self.version = version
        self.log = log
    }

    func start() throws(StartupFailure) {
        let new = makeQueue()
        queue.withLock { $0 = new }
        if !new.start() {
            throw StartupFailure(.osError, "the system has no threads for \(settings.concurrency) connections; lower --concurrency")
        }
    }

    func stopTaking() { _ = queue.withLock(\.self)?.stop(timeout: 0) }

    func finish(within limit: Duration) -> Bool {
        if queue.withLock(\.self)?.stop(timeout: limit.seconds) ?? true { return true }
        log.write(
            .error, "a job was still in hand after the shutdown timeout; the job server gives it to another worker",
            [("seconds", String(settings.shutdownTimeout))])
        return false
    }

    private func makeQueue() -> JobQueue {
        let surroundings = JobRunner.Surroundings(version: version, release: version, diagnose: Diagnosis(settings).run)
        let runner = JobRunner(
            pipeline: core.pipeline, driver: core.driver, driverName: settings.driver, surroundings: surroundings,
            // Each has a thread that mostly waits for the object store.
            mostArchives: max(1, settings.concurrency / 2))
        var configuration = JobQueue.Configuration(servers: settings.servers, function: settings.function ?? hostName())
        configuration.connections = settings.concurrency
        configuration.longestWait = settings.reconnectSleep
        configuration.idleTime = settings.heartbeat.isOn ? settings.heartbeat.idle : nil
        configuration.answerTime = settings.heartbeat.patience
        return JobQueue(configuration) { [log] in
            let handler = JobHandler(runner, log: log)
            return { handler.answer($0) }
        } report: { [weak self] event in
            self?.report(event)
        }
    }

    private func report(_ event: JobQueue.Event) {
        switch event {
        case .connected(let server):
            _ = reached.withLock { $0.insert(server.description) }
            log.write(.info, "job server connected", [("server", server.description)])
        case .lost(let server, let reason):
            let wasReached = reached.withLock { $0.contains(server.description) }
            log.write(
                .warning,
                wasReached ? "job server lost; it is tried again for ever" : "job server cannot be reached; it is tried again for ever",
                [("server", server.description), ("reason", reason)])
        }
    }
}

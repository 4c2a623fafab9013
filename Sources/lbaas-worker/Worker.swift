import Controller
import Glibc
import HealthChecks
import HostSystem
import JobQueue
import KnownDrivers
import KnownNotifiers
import LBaaS
import StateStore

/// The wiring: makes the rooms from the settings, starts them, and ends them.
enum Worker {
    /// Takes jobs until a signal ends it.
    ///
    /// - Returns: how the process ends.
    static func run(_ settings: Settings, version: String) throws(StartupFailure) -> ExitCode {
        // Before the first thread, for each takes over what its maker blocks.
        let signals = SignalWaiter()
        umask(0o027)
        let log = LogOutput(style: LogOutput.style(settings.logFormat)).log(level: settings.logLevel)
        let privileges = try Privileges.look(user: settings.user, group: settings.group)
        let pidFile = try makePidFile(settings)
        try privileges?.assume()
        let exitCode = try serve(settings, version: version, signals: signals, log: log)
        pidFile?.remove()
        return exitCode
    }

    private static func serve(
        _ settings: Settings, version: String, signals: SignalWaiter, log: Log
    ) throws(StartupFailure) -> ExitCode {
        let driver = try makeDriver(settings, log: log)
        let notifiers = try makeNotifiers(settings, log: log)
        let services = try settings.services(for: driver)
        let pipeline = try makePipeline(settings, driver: driver, notifiers: notifiers, services: services, log: log)
        let endChecks = try beginChecks(settings, driver: driver, pipeline: pipeline, log: log)
        let queue = makeQueue(settings, pipeline: pipeline, driver: driver, version: version, log: log)
        guard queue.start() else {
            throw StartupFailure(.osError, "the system has no threads for \(settings.concurrency) connections; lower --concurrency")
        }
        ServiceManager.ready()
        log.write(
            .info, "started",
            [
                ("version", version), ("driver", settings.driver), ("function", settings.function ?? hostName()),
                ("servers", settings.servers.map(\.description).joined(separator: " ")), ("load_balancers", String(pipeline.count)),
            ])
        let upkeeper = Upkeeper(driver.upkeep, of: pipeline)
        let signal = signals.wait(watching: pipeline)
        upkeeper.stop()
        endChecks()
        let exitCode = shutDown(queue, after: signal, settings: settings, signals: signals, log: log)
        for notifier in notifiers { _ = notifier.stop(within: notifierPatience) }
        if exitCode == .ok { pipeline.close() }
        return exitCode
    }

    /// Checks what only the driver can check.
    static func check(_ settings: Settings) throws(StartupFailure) {
        let driver = try makeDriver(settings, log: .silent)
        _ = try makeNotifiers(settings, log: .silent)
        _ = try settings.services(for: driver)
    }

    /// How long a notifier may take at the end to hand on what it was told last.
    private static let notifierPatience = Duration.seconds(2)

    private static func shutDown(
        _ queue: JobQueue, after signal: String, settings: Settings, signals: SignalWaiter, log: Log
    ) -> ExitCode {
        ServiceManager.stopping()
        log.write(.info, "stopping: no more jobs are taken, those in hand are finished", [("signal", signal)])
        signals.endProcessAtNext(exitCode: .tempFail)
        if queue.stop(timeout: settings.shutdownTimeout) {
            log.write(.info, "stopped")
            return .ok
        }
        log.write(
            .error, "a job was still in hand after the shutdown timeout; the job server gives it to another worker",
            [("seconds", String(settings.shutdownTimeout))])
        return .tempFail
    }

    private static func makePidFile(_ settings: Settings) throws(StartupFailure) -> PidFile? {
        guard let path = settings.pidFile else { return nil }
        return try PidFile(path)
    }

    private static func makeDriver(_ settings: Settings, log: Log) throws(StartupFailure) -> any LoadBalancerDriver {
        guard let registration = KnownDrivers.named(settings.driver) else {
            throw StartupFailure(.usage, "'\(settings.driver)' is not a driver of this program")
        }
        do {
            return try registration.make(settings.driverConfiguration, log)
        } catch {
            throw settings.startupFailure(error, in: "worker:\(settings.driver)")
        }
    }

    /// The notifiers that have a section.
    private static func makeNotifiers(_ settings: Settings, log: Log) throws(StartupFailure) -> [any Notifier] {
        var notifiers: [any Notifier] = []
        for registration in KnownNotifiers.all {
            let name = "notifier:\(registration.name)"
            if settings.sections[name] == nil { continue }
            do {
                notifiers.append(try registration.make(settings.configuration(of: name), log))
            } catch {
                throw settings.startupFailure(error, in: name)
            }
        }
        return notifiers
    }

    private static func makePipeline(
        _ settings: Settings, driver: any LoadBalancerDriver, notifiers: [any Notifier], services: [LoadBalancer], log: Log
    ) throws(StartupFailure) -> CommitPipeline {
        let store = try openStore(settings)
        do throws(StartFailure) {
            let pipeline = try CommitPipeline(
                driver: driver, driverName: settings.driver, capabilities: settings.capabilities(of: driver), store: store, log: log,
                clock: Clock.moment)
            pipeline.begin(notifiers)
            try pipeline.configure(services)
            return pipeline
        } catch {
            switch error.code {
            case .state: throw StartupFailure(.dataError, error.message)
            case .appliance: throw StartupFailure(.unavailable, error.message)
            case .configuration: throw StartupFailure(.config, "\(settings.configurationFile ?? ""): \(error.message)")
            case .memory: throw StartupFailure(.osError, error.message)
            }
        }
    }

    /// Has it found out how nodes are.
    ///
    /// - Returns: what ends that.
    private static func beginChecks(
        _ settings: Settings, driver: any LoadBalancerDriver, pipeline: CommitPipeline, log: Log
    ) throws(StartupFailure) -> () -> Void {
        let report: @Sendable (NodeChecks.Findings) -> Void = { [weak pipeline] in pipeline?.report($0) }
        switch driver.upkeep.checking {
        case .nobody: return {}
        case .driver:
            let checker = StatusChecker(driver, log: log, now: Clock.steady, report: report)
            pipeline.begin(checker)
            return checker.stop
        case .worker:
            var configuration = HealthChecker.Configuration()
            configuration.allowedPrograms = Set(settings.checkPrograms)
            configuration.authorities = settings.checkAuthorities
            do throws(HealthCheckError) {
                let checks = try NodeChecks(configuration, log: log, now: Clock.steady, report: report)
                pipeline.begin(checks)
                return { checks.stop() }
            } catch {
                throw StartupFailure(.osError, error.message)
            }
        }
    }

    private static func openStore(_ settings: Settings) throws(StartupFailure) -> sending StateStore? {
        guard let folder = settings.stateDirectory else { return nil }
        do throws(StateStoreError) {
            return try StateStore(folder: folder)
        } catch {
            switch error.code {
            case .inaccessible: throw StartupFailure(.cantCreate, error.message)
            case .inUse: throw StartupFailure(.tempFail, error.message)
            case .damaged, .newer: throw StartupFailure(.dataError, error.message)
            }
        }
    }

    private static func makeQueue(
        _ settings: Settings, pipeline: CommitPipeline, driver: any LoadBalancerDriver, version: String, log: Log
    ) -> JobQueue {
        let surroundings = JobRunner.Surroundings(
            version: version, release: version, diagnose: Diagnosis(settings).run)
        let runner = JobRunner(
            pipeline: pipeline, driver: driver, driverName: settings.driver, surroundings: surroundings,
            // Each has a thread that mostly waits for the object store.
            mostArchives: max(1, settings.concurrency / 2))
        var configuration = JobQueue.Configuration(servers: settings.servers, function: settings.function ?? hostName())
        configuration.connections = settings.concurrency
        configuration.longestWait = settings.reconnectSleep
        configuration.idleTime = settings.heartbeat.isOn ? settings.heartbeat.idle : nil
        configuration.answerTime = settings.heartbeat.patience
        return JobQueue(configuration) {
            let handler = JobHandler(runner, log: log)
            return { handler.answer($0) }
        } report: { event in
            switch event {
            case .connected(let server): log.write(.info, "job server connected", [("server", server.description)])
            case .lost(let server, let reason):
                log.write(
                    .warning, "job server lost; it is tried again for ever", [("server", server.description), ("reason", reason)])
            }
        }
    }
}

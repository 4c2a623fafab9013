import Controller
import Coordination
import DaemonSupport
import Glibc
import HostSystem
import JobQueue
import KeepalivedAPI
import KnownDrivers
import KnownNotifiers
import LBaaS
import ServiceSettings
import WorkerAPI

/// The wiring: makes the services from the settings, and runs them.
enum Worker {
    /// Takes jobs until a signal ends it.
    ///
    /// - Returns: how the process ends.
    static func run(_ settings: Settings, version: String) throws(StartupFailure) -> ExitCode {
        useOneHeap()
        // Before the first thread, for each takes over what its maker blocks.
        let signals = try Signals()
        // What is made is for this user alone, and a narrower mask of the unit's stays.
        umask(umask(0o077) | 0o077)
        let output = try LogOutput(style: LogOutput.style(settings.logFormat))
        defer { output.flush(within: .seconds(1)) }
        let log = output.log(level: settings.logLevel)
        try Privileges.look(user: settings.user, group: settings.group)?.assume()
        // As the user that removes it at the end.
        let pidFile = try makePidFile(settings)
        let monitor = ProgressMonitor()
        let parts = try Parts(settings, monitor: monitor, log: log)
        let api = try settings.apiConfiguration()
        let keepalived = try settings.keepalivedConfiguration()
        let exitCode = try serve(settings, parts, api, keepalived, monitor: monitor, version: version, signals: signals, log: log)
        pidFile?.remove()
        return exitCode
    }

    private static func serve(
        _ settings: Settings, _ parts: Parts, _ api: APIConfiguration, _ keepalived: KeepalivedConfiguration?, monitor: ProgressMonitor,
        version: String, signals: Signals, log: Log
    ) throws(StartupFailure) -> ExitCode {
        let observer = WorkerObserver(settings, log: log)
        let driver = MeasuredDriver(parts.driver, observer.metrics)
        parts.virtualIPs.observe { observer.told($0) }
        let core = CoreService(
            settings, driver: driver, virtualIPs: parts.virtualIPs, version: version, monitor: monitor, observer: observer, log: log)
        let cluster = KubernetesIntake(parts.kubernetes, folder: settings.stateDirectory, log: log) { [weak core] actuator in
            core?.pipeline.add(actuator)
        }
        core.restore(cluster.restored)
        let jobs = JobIntake(settings, observer: observer, log: log)
        var services: [any DaemonService] = [
            parts.virtualIPs,
            core,
            NotifierService(parts.notifiers, virtualIPs: parts.virtualIPs, core: core),
            IntakeService(FileIntake(parts.services, every: parts.driver.upkeep.resyncInterval, log: log), core: core),
            IntakeService(cluster, core: core),
            CheckService(settings, core: core, monitor: monitor, observer: observer, log: log),
            FollowingService(parts.virtualIPs),
            UpkeepService(core: core),
            IntakeService(
                APIIntake(
                    api, of: settings, jobs: jobs, observer: observer, driver: driver, core: core, virtualIPs: parts.virtualIPs,
                    version: version, log: log), core: core),
        ]
        if let keepalived { services.append(IntakeService(KeepalivedIntake(keepalived, log: log), core: core)) }
        services.append(IntakeService(jobs, core: core))
        var daemon = Daemon(signals: signals, monitor: monitor, stopTimeout: .seconds(settings.shutdownTimeout), log: log)
        return try daemon.run(services) {
            log.write(
                .info, "started",
                [
                    ("version", version), ("driver", settings.driver), ("function", settings.function ?? hostName()),
                    ("servers", settings.servers.map(\.description).joined(separator: " ")),
                    ("load_balancers", String(core.pipeline.count)),
                ])
        }
    }

    private static func makePidFile(_ settings: Settings) throws(StartupFailure) -> PidFile? {
        guard let path = settings.pidFile else { return nil }
        return try PidFile(path)
    }
}

// MARK: - What the settings are checked for

extension Worker {
    /// Reads and checks the command line and the configuration file. To check alone, also what otherwise only the start finds out.
    ///
    /// - Throws: all mistakes.
    static func read(
        arguments: [String], of program: ProgramDefinition<Settings>, drivers: [DriverRegistration] = KnownDrivers.all
    ) throws(StartupFailure) -> Invocation<Settings> {
        try program.read(arguments: arguments) { settings, options, file, isCheck throws(StartupFailure) in
            var mistakes = Mistakes()
            mistakes.collect { () throws(StartupFailure) in
                try checkDriver(settings, options: options, file: file, drivers: drivers)
            }
            mistakes.collect { () throws(StartupFailure) in
                try settings.cluster.check(in: file)
            }
            if isCheck {
                mistakes.collect { () throws(StartupFailure) in _ = try settings.apiConfiguration(in: file) }
                mistakes.collect { () throws(StartupFailure) in _ = try settings.keepalivedConfiguration(in: file) }
            }
            try mistakes.check()
            if isCheck { _ = try Parts(settings, monitor: ProgressMonitor(), log: .silent, isCheck: true) }
        }
    }

    /// What `--check-config` says where there is no configuration file.
    static let noFile = "there is no configuration file; the command line and the defaults are right"

    /// What is made of the settings before anything runs.
    struct Parts {
        let driver: any LoadBalancerDriver
        /// The notifiers that have a section.
        let notifiers: [Notifier]
        let services: [LoadBalancer]
        let virtualIPs: VirtualIPService
        /// What is said of a Kubernetes cluster; nil where nothing is.
        let kubernetes: KubernetesSettings?

        /// Makes them.
        ///
        /// - Parameters:
        ///   - monitor: is told whether the checks of the virtual IPs get on.
        ///   - isCheck: whether what can be run but is likely not meant is a mistake; else it is a warning in the log.
        /// - Throws: everything that one of them refuses.
        init(_ settings: Settings, monitor: ProgressMonitor, log: Log, isCheck: Bool = false) throws(StartupFailure) {
            var mistakes = Mistakes()
            let driver = mistakes.collect { () throws(StartupFailure) in
                guard let registration = KnownDrivers.named(settings.driver) else {
                    throw StartupFailure(.usage, "'\(settings.driver)' is not a driver of this program")
                }
                return try registration.make(of: settings, section: "worker:\(settings.driver)", log: log, isCheck: isCheck)
            }
            notifiers = KnownNotifiers.all.compactMap { registration in
                let section = "notifier:\(registration.name)"
                if settings.sections[section] == nil { return nil }
                return mistakes.collect { () throws(StartupFailure) in
                    try registration.make(of: settings, section: section, log: log, isCheck: isCheck)
                }
            }
            services = mistakes.collect { () throws(StartupFailure) in try settings.services(for: driver) } ?? []
            for doubt in settings.doubts(about: services) {
                if isCheck { mistakes.add(doubt) } else { log.write(.warning, doubt.message) }
            }
            let addresses = mistakes.collect { () throws(StartupFailure) in try settings.virtualIPs() } ?? []
            kubernetes = mistakes.collect { () throws(StartupFailure) in try settings.kubernetes() } ?? nil
            let coordination = mistakes.collect { () throws(StartupFailure) in try settings.cluster.coordination(log: log) }
            virtualIPs = VirtualIPService(
                addresses, settings.cluster, coordination: coordination ?? SingleHost(host: settings.cluster.hostID), monitor: monitor,
                log: log)
            try mistakes.check()
            guard let driver else { throw StartupFailure(.config, "there is no driver") }
            self.driver = driver
        }
    }
}

extension Registration {
    /// Makes it from its section of the configuration file.
    ///
    /// - Parameter isCheck: whether the program that it stands for is asked, too, for mistakes of the section.
    fileprivate func make(of settings: Settings, section: String, log: Log, isCheck: Bool) throws(StartupFailure) -> Product {
        let configuration = settings.configuration(of: section)
        do throws(DriverConfiguration.Failure) {
            let product = try make(configuration, log)
            if isCheck { try check(configuration) }
            return product
        } catch {
            throw settings.startupFailure(error, in: section)
        }
    }
}

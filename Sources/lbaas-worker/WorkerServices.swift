import Controller
import DaemonSupport
import HealthChecks
import HostSystem
import LBaaS
import Requests
import Synchronization

/// Tells the world which services are up.
final class NotifierService: DaemonService {
    let name = "a notifier"
    let stopTime = Duration.seconds(2)
    private let notifiers: [Notifier]
    private let virtualIPs: VirtualIPService
    private let core: CoreService

    /// Notifiers that are not started yet. Of routes to virtual IPs they tell only while this host has them.
    init(_ notifiers: [Notifier], virtualIPs: VirtualIPService, core: CoreService) {
        self.notifiers = virtualIPs.owning(notifiers)
        self.virtualIPs = virtualIPs
        self.core = core
    }

    func start() {
        core.pipeline.begin(
            actuators: notifiers.compactMap { if case .actuator(let actuator) = $0 { actuator } else { nil } },
            listeners: notifiers.compactMap { if case .listener(let listener) = $0 { listener } else { nil } })
        virtualIPs.tell(core.pipeline)
    }

    func finish(within limit: Duration) -> Bool {
        let deadline = Deadline(in: min(limit, stopTime))
        // What cannot be handed on, they log themselves; it is no job that is lost.
        for notifier in notifiers { _ = notifier.stop(within: deadline.rest) }
        return true
    }
}

/// Has virtual IPs follow their services. It is started behind those that bring load balancers, so that no address is owned before it is known
/// whether its services are up.
final class FollowingService: DaemonService {
    let name = "the virtual IPs that follow their services"
    private let virtualIPs: VirtualIPService

    /// A service that is not started yet.
    init(_ virtualIPs: VirtualIPService) { self.virtualIPs = virtualIPs }

    func start() { virtualIPs.follow() }
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
        switch core.driver.upkeep.checking {
        case .nobody: break
        case .driver:
            let checker = StatusChecker(core.driver, pipeline: pipeline, progress: progress, log: log, now: Clock.steady)
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
                let checks = try NodeChecks(configuration, log: log, progress: progress, now: Clock.steady) { [weak pipeline] in
                    pipeline?.submit($0)
                }
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

/// An intake, as a part of the worker.
final class IntakeService: DaemonService {
    private let intake: any Intake
    private let core: CoreService

    /// An intake that is not started yet.
    init(_ intake: any Intake, core: CoreService) {
        self.intake = intake
        self.core = core
    }

    var name: String { intake.name }

    func start() throws(StartupFailure) {
        do throws(IntakeFailure) {
            try intake.start(handingTo: core.controller)
        } catch {
            throw StartupFailure(.osError, error.message)
        }
    }

    func stopTaking() { intake.stopTaking() }

    func finish(within limit: Duration) -> Bool { intake.finish(within: limit) }
}

import Controller
import DaemonSupport
import HostSystem
import LBaaS
import StateStore
import Synchronization

/// The committed state, the appliance, and the pipeline between them.
final class CoreService: DaemonService {
    let name = "the commit pipeline"
    let stopTime = Duration.seconds(1)
    let driver: any LoadBalancerDriver
    private let settings: Settings
    private let virtualIPs: VirtualIPService
    private let log: Log
    private let monitor: ProgressMonitor
    private let observer: WorkerObserver
    private let version: String
    private let running = Mutex<LBaaSController?>(nil)
    private let restored = Mutex<@Sendable () -> [LoadBalancer]>({ [] })

    /// A core that is not started yet.
    ///
    /// - Parameter monitor: is told how long each step of a commit may take.
    init(
        _ settings: Settings, driver: any LoadBalancerDriver, virtualIPs: VirtualIPService, version: String, monitor: ProgressMonitor,
        observer: WorkerObserver, log: Log
    ) {
        self.observer = observer
        self.settings = settings
        self.driver = driver
        self.virtualIPs = virtualIPs
        self.version = version
        self.monitor = monitor
        self.log = log
    }

    /// The controller, for services that are started later.
    var controller: LBaaSController {
        guard let controller = running.withLock(\.self) else { preconditionFailure("the core is started first") }
        return controller
    }

    /// The pipeline that it commits through.
    var pipeline: CommitPipeline { controller.pipeline }

    /// Has load balancers in force from the start on that the store does not have.
    func restore(_ read: @escaping @Sendable () -> [LoadBalancer]) { restored.withLock { $0 = read } }

    func start() throws(StartupFailure) {
        let store = try openStore()
        let restored = restored.withLock(\.self)()
        let pipeline: CommitPipeline
        do throws(StartFailure) {
            pipeline = try CommitPipeline(
                driver: driver, driverName: settings.driver, capabilities: settings.capabilities(of: driver), store: store,
                keeper: virtualIPs, progress: monitor, observer: observer, log: log, restored: restored, clock: Clock.moment)
        } catch {
            throw error.startup
        }
        let surroundings = LBaaSController.Surroundings(version: version, release: version, diagnose: Diagnosis(settings).run)
        let controller = LBaaSController(
            pipeline: pipeline, driver: driver, driverName: settings.driver, surroundings: surroundings,
            // Each has a thread that mostly waits for the object store.
            mostArchives: max(1, settings.concurrency / 2))
        running.withLock { $0 = controller }
    }

    func finish(within limit: Duration) -> Bool {
        pipeline.close()
        return true
    }

    private func openStore() throws(StartupFailure) -> sending StateStore? {
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
}

extension StartFailure {
    /// The failure as the end of the start.
    var startup: StartupFailure {
        switch code {
        case .state: StartupFailure(.dataError, message)
        case .appliance: StartupFailure(.unavailable, message)
        case .configuration: StartupFailure(.config, message)
        case .memory, .host: StartupFailure(.osError, message)
        }
    }
}

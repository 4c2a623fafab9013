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
    private let log: Log
    private let monitor: ProgressMonitor
    private let observer: WorkerObserver
    private let version: String
    private let running = Mutex<LBaaSController?>(nil)

    /// A core that is not started yet.
    ///
    /// - Parameter monitor: is told how long each step of a commit may take.
    init(
        _ settings: Settings, driver: any LoadBalancerDriver, version: String, monitor: ProgressMonitor, observer: WorkerObserver, log: Log
    ) {
        self.observer = observer
        self.settings = settings
        self.driver = driver
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

    func start() throws(StartupFailure) {
        let store = try openStore()
        let pipeline: CommitPipeline
        do throws(StartFailure) {
            pipeline = try CommitPipeline(
                driver: driver, driverName: settings.driver, capabilities: settings.capabilities(of: driver), store: store,
                progress: monitor, observer: observer, log: log, clock: Clock.moment)
        } catch {
            switch error.code {
            case .state: throw StartupFailure(.dataError, error.message)
            case .appliance: throw StartupFailure(.unavailable, error.message)
            case .memory: throw StartupFailure(.osError, error.message)
            }
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

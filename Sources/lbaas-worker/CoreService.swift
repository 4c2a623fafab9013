import Controller
import DaemonSupport
import Dispatch
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
    private let commit: ProgressMonitor.Participant
    private let running = Mutex<CommitPipeline?>(nil)
    // A queue of its own: to count the threads of the global ones Dispatch reads /proc, and traps where there is none.
    private let queue = DispatchQueue(label: "core-progress")

    /// How long one batch may take: several changes of the appliance, each with its own limit of some 100 s, are tried one by one where
    /// they fail together.
    private static let batchLimit = Duration.seconds(600)

    /// A core that is not started yet.
    init(_ settings: Settings, driver: any LoadBalancerDriver, monitor: ProgressMonitor, log: Log) {
        self.settings = settings
        self.driver = driver
        self.log = log
        commit = monitor.participant(name)
    }

    /// The pipeline, for services that are started later.
    var pipeline: CommitPipeline {
        guard let pipeline = running.withLock(\.self) else { preconditionFailure("the core is started first") }
        return pipeline
    }

    func start() throws(StartupFailure) {
        // Asks the appliance, and may have to start it.
        commit.begin(within: Self.batchLimit)
        defer { commit.end() }
        let store = try openStore()
        let pipeline: CommitPipeline
        do throws(StartFailure) {
            pipeline = try CommitPipeline(
                driver: driver, driverName: settings.driver, capabilities: settings.capabilities(of: driver), store: store, log: log,
                now: Clock.now)
        } catch {
            switch error.code {
            case .state: throw StartupFailure(.dataError, error.message)
            case .appliance: throw StartupFailure(.unavailable, error.message)
            case .configuration: throw StartupFailure(.config, error.message)
            case .memory: throw StartupFailure(.osError, error.message)
            }
        }
        running.withLock { $0 = pipeline }
        watch(pipeline)
    }

    func finish(within limit: Duration) -> Bool {
        pipeline.close()
        return true
    }

    /// Has the monitor know how long the batch in hand takes.
    private func watch(_ pipeline: CommitPipeline) {
        queue.asyncAfter(deadline: .now() + 1) { [weak self, weak pipeline] in
            guard let self, let pipeline else { return }
            let busy = pipeline.busyTime
            if busy > 0 { commit.begin(within: Self.batchLimit - .microseconds(busy)) } else { commit.end() }
            watch(pipeline)
        }
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

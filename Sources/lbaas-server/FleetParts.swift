import DaemonSupport
import Etcd
import FleetAuth
import FleetModel
import FleetStore
import HostSystem
import LBaaS
import Metrics
import ServiceSettings

/// What the rooms of the fleet are made with.
struct FleetParts: Sendable {
    /// What the operator has set.
    let settings: Settings
    /// The groups of workers, by name.
    let groups: [FleetGroup]
    /// What the servers of the fleet have in common.
    let store: any FleetStore
    /// Everything that the store has of the fleet, as of one revision.
    let cache: FleetCache
    /// The users, projects and tokens.
    let accounts: Accounts
    /// The threads on which requests wait for the store.
    let work: WorkQueue
    /// What is measured.
    let registry: MetricsRegistry
    /// The log.
    let log: Log

    /// How many requests may wait for a thread.
    private static let mostWaiting = 1024

    /// Opens the store.
    ///
    /// - Throws: what keeps the server from starting.
    init(_ settings: Settings, log: Log) throws(StartupFailure) {
        (self.settings, self.log) = (settings, log)
        groups = try settings.groups()
        store = try settings.openStore(log: log)
        do throws(FleetStoreError) {
            cache = try FleetCache(store, groups: groups, log: log)
        } catch {
            throw StartupFailure(error.code.exitCode, error.message)
        }
        accounts = try settings.accounts(of: store)
        guard let work = WorkQueue(threads: settings.threads, mostWaiting: Self.mostWaiting) else {
            throw StartupFailure(.osError, "the system has no threads to spare for \(settings.threads) requests; set a lower `threads`")
        }
        self.work = work
        registry = MetricsRegistry()
        registry.collectProcess()
    }
}

extension Settings {
    /// Opens the store.
    func openStore(log: Log) throws(StartupFailure) -> any FleetStore {
        do throws(FleetStoreError) {
            switch store {
            case .memory: return MemoryStore()
            case .sqlite(let folder): return try SQLiteStore(folder: folder)
            case .etcd:
                var etcd = try etcd()
                // As many as wait for it at a time; etcd makes those that come together durable together.
                etcd.mostConnections = threads + 4
                var settings = EtcdStore.Settings(etcd: etcd, prefix: "/lbaas/\(cluster.name)/fleet/")
                settings.log = log
                return try EtcdStore(settings)
            }
        } catch {
            throw StartupFailure(error.code.exitCode, "the store \(ValueForm<StoreChoice>.store.write(store)): \(error.message)")
        }
    }

    /// The etcd of the store. What is wrong with its settings was found before.
    private func etcd() throws(FleetStoreError) -> EtcdConfiguration {
        do throws(StartupFailure) {
            return try cluster.etcd()
        } catch {
            throw FleetStoreError(.configuration, error.message)
        }
    }

    /// The accounts of a store.
    func accounts(of store: any FleetStore) throws(StartupFailure) -> Accounts {
        var accounts = Accounts.Settings()
        accounts.tokenValidity = tokenValidity
        accounts.sessionLimit = sessionLimit
        accounts.difficulty = PasswordDifficulty(operations: hashOperations, memory: hashMemory) ?? .usual
        do throws(AuthError) {
            return try Accounts(store, accounts)
        } catch {
            throw StartupFailure(.osError, error.message)
        }
    }
}

extension FleetStoreError.Code {
    /// What a program answers that cannot open its store.
    var exitCode: ExitCode {
        switch self {
        case .unavailable, .conflict, .compacted: .unavailable
        case .denied: .noPermission
        case .damaged: .dataError
        case .full: .ioError
        case .configuration, .invalid, .tooLarge: .config
        case .exhausted: .osError
        }
    }
}

package import FleetModel
package import FleetStore
import GearmanClient
import HostSystem
package import JobQueue
package import LBaaS
package import Metrics
import Synchronization

/// Brings the wanted states of the store to the workers, through job servers, and writes into the store what became of them.
///
/// Each worker is driven by one server at a time, which has a claim in the store. Others take over the claims of a server that is gone.
package final class Dispatcher: Sendable {
    /// How often things are done.
    package struct Intervals: Sendable {
        /// How often a worker is asked how its nodes are.
        package var report: Duration = .seconds(10)
        /// At each how many reports it is asked for traffic.
        package var reportsForTraffic = 3
        /// After how long a part that was refused is offered again.
        package var offer: Duration = .seconds(60)
        /// After how many seconds a worker that failed is tried again for the first time; then twice as many each time, up to `longestRetry`.
        package var retry = 0.1
        /// The longest time until a worker that failed is tried again, in seconds.
        package var longestRetry = 30.0
        /// After how many seconds without a word another server takes over the workers of this one.
        package var takeover = 6
        /// How often this server says that it lives, and looks for workers that nobody drives.
        package var renewal: Duration = .seconds(2)

        /// The usual ones.
        package init() {}
    }

    private struct State {
        var drivers: [String: WorkerDriver] = [:]
        var isStopping = false
    }

    private let context: DispatchContext
    private let state = Mutex(State())
    private let coordinator = Outbox(())
    private let hub: DriverHub

    /// The longest that claims may take.
    private static let claimLimit: Duration = .seconds(5)
    /// The most workers that are claimed together.
    private static let claimsAtOnce = 50

    /// A dispatcher that does nothing before it is started. To be made before the cache is started.
    ///
    /// - Parameter id: of this server, which no other one has.
    package init(
        _ store: any FleetStore, _ cache: FleetCache, jobServers: [JobServer], id: String, _ intervals: Intervals = Intervals(),
        registry: MetricsRegistry, log: Log
    ) {
        let hub = DriverHub()
        self.hub = hub
        let presence = WorkerPresence(jobServers) { change in
            if let (server, failure) = change.server {
                var fields: [Log.Field] = [("server", server.description)]
                if let failure { fields.append(("reason", failure)) }
                log.write(
                    failure == nil ? .info : .warning, failure == nil ? "a job server is reached" : "a job server is not reached", fields)
            }
            hub.wake(change.workers)
        }
        context = DispatchContext(
            store: store, cache: cache, presence: presence, lease: ServerLease(store, id: id, lifetime: intervals.takeover),
            intervals: intervals,
            metrics: DispatchMetrics(registry), log: log)
        cache.observe { [weak self] change in self?.follow(change) }
    }

    /// Begins to drive workers.
    ///
    /// - Throws: where the system has no threads to spare.
    package func start() throws(FleetStoreError) {
        let isStarted =
            context.presence.start()
            && coordinator.start { [weak self, coordinator, renewal = context.intervals.renewal] in
                while !coordinator.isStopping {
                    let order = coordinator.order
                    self?.coordinate()
                    coordinator.handedOn(order)
                    _ = coordinator.wait(until: Deadline(in: renewal))
                }
            }
        if !isStarted { throw FleetStoreError(.exhausted, "the system has no thread to spare for workers") }
    }

    /// Drives no workers any more, and leaves them to other servers.
    package func stop(within limit: Duration) {
        let deadline = Deadline(in: limit)
        let workers = end(until: deadline)
        release(workers, within: max(deadline.rest, .milliseconds(500)))
        context.lease.end(within: max(deadline.rest, .milliseconds(500)))
    }

    /// Drives no workers any more, and says nothing of it in the store, as a server that is killed.
    func abandon() { _ = end(until: Deadline(in: .seconds(5))) }

    /// Ends all threads.
    ///
    /// - Returns: the workers that were driven.
    private func end(until deadline: Deadline) -> [String] {
        _ = coordinator.stop(within: deadline.rest)
        let drivers = state.withLock { state in
            state.isStopping = true
            defer { state.drivers = [:] }
            return state.drivers
        }
        hub.set([:])
        for driver in drivers.values { driver.stop() }
        for driver in drivers.values { driver.join(within: deadline.rest) }
        context.presence.stop(within: deadline.rest)
        return Array(drivers.keys)
    }

    /// How many workers this server drives.
    package var count: Int { state.withLock { $0.drivers.count } }

    /// The job servers, and why they are not reached; nil for one that is.
    package var jobServers: [(server: JobServer, failure: String?)] { context.presence.jobServers }

    // MARK: What changes

    private func follow(_ change: FleetCache.Change) {
        if change.isReset {
            hub.doubtAll()
            return coordinator.tell { _ in }
        }
        var workers: Set<String> = []
        for key in change.keys {
            switch key {
            case .wantedLoadBalancer(let worker, _), .wantedVirtualIP(let worker, _): workers.insert(worker)
            case .object(let kind, let id): workers.formUnion(workersOfDeleted(kind, id))
            case .claim: coordinator.tell { _ in }
            case .fleetID: hub.doubtAll()
            default: break
            }
        }
        hub.wake(workers)
    }

    /// The workers that something was deleted on, which they may have had no part of.
    private func workersOfDeleted(_ kind: ObjectKind, _ id: String) -> [String] {
        context.cache.read { fleet in
            guard fleet.deleted[kind]?.contains(id) ?? false else { return [] }
            let parent =
                switch kind {
                case .loadBalancer: id
                case .listener: fleet.listeners[id]?.record.loadBalancer
                case .pool: fleet.pools[id]?.record.loadBalancer
                case .quota: nil as String?
                }
            return parent.flatMap { fleet.loadBalancers[$0] }.map { fleet.workers(of: $0.record) } ?? []
        }
    }
}

// MARK: - Claims

extension Dispatcher {
    /// Says that this server lives, and claims the workers that nobody drives.
    private func coordinate() {
        do throws(FleetStoreError) {
            try context.lease.renew()
            try makeID()
            let living = try context.lease.living()
            let (workers, claims) = context.cache.read { fleet in (fleet.driven, fleet.claims) }
            var mine: Set<String> = []
            var free: [(worker: String, revision: Int)] = []
            for worker in workers.sorted() {
                let claim = claims[worker]
                let owner = claim.map { String(decoding: $0.value, as: UTF8.self) }
                if owner == context.lease.id {
                    mine.insert(worker)
                } else if owner.map({ !living.contains($0) }) ?? true {
                    free.append((worker, claim?.revision ?? 0))
                }
            }
            for start in stride(from: 0, to: free.count, by: Self.claimsAtOnce) {
                mine.formUnion(claim(Array(free[start..<min(start + Self.claimsAtOnce, free.count)])))
            }
            drive(mine)
        } catch {
            context.log.write(.debug, "the claims of workers cannot be looked at", [("reason", error.message)])
            // Those that are driven stop by themselves where others may take over.
        }
    }

    /// Makes the id of the store, by which workers know whose states they get.
    private func makeID() throws(FleetStoreError) {
        if context.cache.read({ $0.fleetID }) != nil { return }
        var transaction = StoreTransaction()
        transaction.create(FleetKey.fleetID.text, Array(Self.newFleetID().utf8))
        do throws(FleetStoreError) {
            let revision = try context.store.commit(transaction, within: Self.claimLimit)
            _ = context.cache.wait(for: revision, within: Self.claimLimit)
        } catch {
            if error.code != .conflict { throw error }
        }
    }

    /// A new id of a store: 32 hexadecimal digits.
    private static func newFleetID() -> String { (0..<16).map { _ in UInt8.random(in: 0...255) }.hexadecimal }

    /// Gives the store another id: workers take what it has, also where it was restored from a backup and they have newer states of it.
    ///
    /// - Throws: `invalid` where the store has none: nothing was restored there. What stands in the way.
    package static func renewFleetID(of store: any FleetStore) throws(FleetStoreError) {
        guard let old = try store.get(FleetKey.fleetID.text) else {
            throw FleetStoreError(.invalid, "the store has no id yet: no server has driven workers from it; is it the right store?")
        }
        var transaction = StoreTransaction()
        transaction.replace(FleetKey.fleetID.text, revision: old.revision, with: Array(newFleetID().utf8))
        try store.commit(transaction)
    }

    /// Claims workers, together where nobody else does at the same time.
    private func claim(_ free: [(worker: String, revision: Int)]) -> [String] {
        var transaction = StoreTransaction()
        for (worker, revision) in free {
            transaction.replace(FleetKey.claim(worker: worker).text, revision: revision, with: Array(context.lease.id.utf8))
        }
        do throws(FleetStoreError) {
            let revision = try context.store.commit(transaction, within: Self.claimLimit)
            _ = context.cache.wait(for: revision, within: Self.claimLimit)
            return free.map(\.worker)
        } catch {
            guard error.code == .conflict, free.count > 1 else { return [] }
            return free.flatMap { claim([$0]) }
        }
    }

    private func release(_ workers: [String], within limit: Duration) {
        let claims = context.cache.read { $0.claims }
        var transaction = StoreTransaction()
        for worker in workers.prefix(StoreLimits.transactionKeys) {
            guard let claim = claims[worker], String(decoding: claim.value, as: UTF8.self) == context.lease.id else { continue }
            transaction.delete(claim.key, revision: claim.revision)
        }
        if !transaction.changes.isEmpty { _ = try? context.store.commit(transaction, within: limit) }
    }

    /// Drives these workers, and no others.
    private func drive(_ workers: Set<String>) {
        let (new, old) = state.withLock { state -> ([WorkerDriver], [WorkerDriver]) in
            if state.isStopping { return ([], []) }
            let old = state.drivers.filter { !workers.contains($0.key) }
            for worker in old.keys { state.drivers[worker] = nil }
            var new: [WorkerDriver] = []
            for worker in workers where state.drivers[worker] == nil {
                let driver = WorkerDriver(worker, context)
                state.drivers[worker] = driver
                new.append(driver)
            }
            hub.set(state.drivers)
            return (new, Array(old.values))
        }
        for driver in old { driver.stop() }
        for driver in new where !driver.start() {
            context.log.write(.error, "the system has no thread to spare for a worker", [("worker", driver.worker)])
            state.withLock { state in
                state.drivers[driver.worker] = nil
                hub.set(state.drivers)
            }
        }
    }
}

/// The drivers, for those who wake them.
private final class DriverHub: Sendable {
    private let drivers = Mutex<[String: WorkerDriver]>([:])

    func set(_ new: [String: WorkerDriver]) { drivers.withLock { $0 = new } }

    func wake(_ workers: Set<String>) {
        if workers.isEmpty { return }
        let found = drivers.withLock { drivers in workers.compactMap { drivers[$0] } }
        for driver in found { driver.wake() }
    }

    func doubtAll() {
        let all = drivers.withLock { Array($0.values) }
        for driver in all { driver.doubt() }
    }
}

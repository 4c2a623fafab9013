import FleetModel
import FleetStore
import Foundation
import Glibc
import HostSystem
import JobQueue
import LBaaS
import Metrics
import Synchronization
import TestSupport
import WorkerHarness

@testable import FleetDispatch

/// What one server has of a fleet: a cache of a store, and a dispatcher.
final class TestServer: Sendable {
    let cache: FleetCache
    let dispatcher: Dispatcher
    /// What is measured.
    let registry = MetricsRegistry()

    init(_ store: any FleetStore, _ gearmands: [Gearmand], id: String, groups: [FleetGroup], _ intervals: Dispatcher.Intervals) throws {
        cache = try FleetCache(store, groups: groups)
        let servers = gearmands.map { JobServer(host: "127.0.0.1", port: $0.port) }
        dispatcher = Dispatcher(store, cache, jobServers: servers, id: id, intervals, registry: registry, log: .silent)
        try cache.start()
        try dispatcher.start()
    }

    /// Ends it as a process would end that is killed: nothing is said in the store.
    func abandon() {
        dispatcher.abandon()
        cache.stop()
    }

    func stop() {
        dispatcher.stop(within: .seconds(5))
        cache.stop()
    }
}

/// A fleet of real workers with the dummy driver, a store, and servers.
final class Fleet: Sendable {
    let rig: Rig
    let store: any FleetStore
    let groups: [FleetGroup]
    let intervals: Dispatcher.Intervals
    private let servers = Mutex<[TestServer]>([])

    /// - Parameter workers: the functions of the workers of the one group.
    init(_ rig: Rig, _ store: any FleetStore = MemoryStore(), workers: [String] = ["w1"]) {
        (self.rig, self.store) = (rig, store)
        groups = [FleetGroup(name: "blue", workers: workers, addresses: [], interface: nil)]
        var intervals = Dispatcher.Intervals()
        intervals.report = .milliseconds(200)
        intervals.reportsForTraffic = 2
        intervals.offer = .seconds(600)
        intervals.takeover = 5
        intervals.renewal = .seconds(1)
        self.intervals = intervals
    }

    func server(
        _ id: String = "s1", _ gearmands: Gearmand..., over other: (any FleetStore)? = nil, groups otherGroups: [FleetGroup]? = nil,
        intervals change: (inout Dispatcher.Intervals) -> Void = { _ in }
    ) throws -> TestServer {
        var intervals = intervals
        change(&intervals)
        let server = try TestServer(other ?? store, gearmands, id: id, groups: otherGroups ?? groups, intervals)
        servers.withLock { $0.append(server) }
        return server
    }

    func stop() { for server in servers.withLock({ $0 }) { server.stop() } }

    /// Starts a worker of the fleet.
    func worker(_ name: String = "w1", _ gearmands: Gearmand..., state: String? = nil, dummy: String = "") async throws -> WorkerProcess {
        var options = rig.options()
        options.servers = gearmands.map(\.address)
        options.stateFolder = state ?? rig.path("state-\(name)")
        options.configuration = dummy.isEmpty ? "" : "[worker:dummy]\n\(dummy)\n"
        options.arguments = ["--function", name]
        return try await rig.startWorker(options)
    }

    /// Puts the part of a worker for a listener; answers its revision.
    @discardableResult func want(_ id: String, port: Int, on worker: String = "w1", more: String = "") throws -> Int {
        let text = """
            {"id":"\(id)","protocol":"TCP","port":\(port)\(more),"nodes":[{"id":"\(id)-n","address":"10.0.0.1","port":80}]}
            """
        var transaction = StoreTransaction()
        transaction.put(FleetKey.wantedLoadBalancer(worker: worker, listener: id).text, Array(text.utf8))
        return try store.commit(transaction)
    }

    @discardableResult func unwant(_ id: String, on worker: String = "w1") throws -> Int {
        var transaction = StoreTransaction()
        transaction.delete(FleetKey.wantedLoadBalancer(worker: worker, listener: id).text)
        return try store.commit(transaction)
    }

    private func record<Record: Sendable>(_ key: FleetKey, _ read: (JSONText) -> Record?) throws -> Record? {
        try store.get(key.text).flatMap { read(JSONText($0.value)) }
    }

    func settled(_ worker: String = "w1") throws -> SettledRecord? {
        try record(.settled(worker: worker)) { $0.read(SettledRecord.init) }
    }

    func host(_ worker: String = "w1") throws -> HostRecord? { try record(.host(worker: worker)) { $0.read(HostRecord.init) } }

    func statistics(_ id: String, _ worker: String = "w1") throws -> StatisticsRecord? {
        try record(.statistics(listener: id, worker: worker)) { $0.read(StatisticsRecord.init) }
    }

    func operating(_ worker: String = "w1") throws -> OperatingRecord? {
        try record(.operating(worker: worker)) { $0.read(OperatingRecord.init) }
    }

    /// Waits until a worker has settled a revision.
    func isSettled(_ revision: Int, _ worker: String = "w1", within seconds: Double = 300) async throws {
        try await eventually("\(worker) has settled \(revision)", within: seconds) { try self.settled(worker)?.revision ?? 0 >= revision }
    }
}

/// Runs a test with a fleet, and ends everything.
func withFleet(_ workers: [String] = ["w1"], store: ((Rig) throws -> any FleetStore)? = nil, _ body: (Fleet) async throws -> Void)
    async throws
{
    try await withRig { rig in
        let fleet = Fleet(rig, try store?(rig) ?? MemoryStore(), workers: workers)
        do {
            try await body(fleet)
        } catch {
            await onFleetThread { fleet.stop() }
            throw error
        }
        await onFleetThread { fleet.stop() }
    }
}

func onFleetThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in Thread.detachNewThread { continuation.resume(returning: body()) } }
}

/// What a worker says that it has.
func loadBalancers(of worker: String, _ gearmand: Gearmand) async throws -> [String] {
    let reply = try await onThread {
        try GearmanClient(ports: [gearmand.port], function: worker, timeout: 180).submit(Array(#"{"hpcs_action":"METRICS"}"#.utf8))
    }
    return try JSON(bytes: reply)["loadBalancers"].elements.compactMap { $0["id"].text }.sorted()
}

import EtcdTestSupport
import FleetModel
import FleetStore
import HostSystem
import TestSupport
import Testing
import WorkerHarness

@testable import FleetDispatch

/// With the stores that servers share.
@Suite(.serialized) struct StoreTests {
    /// Two servers with connections of their own: one drives the worker, changes are made by the other one, and it takes over.
    private func runTwoServers(_ fleet: Fleet, _ stores: [any FleetStore]) async throws {
        let gearmand = try await fleet.rig.startGearmand()
        let first = try fleet.server("s1", gearmand, over: stores[0])
        _ = try await fleet.worker("w1", gearmand)
        try await fleet.isSettled(try fleet.want("a", port: 1))
        let second = try fleet.server("s2", gearmand, over: stores[1])
        try await fleet.isSettled(try fleet.want("b", port: 2))
        #expect(first.dispatcher.count == 1 && second.dispatcher.count == 0)
        try await eventually("the second one lives") { try fleet.store.get("server/s2") != nil }
        await onFleetThread { first.abandon() }
        try await fleet.isSettled(try fleet.unwant("a"))
        #expect(second.dispatcher.count == 1)
        #expect(try await loadBalancers(of: "w1", gearmand) == ["b"])
        try await eventually("traffic is asked for") { try fleet.operating()?.nodes == ["b": ["b-n": true]] }
    }

    @Test("Two servers have one SQLite file")
    func sqlite() async throws {
        try await withFleet(store: { try SQLiteStore(folder: $0.path("store")) }) { fleet in
            let stores = try (0..<2).map { _ in try SQLiteStore(folder: fleet.rig.path("store")) }
            try await runTwoServers(fleet, stores)
        }
    }

    @Test("Two servers have an etcd of three members, of which one is killed")
    func etcd() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            let settings = EtcdStore.Settings(etcd: cluster.configuration, prefix: "/lbaas/test/fleet/")
            try await withFleet(store: { _ in try EtcdStore(settings) }) { fleet in
                await cluster.kill(try await cluster.leader())
                try await runTwoServers(fleet, [try EtcdStore(settings), try EtcdStore(settings)])
            }
        }
    }
}

import FleetModel
import FleetStore
import FleetTestSupport
import LBaaS
import TestSupport
import Testing

@testable import FleetOctavia

@Suite struct ReconciliationTests {
    @Test("A server with other groups gives new workers what they are to have, and takes it from those that left")
    func groups() async throws {
        try await onThread {
            let store = MemoryStore()
            let range = try FleetModel.AddressRange("10.20.0.0/24")
            func group(_ workers: [String], _ interface: String? = "eth0") -> [FleetGroup] {
                [FleetGroup(name: "blue", workers: workers, addresses: [range], interface: interface)]
            }
            let first = try Bench(store, groups: group(["w1", "w2"]))
            let (_, listener, _, _) = try first.shop()
            #expect(try first.reconcile() == 0)
            let part = try #require(first.part("w1", listener))
            let second = try Bench(store, groups: group(["w2", "w9"]), accounts: MemoryStore())
            #expect(try second.reconcile() == 1)
            try second.catchUp()
            #expect(second.part("w1", listener) == nil && second.part("w2", listener) == part && second.part("w9", listener) == part)
            #expect(second.cache.read { state in ["w1", "w2", "w9"].map { state.wanted[$0]?.virtualIPs.count } } == [0, 1, 1])
            #expect(try second.reconcile() == 0)
            let third = try Bench(store, groups: group(["w2"], nil), accounts: MemoryStore())
            #expect(try third.reconcile() == 1)
            try third.catchUp()
            #expect(third.cache.read { state in ["w2", "w9"].map { state.wanted[$0]?.virtualIPs.count } } == [0, 0])
            // A group that is missing may be a mistake in the configuration.
            let fourth = try Bench(store, groups: [], accounts: MemoryStore())
            #expect(try fourth.reconcile() == 0)
            try fourth.catchUp()
            #expect(fourth.part("w2", listener) == part)
        }
    }
}

extension Bench {
    fileprivate func reconcile() throws -> Int { try OctaviaAPI(accounts, store, cache, work).reconcile() }

    /// Waits until the cache has all that the store has.
    fileprivate func catchUp() throws { #expect(cache.wait(for: try store.list("").revision, within: .seconds(10))) }
}

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

    private static func group(_ workers: [String], _ interface: String? = "eth0") throws -> [FleetGroup] {
        [FleetGroup(name: "blue", workers: workers, addresses: [try FleetModel.AddressRange("10.20.0.0/24")], interface: interface)]
    }

    @Test("A deletion takes what the store has, whatever the groups of the server are that carries it out")
    func deletion() async throws {
        try await onThread {
            let store = MemoryStore()
            let first = try Bench(store, groups: Self.group(["w1", "w2"]))
            let (loadBalancer, listener, _, _) = try first.shop()
            let other = try first.create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 9"#)
            try first.settle()
            // It was not started with its groups before: nothing is reconciled.
            let second = try Bench(store, groups: Self.group(["w2", "w9"], nil), accounts: MemoryStore())
            try second.settle()
            #expect(try second.ask("DELETE", "listeners/\(other)", as: "root").status == 204)
            #expect(second.part("w1", other) == nil && second.part("w2", other) == nil && second.part("w1", listener) != nil)
            try second.settle()
            #expect(try second.ask("DELETE", "loadbalancers/\(loadBalancer)?cascade=true", as: "root").status == 204)
            #expect(try store.all("wanted/").entries.isEmpty)
        }
    }

    @Test("Groups that have the same addresses keep those of each other")
    func sameAddresses() async throws {
        try await onThread {
            let range = try FleetModel.AddressRange("10.20.0.0/24")
            let groups = ["a", "b"].map { FleetGroup(name: $0, workers: ["w" + $0], addresses: [range]) }
            let bench = try Bench(groups: groups)
            let networks = try column(bench.ask("GET", "/v2/networks").body, "networks", "id")
            let ids = try networks.map {
                try bench.loadBalancer(#""vip_network_id": "\#($0)", "vip_address": "10.20.0.9""#)
            }
            #expect(try bench.ask("DELETE", "loadbalancers/\(ids[0])").status == 204)
            #expect(bench.cache.read { state in ["wa", "wb"].map { state.wanted[$0]?.virtualIPs.count } } == [0, 1])
            #expect(try bench.reconcile() == 0)
            #expect(try bench.store.all("wanted/wb/").entries.count == 1)
        }
    }

    @Test("What is wanted of an object that is not there is taken out; where there is a record that cannot be read, it stays")
    func left() async throws {
        try await onThread {
            let store = MemoryStore()
            let bench = try Bench(store, groups: Self.group(["w1"]))
            let (_, listener, _, _) = try bench.shop()
            let before = try store.all("wanted/").entries.map(\.key)
            for worker in ["w1", "w7"] {
                for number in 0..<60 {
                    try bench.put(.wantedLoadBalancer(worker: worker, listener: "gone\(number)"), [1])
                    try bench.put(.wantedVirtualIP(worker: worker, address: "10.99.0.\(number)"), [1])
                }
            }
            try bench.put(.object(.listener, id: "newer"), Array("what another version writes".utf8))
            try bench.put(.wantedLoadBalancer(worker: "w1", listener: "newer"), [1])
            #expect(try bench.reconcile() == 0)
            let kept = FleetKey.wantedLoadBalancer(worker: "w1", listener: "newer").text
            #expect(try Set(store.all("wanted/").entries.map(\.key)) == Set(before + [kept]))
            #expect(bench.part("w1", listener) != nil)
        }
    }

    @Test("A load balancer of many parts is brought up to date in several transactions, and one that is changed meanwhile once more")
    func many() async throws {
        try await onThread {
            let store = RacingStore()
            let first = try Bench(store, groups: Self.group(["w1"]))
            let loadBalancer = try first.loadBalancer()
            var listeners: [String] = []
            for port in 1...30 {
                listeners.append(
                    try first.create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": \#(port)"#))
                try first.settle()
            }
            let workers = (1...6).map { "w\($0)" }
            let second = try Bench(store, groups: Self.group(workers), accounts: MemoryStore())
            // Somebody else renames it, just before the first transaction is carried out.
            store.beforeNext {
                let record = try #require(second.cache.read { $0.loadBalancers[loadBalancer]?.record })
                try second.put(.object(.loadBalancer, id: loadBalancer), record.json)
            }
            #expect(try second.reconcile() == 1)
            try second.catchUp()
            for worker in workers {
                #expect(second.cache.read { Set($0.wanted[worker]?.loadBalancers.keys.map { $0 } ?? []) } == Set(listeners))
                #expect(second.cache.read { $0.wanted[worker]?.virtualIPs.count } == 1)
            }
        }
    }
}

extension Bench {
    fileprivate func reconcile() throws -> Int { try OctaviaAPI(accounts, store, cache, work).reconcile() }

    /// Waits until the cache has all that the store has.
    fileprivate func catchUp() throws { #expect(cache.wait(for: try store.list("").revision, within: .seconds(10))) }
}

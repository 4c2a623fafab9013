import Dispatch
import EtcdTestSupport
import FleetAuth
import FleetModel
import FleetStore
import FleetTestSupport
import Foundation
import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import Controller

/// A store that fails where it is told to: before a commit, or behind it without an answer.
private final class FailingStore: FleetStore {
    enum Failure: Int { case none, before, behind }

    private let store = MemoryStore()
    let failure = Atomic(0)

    func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? { try store.get(key, within: limit) }

    func list(_ prefix: String, after key: String?, most: Int, within limit: Duration) throws(FleetStoreError) -> StorePage {
        try store.list(prefix, after: key, most: most, within: limit)
    }

    func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        switch Failure(rawValue: failure.load(ordering: .relaxed)) {
        case .before?: throw FleetStoreError(.unavailable, "the store has no quorum")
        case .behind?:
            try store.commit(transaction, within: limit)
            throw FleetStoreError(.unavailable, "the store did not answer", mayBeApplied: true)
        default: return try store.commit(transaction, within: limit)
        }
    }

    func watch(_ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void) throws(FleetStoreError)
        -> StoreWatch
    {
        try store.watch(prefix, after: revision, receive)
    }
}

@Suite struct SharingTests {
    @Test("Of clients that change one load balancer at a time, one is served and the others are told that it is immutable")
    func clients() async throws {
        try await Bench.run { bench in
            let loadBalancer = try bench.loadBalancer(#""vip_address": "10.20.0.9""#)
            let counts = try answers(8) { number in
                try bench.ask(
                    "POST", "listeners",
                    #"{"listener": {"loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": \#(number + 1)}}"#
                ).status
            }
            #expect(counts == [201: 1, 409: 7])
            try bench.settle()
            #expect(try column(bench.ask("GET", "listeners").body, "listeners", "id").count == 1)
            let deletions = try answers(8) { _ in try bench.ask("DELETE", "loadbalancers/\(loadBalancer)?cascade=true").status }
            #expect(deletions == [204: 1, 409: 7])
        }
    }

    @Test("What of a load balancer in error is under way itself is immutable: a deletion that was answered is not undone")
    func underWay() async throws {
        try await Bench.run { bench in
            let (loadBalancer, listener, pool, memberID) = try bench.shop()
            let bad = try bench.create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "SCTP", "protocol_port": 9"#)
            let refused = [bad: "protocol: haproxy carries no SCTP"]
            try bench.settle(refused: refused)
            #expect(try bench.status("loadbalancers/\(loadBalancer)") == "ERROR")
            func isImmutable(_ method: String, _ path: String, _ body: String? = nil) throws {
                let response = try bench.ask(method, path, body)
                #expect(try response.status == 409 && fault(response).contains("immutable"), "\(method) \(path): \(response.body)")
            }
            // A pool that workers do not have yet.
            _ = try bench.create(
                "healthmonitor", #""pool_id": "\#(pool)", "type": "TCP", "delay": 5, "timeout": 5, "max_retries": 1"#)
            #expect(try bench.status("loadbalancers/\(loadBalancer)") == "ERROR" && bench.status("pools/\(pool)") == "PENDING_UPDATE")
            let monitor = try #require(try column(bench.ask("GET", "healthmonitors").body, "healthmonitors", "id").first)
            try isImmutable("PUT", "healthmonitors/\(monitor)", #"{"healthmonitor": {"delay": 6}}"#)
            try isImmutable("DELETE", "healthmonitors/\(monitor)")
            try isImmutable("PUT", "pools/\(pool)", #"{"pool": {"name": "x"}}"#)
            try isImmutable("PUT", "pools/\(pool)/members/\(memberID)", #"{"member": {"weight": 2}}"#)
            try isImmutable("PUT", "pools/\(pool)/members", #"{"members": []}"#)
            try bench.settle(refused: refused)
            #expect(try bench.ask("DELETE", "pools/\(pool)").status == 204)
            try isImmutable("DELETE", "pools/\(pool)")
            try bench.settle(refused: refused)
            // A listener that is being deleted.
            #expect(try bench.ask("DELETE", "listeners/\(listener)").status == 204)
            #expect(
                try bench.status("loadbalancers/\(loadBalancer)") == "ERROR" && bench.status("listeners/\(listener)") == "PENDING_DELETE")
            try isImmutable("PUT", "listeners/\(listener)", #"{"listener": {"name": "back"}}"#)
            try isImmutable("DELETE", "listeners/\(listener)")
            try isImmutable(
                "POST", "pools", #"{"pool": {"listener_id": "\#(listener)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}}"#)
            #expect(try bench.ask("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"admin_state_up": false}}"#).status == 200)
            #expect(bench.part("w3", listener) == nil && bench.part("w3", bad)?.contains("suspended") == true)
            try bench.settle(refused: refused)
            #expect(try bench.status("listeners/\(listener)") == nil)
        }
    }

    @Test("A quota holds where others create at the same time", arguments: [false, true])
    func quota(isStandard: Bool) async throws {
        try await onThread {
            let store = RacingStore()
            let bench = try Bench(store, quota: isStandard ? 1 : -1)
            let project = try #require(bench.projects["ann"])
            if !isStandard {
                #expect(
                    try bench.ask("PUT", "quotas/\(project)", #"{"quota": {"loadbalancer": 1, "listener": 1}}"#, as: "root").status == 202)
            }
            func create(_ kind: String, _ body: String) throws -> String {
                let ids = Record<String>()
                store.beforeNext { ids.add(try bench.create(kind, body.replacing("NUMBER", with: "1"))) }
                let response = try bench.ask("POST", kind + "s", "{\"\(kind)\": {\(body.replacing("NUMBER", with: "2"))}}")
                #expect(response.status == 403, "\(response.body)")
                #expect(try column(bench.ask("GET", kind + "s").body, kind + "s", "id") == ids.all)
                return try #require(ids.all.first)
            }
            let loadBalancer = try create("loadbalancer", #""vip_address": "10.20.0.NUMBER""#)
            #expect(try column(bench.ask("GET", "quotas", as: "root").body, "quotas", "listener") == (isStandard ? [] : ["1"]))
            try bench.settle()
            #expect(try bench.ask("DELETE", "loadbalancers/\(loadBalancer)").status == 204)
            try bench.settle()
            #expect(try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {}}"#).status == 201)
        }
    }

    @Test("A load balancer has no more listeners than one change can delete, turn off, or take a pool from", arguments: [1, 2, 3, 16])
    func mostListeners(workers: Int) async throws {
        let range = try FleetModel.AddressRange("10.20.0.0/24")
        let group = FleetGroup(name: "blue", workers: (0..<workers).map { "w\($0)" }, addresses: [range])
        try await onThread {
            let bench = try Bench(groups: [group])
            let loadBalancer = try bench.loadBalancer()
            let pool = try bench.create(
                "pool", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN""#)
            var count = 0
            var last = ""
            while count < 50 {
                let body =
                    #""loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": \#(count + 1), "default_pool_id": "\#(pool)""#
                let response = try bench.ask("POST", "listeners", "{\"listener\": {\(body)}}")
                last = response.body
                if response.status != 201 { break }
                count += 1
                try bench.settle()
            }
            #expect(count == [1: 40, 2: 32, 3: 24, 16: 5][workers] && last.contains("has \(count) at most: make another one"), "\(last)")
            let listeners = (0...count).map { #"{"protocol": "TCP", "protocol_port": \#($0 + 1)}"# }.joined(separator: ", ")
            let whole = try bench.ask("POST", "loadbalancers", "{\"loadbalancer\": {\"listeners\": [\(listeners)]}}")
            #expect(whole.status == 400 && whole.body.contains("at most"), "\(whole.body)")
            let change = #"{"loadbalancer": {"admin_state_up": false}}"#
            #expect(try bench.ask("PUT", "loadbalancers/\(loadBalancer)", change).status == 200)
            try bench.settle()
            #expect(try bench.ask("PUT", "pools/\(pool)", #"{"pool": {"lb_algorithm": "LEAST_CONNECTIONS"}}"#).status == 200)
            try bench.settle()
            #expect(try bench.ask("DELETE", "pools/\(pool)").status == 204)
            try bench.settle()
            #expect(try bench.ask("DELETE", "loadbalancers/\(loadBalancer)?cascade=true").status == 204)
            try bench.settle()
            #expect(try bench.status("loadbalancers/\(loadBalancer)") == nil)
        }
    }

    @Test("What the store does not take at once is refused with what to do")
    func tooMuch() async throws {
        try await Bench.run { bench in
            let pools = (0..<30).map { #"{"name": "p\#($0)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}"# }.joined(separator: ", ")
            let listeners = (0..<30).map { #"{"protocol": "TCP", "protocol_port": \#($0 + 1)}"# }.joined(separator: ", ")
            let body = #""vip_address": "10.20.0.9", "pools": [\#(pools)], "listeners": [\#(listeners)]"#
            let response = try bench.ask("POST", "loadbalancers", "{\"loadbalancer\": {\(body)}}")
            #expect(try response.status == 413 && fault(response).contains("one by one"), "\(response.body)")
        }
    }

    @Test("Clients that create at a time get an address each, and no more than there are")
    func addresses() async throws {
        let group = FleetGroup(name: "small", workers: ["w1", "w2"], addresses: [try FleetModel.AddressRange("10.9.0.0/28")])
        try await onThread {
            let bench = try Bench(groups: [group])
            let counts = try answers(20) { _ in try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {}}"#).status }
            #expect(counts == [201: 14, 409: 6])
            let addresses = try column(bench.ask("GET", "loadbalancers").body, "loadbalancers", "vip_address")
            #expect(Set(addresses).count == 14)
            let response = try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {}}"#)
            #expect(try fault(response).hasPrefix("No address is free"))
        }
    }

    @Test("A group has no more virtual IPs than its workers take")
    func fullGroup() async throws {
        #expect(FleetGroup.mostVirtualIPs == Admission.mostVirtualIPs)
        let ranges = [try FleetModel.AddressRange("10.9.0.0/16"), try FleetModel.AddressRange("10.10.0.0/28")]
        let groups = [
            FleetGroup(name: "big", workers: ["w1"], addresses: [ranges[0]]),
            FleetGroup(name: "small", workers: ["w2"], addresses: [ranges[1]]),
        ]
        try await onThread {
            let bench = try Bench(groups: groups)
            for batch in 0..<11 {
                // 1023 in all: there is room for one more.
                var transaction = StoreTransaction()
                for number in batch * 93..<(batch + 1) * 93 {
                    transaction.put(
                        FleetKey.address(group: "big", address: IPAddress.v4(0x0A09_0001 + UInt32(number)).description).text, [1])
                }
                #expect(bench.cache.wait(for: try bench.store.commit(transaction), within: .seconds(10)))
            }
            let first = try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {"vip_address": "10.9.200.1"}}"#)
            #expect(first.status == 201, "\(first.body)")
            let other = try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {"vip_address": "10.9.200.2"}}"#)
            #expect(try other.status == 409 && fault(other).hasPrefix("The workers have 1024 virtual IPs"), "\(other.body)")
            let placed = try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {}}"#)
            #expect(try member(placed.body, "loadbalancer", "vip_address")?.hasPrefix("10.10.0.") == true)
        }
    }

    /// How often each status was answered to clients that ask at the same time.
    private func answers(_ count: Int, _ ask: @escaping @Sendable (Int) throws -> Int) throws -> [Int: Int] {
        let statuses = Record<Int>()
        let failures = Record<String>()
        let group = DispatchGroup()
        for number in 0..<count {
            group.enter()
            Thread.detachNewThread {
                do { statuses.add(try ask(number)) } catch { failures.add("\(error)") }
                group.leave()
            }
        }
        group.wait()
        #expect(failures.all.isEmpty, "\(failures.all)")
        return statuses.all.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    @Test("Without a quorum of the store a change is a 503 that leaves nothing, and reads go on")
    func failingStore() async throws {
        try await onThread {
            let store = FailingStore()
            let bench = try Bench(store)
            let (loadBalancer, listener, pool, memberID) = try bench.shop()
            let before = try store.all("").entries
            store.failure.store(FailingStore.Failure.before.rawValue, ordering: .relaxed)
            let changes: [(String, String, String?)] = [
                ("POST", "loadbalancers", #"{"loadbalancer": {}}"#),
                ("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "x"}}"#),
                ("DELETE", "loadbalancers/\(loadBalancer)?cascade=true", nil), ("PUT", "loadbalancers/\(loadBalancer)/failover", nil),
                ("POST", "listeners", #"{"listener": {"loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 9}}"#),
                ("DELETE", "listeners/\(listener)", nil), ("DELETE", "pools/\(pool)", nil),
                ("DELETE", "pools/\(pool)/members/\(memberID)", nil),
                ("PUT", "pools/\(pool)/members", #"{"members": []}"#),
                (
                    "POST", "healthmonitors",
                    #"{"healthmonitor": {"pool_id": "\#(pool)", "type": "TCP", "delay": 5, "timeout": 5, "max_retries": 1}}"#
                ),
            ]
            for (method, path, body) in changes {
                let response = try bench.ask(method, path, body)
                if path.hasSuffix("failover"), response.status == 501 { continue }
                #expect(try response.status == 503 && fault(response) == "the store has no quorum", "\(method) \(path): \(response.body)")
                #expect(response.headers["retry-after"] == "1")
            }
            #expect(try store.all("").entries == before)
            #expect(try bench.status("loadbalancers/\(loadBalancer)") == "ACTIVE")
            store.failure.store(FailingStore.Failure.behind.rawValue, ordering: .relaxed)
            let doubtful = try bench.ask("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "x"}}"#)
            #expect(try doubtful.status == 503 && fault(doubtful).contains("not known whether"))
        }
    }

    @Test("Over etcd two servers have the same load balancers, and with a member left of three changes are refused until it has a quorum")
    func etcd() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            let settings = EtcdStore.Settings(etcd: cluster.configuration, prefix: "/lbaas/test/")
            let (one, two) = try await onThread {
                let one = try Bench(try EtcdStore(settings))
                return (one, try FleetCacheBench(try EtcdStore(settings)))
            }
            let loadBalancer = try await onThread { try one.loadBalancer(#""vip_address": "10.20.0.9""#) }
            try await onThread {
                try waitUntil("the other server has the load balancer") { two.cache.read { $0.loadBalancers[loadBalancer] != nil } }
            }
            await cluster.kill(1)
            let status = try await onThread {
                try one.ask("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "two left"}}"#).status
            }
            #expect(status == 200)
            await cluster.kill(2)
            try await onThread {
                // The token cannot be looked up either.
                let response = try one.ask("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "one left"}}"#)
                #expect(response.status == 503, "\(response.body)")
            }
            try cluster.start(1)
            try await onThread {
                try waitUntil("changes are made again") {
                    try one.ask("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "back"}}"#).status == 200
                }
                try waitUntil("the other server has the change") {
                    two.cache.read { $0.loadBalancers[loadBalancer]?.record.head.name } == "back"
                }
            }
        }
    }
}

/// The cache of another server.
private final class FleetCacheBench: Sendable {
    let cache: FleetCache

    init(_ store: any FleetStore) throws {
        cache = try FleetCache(store, groups: [])
        try cache.start()
    }

    deinit { cache.stop() }
}

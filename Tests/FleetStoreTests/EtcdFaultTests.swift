import Etcd
import EtcdTestSupport
import HostSystem
import TestSupport
import Testing

@testable import FleetStore

@Suite struct EtcdFaultTests {
    private static func store(_ configuration: EtcdConfiguration) throws -> EtcdStore {
        try EtcdStore(.init(etcd: configuration, prefix: "/lbaas/test/"))
    }

    @Test("With three members the leader may die; without a quorum a request ends in time, does nothing by half, and all goes on with one")
    func quorum() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            let store = try Self.store(cluster.configuration)
            let updates = Updates()
            let watch = try store.watch("", after: 1, updates.add)
            let leader = try await cluster.leader()
            let others = cluster.endpoints.indices.filter { $0 != leader }
            _ = try await onThread { try store.commit(.putting("k", [1])) }
            await cluster.kill(leader)
            // The request is as long as the election.
            let revision = try await onThread { try store.commit(.replacing("l", 0, [2]), within: .seconds(20)) }
            #expect(try await onThread { try store.get("k")?.value } == [1])

            await cluster.kill(others[0])
            let start = ContinuousClock.now
            let errors = try await onThread {
                var both = StoreTransaction.replacing("l", revision, [3])
                both.create("m", [3])
                return [
                    try storeError { try store.commit(both, within: .seconds(2)) },
                    try storeError { _ = try store.get("k", within: .seconds(1)) },
                    try storeError { _ = try store.list("", after: nil, most: 10, within: .seconds(1)) },
                ]
            }
            #expect(errors.map(\.code) == [.unavailable, .unavailable, .unavailable])
            #expect(ContinuousClock.now - start < .seconds(60))

            try cluster.start(others[0])
            try cluster.start(leader)
            try await cluster.isReady()
            // The transaction that was not answered is there as a whole, or not at all: who waits for it tries again.
            let entries = try await onThread { try store.all("", within: .seconds(20)).entries }
            #expect(entries[0].value == [1])
            let rest = entries.dropFirst().map { "\($0.key)\($0.value[0])" }
            #expect(rest == ["l2"] || rest == ["l3", "m3"], "\(rest)")
            let last = try await onThread { try store.commit(.putting("last", [4]), within: .seconds(20)) }
            try await eventually("the changes") { updates.revisions.last == last }
            #expect(updates.losses.isEmpty)
            #expect(updates.values == Dictionary(uniqueKeysWithValues: (entries.map { ($0.key, $0.value) }) + [("last", [4])]))
            watch.cancel()
        }
    }

    @Test("A watch on a member that is frozen goes on with the next one, and misses nothing")
    func frozenMember() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            let victim = (try await cluster.leader() + 1) % 3
            var configuration = cluster.configuration
            configuration.endpoints.swapAt(0, victim)
            configuration.endpointLimit = .seconds(1)
            var settings = EtcdStore.Settings(etcd: configuration, prefix: "/lbaas/test/")
            settings.watchSilence = .seconds(2)
            let store = try EtcdStore(settings)
            let updates = Updates()
            let first = try await onThread { try store.commit(.putting("k", [1])) }
            let watch = try store.watch("", after: first - 1, updates.add)
            try await eventually("the first change") { updates.values == ["k": [1]] }
            try await cluster.freeze(victim)
            let second = try await onThread { try store.commit(.replacing("k", first, [2]), within: .seconds(20)) }
            let third = try await onThread { try store.commit(.replacing("k", second, [3]), within: .seconds(20)) }
            try await eventually("the changes meanwhile") { updates.values == ["k": [3]] }
            #expect(updates.changes.map(\.revision) == [first, second, third] && updates.losses.isEmpty)
            cluster.thaw(victim)
            watch.cancel()
        }
    }

    /// Runs a body with a store, and with a maker of stores of the same cluster. These ask a relay first, and behind a limit of time the
    /// cluster itself.
    private func run(
        relay mode: Relay.Mode, _ body: @escaping @Sendable (EtcdStore, @Sendable () throws -> EtcdStore) throws -> Void
    ) async throws {
        try await EtcdCluster.run { cluster in
            let relay = try Relay(to: cluster.clientPorts[0])
            defer { relay.end() }
            relay.set(mode)
            let endpoint = try EtcdEndpoint("http://127.0.0.1:\(relay.port)")
            try await onThread {
                var configuration = cluster.configuration
                configuration.endpoints.insert(endpoint, at: 0)
                configuration.endpointLimit = .seconds(1)
                let relayed = configuration
                try body(Self.store(cluster.configuration)) { try Self.store(relayed) }
            }
        }
    }

    @Test("A transaction whose answer is lost is carried out once, and is found to be carried out")
    func lostAnswers() async throws {
        try await run(relay: .mute) { direct, relayed in
            let revision = try relayed().commit(.replacing("k", 0, [1]))
            #expect(try direct.get("k") == StoreEntry(key: "k", value: [1], revision: revision))
            #expect(try relayed().commit(.deleting("k", revision)) >= revision)
            #expect(try direct.get("k") == nil)
            // What may be sent twice cannot be told from what is sent once.
            let error = try storeError { try relayed().commit(.putting("k", [2])) }
            #expect(error.code == .unavailable && error.mayBeApplied, "\(error)")
            try waitUntil("the put") { try direct.get("k")?.value == [2] }
        }
    }

    @Test("A conflict behind a lost request is one, and nothing is carried out")
    func lostRequests() async throws {
        try await run(relay: .held) { direct, relayed in
            try direct.commit(.putting("k", [1]))
            let error = try storeError { try relayed().commit(.replacing("k", 0, [2])) }
            #expect(error.code == .conflict && error.mayBeApplied)
            #expect(try direct.get("k")?.value == [1])
            #expect(try relayed().commit(.replacing("l", 0, [3])) > 0)
            #expect(try direct.get("l")?.value == [3])
        }
    }

    @Test("Each failure of etcd's client is one of the store, and keeps whether the change may be carried out")
    func failures() {
        let table: [(EtcdError.Code, FleetStoreError.Code)] = [
            (.unreachable, .unavailable), (.timedOut, .unavailable), (.unavailable, .unavailable), (.tls, .unavailable),
            (.invalidAnswer, .unavailable), (.cancelled, .unavailable), (.unauthenticated, .denied), (.permissionDenied, .denied),
            (.invalidRequest, .invalid), (.tooLarge, .tooLarge), (.compacted, .compacted), (.noSpace, .full),
            (.configuration, .configuration), (.exhausted, .exhausted),
        ]
        for (code, expected) in table {
            for mayBeApplied in [false, true] {
                let error = FleetStoreError(EtcdError(code, "words of etcd", mayBeApplied: mayBeApplied))
                #expect(error.code == expected && error.mayBeApplied == mayBeApplied && error.message.contains("words of etcd"))
            }
        }
        let late = FleetStoreError(EtcdError(.invalidRequest, "etcdserver: requested lease not found"))
        #expect(late.code == .unavailable && !late.mayBeApplied && late.message.contains("lifetime ended"))
    }

    @Test("A store of a cluster that cannot be used says why")
    func refusals() async throws {
        let nobody = try EtcdEndpoint("http://127.0.0.1:\(try freePort())")
        for prefix in ["", "lbaas/", "/lbaas", "/l b/"] {
            let error = try storeError { _ = try EtcdStore(.init(etcd: EtcdConfiguration(endpoints: [nobody]), prefix: prefix)) }
            #expect(error.code == .configuration)
        }
        #expect(try storeError { _ = try Self.store(EtcdConfiguration(endpoints: [])) }.code == .configuration)
        try await EtcdCluster.run(.init(arguments: ["--quota-backend-bytes", "16777216"])) { cluster in
            let store = try Self.store(cluster.configuration)
            let client = try EtcdClient(cluster.configuration)
            try await onThread {
                let alone = try Self.store(EtcdConfiguration(endpoints: [nobody]))
                let error = try storeError { try alone.commit(.putting("k", []), within: .milliseconds(300)) }
                #expect(error.code == .unavailable && !error.mayBeApplied, "\(error)")
                _ = try client.put("/lbaas/test/foreign", [1, 2, 3])
                #expect(try storeError { _ = try store.get("foreign") }.code == .damaged)
            }
            try await cluster.fill()
            #expect(try await onThread { try storeError { try store.commit(.putting("k", [])) } }.code == .full)
        }
    }
}

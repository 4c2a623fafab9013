import EtcdTestSupport
import FleetStore
import HostSystem
import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import FleetModel

/// The state that a new cache reads, as texts, to compare with one that followed.
private func summary(_ state: FleetState) -> [String] {
    var lines: [String] = []
    for entry in state.loadBalancers.ordered { lines.append("lb \(entry.record.head.id) \(entry.revision)") }
    for entry in state.listeners.ordered { lines.append("listener \(entry.record.head.id) \(entry.revision)") }
    for entry in state.pools.ordered {
        lines.append("pool \(entry.record.head.id) \(entry.revision) \(entry.record.members.map(\.head.id))")
    }
    for (id, listeners) in state.listenersOfLoadBalancer.sorted(by: { $0.key < $1.key }) { lines.append("of \(id) \(listeners.sorted())") }
    for (id, listeners) in state.listenersOfPool.sorted(by: { $0.key < $1.key }) { lines.append("pool of \(id) \(listeners.sorted())") }
    for (id, pools) in state.poolsOfLoadBalancer.sorted(by: { $0.key < $1.key }) { lines.append("pools \(id) \(pools.sorted())") }
    for (id, pool) in state.poolOfMember.sorted(by: { $0.key < $1.key }) { lines.append("member \(id) \(pool)") }
    for (worker, wanted) in state.wanted.sorted(by: { $0.key < $1.key }) {
        let parts = wanted.loadBalancers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.revision)" }
        if !parts.isEmpty { lines.append("wanted \(worker) \(parts)") }
    }
    for (worker, settled) in state.settled.sorted(by: { $0.key < $1.key }) { lines.append("settled \(worker) \(settled.record.revision)") }
    for kind in ObjectKind.allCases { lines.append("deleted \(kind) \((state.deleted[kind] ?? []).sorted())") }
    return lines
}

@Suite struct CacheTests {
    @Test("A cache that follows has what a new one reads, after any changes", arguments: StoreKind.allCases)
    func following(_ kind: StoreKind) async throws {
        try await kind.run { store in
            let cache = try FleetCache(store, groups: [pair])
            try cache.start()
            defer { cache.stop() }
            let seed = UInt64.random(in: 0...99999)
            var random = SeededGenerator(seed: seed)
            let writer = Writer(store: store)
            var last = 0
            for _ in 0..<300 {
                let number = Int.random(in: 0..<6, using: &random)
                switch Int.random(in: 0..<7, using: &random) {
                case 0: last = try writer.put([(.loadBalancer, writer.loadBalancer("lb\(number)", number == 0 ? .delete : .create))])
                case 1:
                    let pool = Bool.random(using: &random) ? "p\(number % 2)" : nil
                    last = try writer.put([(.listener, writer.listener("li\(number)", pool: pool))], parts: ["li\(number)"])
                case 2:
                    let members = (0..<number).map { MemberRecord(writer.head("m\($0)"), address: .v4(1), port: 1) }
                    last = try writer.put([(.pool, writer.pool(members: members))])
                case 3: last = try writer.put(without: ["li\(number)"])
                case 4: last = try writer.settle("w\(number)", number)
                default:
                    var transaction = StoreTransaction()
                    let keys: [FleetKey] = [
                        .object(.listener, id: "li\(number)"), .object(.loadBalancer, id: "lb\(number)"), .object(.pool, id: "po"),
                    ]
                    transaction.delete(try #require(keys.randomElement(using: &random)).text)
                    try store.commit(transaction)
                    last = try store.list("").revision
                }
            }
            #expect(cache.wait(for: last, within: .seconds(10)))
            let other = try FleetCache(store, groups: [pair])
            try other.start()
            defer { other.stop() }
            #expect(cache.read(summary) == other.read(summary), "seed \(seed)")
        }
    }

    @Test(
        "What was committed is there once its revision is waited for, and a revision that does not come is not waited for longer than told")
    func waiting() async throws {
        for kind in StoreKind.allCases {
            try await kind.run { store in
                let cache = try FleetCache(store, groups: [pair])
                try cache.start()
                defer { cache.stop() }
                let writer = Writer(store: store)
                for number in 0..<50 {
                    let revision = try writer.put([(.loadBalancer, writer.loadBalancer("lb\(number)"))])
                    #expect(cache.wait(for: revision, within: .seconds(10)) && cache.revision >= revision)
                    #expect(cache.read { $0.loadBalancers["lb\(number)"]?.revision } == revision)
                }
                #expect(!cache.wait(for: cache.revision + 1, within: .milliseconds(20)))
            }
        }
    }

    @Test("Observers are told of each key that changed, when the cache has it")
    func observing() async throws {
        try await StoreKind.memory.run { store in
            let cache = try FleetCache(store, groups: [pair])
            let told = Record<FleetCache.Change>()
            let wasThere = Atomic(true)
            cache.observe { [weak cache] change in
                told.add(change)
                if let cache, cache.revision < change.revision { wasThere.store(false, ordering: .relaxed) }
            }
            try cache.start()
            defer { cache.stop() }
            #expect(told.all.map(\.isReset) == [true])
            let writer = Writer(store: store)
            var other = StoreTransaction()
            other.put("audit/1", [1])
            try store.commit(other)
            try writer.put([(.loadBalancer, writer.loadBalancer())], parts: ["li"])
            try waitUntil("the observer is told") { told.all.count > 1 }
            #expect(
                Set(told.all[1].keys) == [
                    .object(.loadBalancer, id: "lb"), .wantedLoadBalancer(worker: "w1", listener: "li"),
                    .wantedLoadBalancer(worker: "w2", listener: "li"),
                ])
            #expect(!told.all[1].isReset && wasThere.load(ordering: .relaxed))
        }
    }

    @Test("A cache that lost the changes reads everything again and goes on")
    func loss() async throws {
        try await StoreKind.memory.run { memory in
            let store = LosingStore(memory)
            let cache = try FleetCache(store, groups: [pair])
            let resets = Record<Bool>()
            cache.observe { if $0.isReset { resets.add(true) } }
            try cache.start()
            defer { cache.stop() }
            let writer = Writer(store: store)
            try writer.put([(.loadBalancer, writer.loadBalancer("before"))])
            store.isFailing.store(true, ordering: .relaxed)
            store.lose()
            try writer.put([(.loadBalancer, writer.loadBalancer("meanwhile"))])
            try waitUntil("the store is asked in vain") { store.failures.load(ordering: .relaxed) > 0 }
            store.isFailing.store(false, ordering: .relaxed)
            try waitUntil("the cache has read everything again") { resets.all.count == 2 }
            let revision = try writer.put([(.loadBalancer, writer.loadBalancer("after"))])
            #expect(cache.wait(for: revision, within: .seconds(10)))
            #expect(cache.read { $0.loadBalancers.ordered.map(\.record.head.id) } == ["after", "before", "meanwhile"])
        }
    }

    @Test("A watch that cannot be begun again is tried again")
    func watchLoss() async throws {
        try await StoreKind.memory.run { memory in
            let store = LosingStore(memory)
            let cache = try FleetCache(store, groups: [pair])
            try cache.start()
            defer { cache.stop() }
            let writer = Writer(store: store)
            store.failsWatches.store(true, ordering: .relaxed)
            store.lose()
            try waitUntil("a watch fails") { store.failures.load(ordering: .relaxed) > 0 }
            store.failsWatches.store(false, ordering: .relaxed)
            let revision = try writer.put([(.loadBalancer, writer.loadBalancer("after"))])
            #expect(cache.wait(for: revision, within: .seconds(30)))
        }
    }

    @Test("What is not kept is not read: users, tokens and the audit, of which there can be any number")
    func reading() async throws {
        let keys: [FleetKey] =
            ObjectKind.allCases.map { .object($0, id: "i") } + [
                .wantedLoadBalancer(worker: "w", listener: "l"), .wantedVirtualIP(worker: "w", address: "a"), .settled(worker: "w"),
                .host(worker: "w"), .claim(worker: "w"), .statistics(listener: "l", worker: "w"), .operating(worker: "w"),
                .address(group: "g", address: "a"), .fleetID,
            ]
        for key in keys { #expect(FleetKey.prefixes.count { key.text.hasPrefix($0) } == 1, "\(key)") }
        try await StoreKind.memory.run { memory in
            let store = LosingStore(memory)
            let cache = try FleetCache(store, groups: [pair])
            try cache.start()
            defer { cache.stop() }
            let read = store.prefixes.all
            #expect(!read.isEmpty && read.allSatisfy { !$0.isEmpty && !"audit/".hasPrefix($0) && !"auth/".hasPrefix($0) })
            #expect(read.first == "wanted/", "what is wanted is read before what it is for")
        }
    }

    @Test("A deletion that workers do not have is a change of their wanted state, also after a restart")
    func restart() async throws {
        try await StoreKind.memory.run { store in
            let writer = Writer(store: store)
            let created = try writer.put([(.loadBalancer, writer.loadBalancer()), (.listener, writer.listener())], parts: ["li"])
            let deleted = try writer.put([(.listener, writer.listener("li", .delete))], without: ["li"])
            let cache = try FleetCache(store, groups: [pair])
            try cache.start()
            defer { cache.stop() }
            #expect(created < deleted && cache.read { state in pair.workers.map { state.wanted[$0]?.revision } } == [deleted, deleted])
        }
    }

    @Test("Servers at an etcd of three members see each other's changes")
    func etcd() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            let settings = EtcdStore.Settings(etcd: cluster.configuration, prefix: "/lbaas/test/")
            try await onThread {
                let (one, two) = (try EtcdStore(settings), try EtcdStore(settings))
                let cache = try FleetCache(two, groups: [pair])
                try cache.start()
                defer { cache.stop() }
                let writer = Writer(store: one)
                for number in 0..<20 {
                    let revision = try writer.put([(.loadBalancer, writer.loadBalancer("lb\(number)"))], parts: ["li"])
                    #expect(cache.wait(for: revision, within: .seconds(10)))
                    #expect(cache.read { $0.loadBalancers.count } == number + 1)
                }
            }
        }
    }

    @Test("10,000 load balancers that are created one by one are followed to the last")
    func size() async throws {
        try await StoreKind.memory.run { store in
            let cache = try FleetCache(store, groups: [pair])
            try cache.start()
            defer { cache.stop() }
            let writer = Writer(store: store)
            var last = 0
            for number in 0..<10_000 {
                last = try writer.put([(.loadBalancer, writer.loadBalancer("lb\(number)"))], parts: ["l\(number)"])
            }
            #expect(cache.wait(for: last, within: .seconds(60)))
            #expect(cache.read { $0.loadBalancers.count } == 10_000)
        }
    }
}

/// Whether a watch tells anything yet.
private final class Gate: Sendable {
    private let state = Mutex(true)

    var isOpen: Bool { state.withLock { $0 } }

    /// Closes it.
    ///
    /// - Returns: whether it was open.
    func close() -> Bool { state.withLock { exchange(&$0, with: false) } }
}

/// A store whose watches lose the changes when they are told to, and that can fail.
private final class LosingStore: FleetStore {
    private let store: any FleetStore
    private let receivers = Mutex<[@Sendable (StoreUpdate) -> Void]>([])
    let isFailing = Atomic(false)
    let failsWatches = Atomic(false)
    let failures = Atomic(0)
    /// What was listed.
    let prefixes = Record<String>()

    init(_ store: any FleetStore) { self.store = store }

    func lose() {
        let receive = receivers.withLock { receivers in exchange(&receivers, with: []) }
        for receive in receive { receive(.lost(FleetStoreError(.compacted, "the changes are lost"))) }
    }

    func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? { try store.get(key, within: limit) }

    func list(_ prefix: String, after key: String?, most: Int, within limit: Duration) throws(FleetStoreError) -> StorePage {
        if isFailing.load(ordering: .relaxed) {
            failures.add(1, ordering: .relaxed)
            throw FleetStoreError(.unavailable, "no quorum")
        }
        prefixes.add(prefix)
        return try store.list(prefix, after: key, most: most, within: limit)
    }

    func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        try store.commit(transaction, within: limit)
    }

    func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch {
        if failsWatches.load(ordering: .relaxed) {
            failures.add(1, ordering: .relaxed)
            throw FleetStoreError(.unavailable, "no quorum")
        }
        // Nothing is told any more once it is lost.
        let gate = Gate()
        receivers.withLock { $0.append { update in if gate.close() { receive(update) } } }
        return try store.watch(prefix, after: revision) { update in if gate.isOpen { receive(update) } }
    }
}

import FleetStore
import HostSystem
import LBaaS
import TestSupport
import Testing

@testable import FleetModel

@Suite struct StatusTests {
    /// Runs a body with a fleet whose two workers answer.
    private func run(_ body: @escaping @Sendable (Writer, FleetCache) throws -> Void) async throws {
        try await StoreKind.memory.run { store in
            let cache = try FleetCache(store, groups: [pair])
            try cache.start()
            defer { cache.stop() }
            let writer = Writer(store: store)
            for worker in pair.workers { try writer.host(worker, away: false) }
            try body(writer, cache)
        }
    }

    @Test("A change is pending until all workers that answer have it, and active then")
    func settling() async throws {
        try await run { writer, cache in
            let created = try writer.put([(.loadBalancer, writer.loadBalancer())], addresses: ["10.0.0.1"])
            #expect(try cache.statuses(at: created) == ["PENDING_CREATE", "-", "-"])
            #expect(try cache.statuses(at: writer.settle("w1", created)) == ["PENDING_CREATE", "-", "-"])
            #expect(try cache.statuses(at: writer.settle("w2", created)) == ["ACTIVE", "-", "-"])
            let second = try writer.put(
                [(.loadBalancer, writer.loadBalancer("lb", .update)), (.listener, writer.listener())], parts: ["li"])
            #expect(try cache.statuses(at: second) == ["PENDING_UPDATE", "PENDING_CREATE", "-"])
            try writer.settle("w1", second)
            #expect(try cache.statuses(at: writer.settle("w2", second + 5)) == ["ACTIVE", "ACTIVE", "-"])
            let third = try writer.put(
                [
                    (.loadBalancer, writer.loadBalancer("lb", .update)), (.pool, writer.pool()),
                    (.listener, writer.listener("li", .update, pool: "po")),
                ],
                parts: ["li"])
            #expect(try cache.statuses(at: third) == ["PENDING_UPDATE", "PENDING_UPDATE", "PENDING_CREATE"])
            try writer.settle("w1", third)
            #expect(try cache.statuses(at: writer.settle("w2", third)) == ["ACTIVE", "ACTIVE", "ACTIVE"])
            // What workers need not know settles at once.
            let renamed = try writer.put([(.loadBalancer, writer.loadBalancer("lb", .update)), (.pool, writer.pool(.update))])
            #expect(try cache.statuses(at: renamed) == ["ACTIVE", "ACTIVE", "ACTIVE"])
            // Parts that were written again for another reason are no creation.
            let again = try writer.put(parts: ["li"], addresses: ["10.0.0.1"])
            #expect(try cache.statuses(at: again) == ["PENDING_UPDATE", "PENDING_UPDATE", "ACTIVE"])
        }
    }

    @Test("A worker that is away is not waited for where another has the change; where all are away the change is pending")
    func away() async throws {
        try await run { writer, cache in
            try writer.host("w2", away: true)
            let created = try writer.put([(.loadBalancer, writer.loadBalancer()), (.listener, writer.listener())], parts: ["li"])
            #expect(try cache.statuses(at: created) == ["PENDING_CREATE", "PENDING_CREATE", "-"])
            #expect(try cache.statuses(at: writer.settle("w1", created)) == ["ACTIVE", "ACTIVE", "-"])
            #expect(try cache.statuses(at: writer.host("w2", away: false)) == ["PENDING_CREATE", "PENDING_CREATE", "-"])
            for worker in pair.workers { try writer.host(worker, away: true) }
            let changed = try writer.put([(.listener, writer.listener("li", .update))], parts: ["li"])
            #expect(try cache.statuses(at: changed) == ["PENDING_UPDATE", "PENDING_UPDATE", "-"])
        }
    }

    @Test("What a worker cannot take as a whole is in error with its sentence, also a deletion, until it has it")
    func failures() async throws {
        try await run { writer, cache in
            let first = try writer.put([(.loadBalancer, writer.loadBalancer()), (.listener, writer.listener())], parts: ["li"])
            try writer.settle("w1", first)
            #expect(try cache.statuses(at: writer.host("w2", failed: first - 1)) == ["PENDING_CREATE", "PENDING_CREATE", "-"])
            #expect(try cache.statuses(at: writer.host("w2", failed: first + 1)) == ["ERROR", "ERROR", "-"])
            #expect(cache.read { state in state.listeners["li"].map { state.status(of: $0) } } == .error("the disk is full"))
            // The next change is offered once more.
            let second = try writer.put(
                [
                    (.loadBalancer, writer.loadBalancer("lb", .update)), (.listener, writer.listener("li", .update, pool: "po")),
                    (.pool, writer.pool()),
                ], parts: ["li"])
            #expect(try cache.statuses(at: second) == ["PENDING_UPDATE", "PENDING_UPDATE", "PENDING_CREATE"])
            #expect(try cache.statuses(at: writer.host("w2", failed: second)) == ["ERROR", "ERROR", "ACTIVE"])
            // What it has is not in error, and one that is away is not waited for.
            #expect(try cache.statuses(at: writer.host("w1", failed: second)) == ["ERROR", "ERROR", "ACTIVE"])
            try writer.settle("w1", second)
            #expect(try cache.statuses(at: writer.host("w2", away: true)) == ["ACTIVE", "ACTIVE", "ACTIVE"])
            let third = try writer.put(
                [
                    (.loadBalancer, writer.loadBalancer("lb", .update)), (.listener, writer.listener("li", .delete)),
                    (.pool, writer.pool(.delete)),
                ], without: ["li"])
            try writer.settle("w1", third)
            #expect(try cache.statuses(at: writer.host("w2", failed: third)) == ["ERROR", "ERROR", "ERROR"])
            #expect(cache.read { $0.finishedDeletions() }.isEmpty)
            #expect(try cache.statuses(at: writer.settle("w2", third)) == ["ACTIVE", "DELETED", "DELETED"])
        }
    }

    @Test("What a worker refuses is in error with its sentence, until it is changed")
    func refusals() async throws {
        try await run { writer, cache in
            let created = try writer.put([(.loadBalancer, writer.loadBalancer()), (.listener, writer.listener())], parts: ["li"])
            try writer.settle("w1", created)
            let refusal = SettledRecord.Refusal(revision: created, sentence: "no such algorithm")
            #expect(try cache.statuses(at: writer.settle("w2", created, refused: ["li": refusal])) == ["ERROR", "ERROR", "-"])
            let status = try #require(cache.read { state in state.listeners["li"].map { state.status(of: $0) } })
            #expect(status == .error("no such algorithm"))
            let changed = try writer.put(
                [(.loadBalancer, writer.loadBalancer("lb", .update)), (.listener, writer.listener("li", .update))], parts: ["li"])
            #expect(try cache.statuses(at: changed) == ["PENDING_UPDATE", "PENDING_UPDATE", "-"])
            try writer.settle("w1", changed)
            #expect(try cache.statuses(at: writer.settle("w2", changed)) == ["ACTIVE", "ACTIVE", "-"])
        }
    }

    @Test("What is deleted is pending until the workers do not have it, and is removed with its address then")
    func deletions() async throws {
        try await run { writer, cache in
            var address = StoreTransaction()
            address.create(FleetKey.address(group: "pair", address: "10.0.0.1").text, Array("lb".utf8))
            address.put(FleetKey.statistics(listener: "li", worker: "w1").text, StatisticsRecord().json)
            try writer.store.commit(address)
            let created = try writer.put(
                [(.loadBalancer, writer.loadBalancer()), (.listener, writer.listener("li", pool: "po")), (.pool, writer.pool())],
                parts: ["li"], addresses: ["10.0.0.1"])
            for worker in pair.workers { try writer.settle(worker, created) }
            let second = try writer.put(
                [(.loadBalancer, writer.loadBalancer("lb", .update)), (.listener, writer.listener("li", .delete))], without: ["li"])
            #expect(try cache.statuses(at: second) == ["PENDING_UPDATE", "PENDING_DELETE", "ACTIVE"])
            #expect(cache.read { $0.finishedDeletions().count } == 0)
            try writer.settle("w1", second)
            #expect(try cache.statuses(at: writer.settle("w2", second)) == ["ACTIVE", "DELETED", "ACTIVE"])
            for transaction in cache.read({ $0.finishedDeletions() }) { try writer.store.commit(transaction) }
            #expect(try writer.store.list("statistics/").entries.isEmpty)
            let third = try writer.put([(.loadBalancer, writer.loadBalancer("lb", .delete))])
            #expect(try cache.statuses(at: third) == ["PENDING_DELETE", "-", "PENDING_DELETE"])
            try writer.settle("w1", third)
            #expect(try cache.statuses(at: writer.settle("w2", third)) == ["DELETED", "-", "DELETED"])
            for transaction in cache.read({ $0.finishedDeletions() }) { try writer.store.commit(transaction) }
            #expect(try writer.store.list("octavia/").entries.isEmpty && writer.store.list("address/").entries.isEmpty)
        }
    }

    @Test("A load balancer with more below it than a transaction has is removed in several")
    func manyDeletions() async throws {
        try await run { writer, cache in
            for number in 0..<150 { try writer.put([(.listener, writer.listener("l\(number)"))]) }
            let deleted = try writer.put([(.loadBalancer, writer.loadBalancer("lb", .delete))])
            for worker in pair.workers { try writer.settle(worker, deleted) }
            var rounds = 0
            while try !writer.store.list("octavia/").entries.isEmpty {
                rounds += 1
                try #require(rounds < 9)
                #expect(cache.wait(for: try writer.store.list("").revision, within: .seconds(10)))
                for transaction in cache.read({ $0.finishedDeletions() }) { try writer.store.commit(transaction) }
            }
            #expect(rounds == 2)
        }
    }

    @Test("A member that is deleted is seen until that is settled")
    func members() async throws {
        try await run { writer, cache in
            func members(_ revision: Int) throws -> [String] {
                #expect(cache.wait(for: revision, within: .seconds(10)))
                return cache.read { state in
                    guard let pool = state.pools["po"] else { return [] }
                    return pool.record.members.map { state.status(of: $0.head, in: pool).name }
                }
            }
            func member(_ id: String, _ change: ObjectChange) -> MemberRecord {
                MemberRecord(writer.head(id, change), address: .v4(2), port: 80)
            }
            let created = try writer.put(
                [
                    (.loadBalancer, writer.loadBalancer()), (.listener, writer.listener("li", pool: "po")),
                    (.pool, writer.pool(members: [member("a", .create), member("b", .create)])),
                ], parts: ["li"])
            #expect(try members(created) == ["PENDING_CREATE", "PENDING_CREATE"])
            for worker in pair.workers { try writer.settle(worker, created) }
            var pool = writer.pool(.update, members: [member("a", .update), member("b", .delete)])
            pool.head.updated = Timestamp(microseconds: 4)
            let changed = try writer.put([(.pool, pool)], parts: ["li"])
            #expect(try members(changed) == ["ACTIVE", "PENDING_DELETE"])
            try writer.settle("w1", changed)
            #expect(try members(writer.settle("w2", changed)) == ["ACTIVE", "DELETED"])
            pool.settle()
            #expect(pool.members.map(\.head.id) == ["a"])
        }
    }
}

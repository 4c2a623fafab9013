import FleetStore
import HostSystem
import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import FleetModel

/// A kind of store, which the tests of the cache are run with.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory = "in memory"
    case sqlite = "in SQLite"

    var testDescription: String { rawValue }

    /// Runs a body with an empty store, on a thread of its own.
    func run(_ body: @escaping @Sendable (any FleetStore) throws -> Void) async throws {
        try await onThread {
            switch self {
            case .memory: try body(MemoryStore(keptRevisions: 64))
            case .sqlite:
                let folder = try TemporaryFolder(in: "/dev/shm")
                try body(try SQLiteStore(folder: folder.file("store"), keptRevisions: 64))
            }
        }
    }
}

/// A group of two workers.
let pair = FleetGroup(name: "pair", workers: ["w1", "w2"], addresses: [])

/// A fleet in a store, written to as Octavia and Dispatch do.
struct Writer {
    let store: any FleetStore

    func head(_ id: String, _ change: ObjectChange = .create) -> ObjectHead {
        var head = ObjectHead(id: id, project: "shop", created: Timestamp(microseconds: 1))
        head.change = change
        return head
    }

    func loadBalancer(_ id: String = "lb", _ change: ObjectChange = .create) -> LoadBalancerRecord {
        LoadBalancerRecord(head(id, change), group: "pair", address: .v4(0x0A00_0001), provider: "", preferredWorker: 0)
    }

    func listener(_ id: String = "li", _ change: ObjectChange = .create, pool: String? = nil) -> ListenerRecord {
        var listener = ListenerRecord(head(id, change), loadBalancer: "lb", serviceProtocol: .tcp, port: 80)
        listener.defaultPool = pool
        return listener
    }

    func pool(_ change: ObjectChange = .create, members: [MemberRecord] = []) -> PoolRecord {
        var pool = PoolRecord(head("po", change), loadBalancer: "lb", serviceProtocol: "TCP", algorithm: "ROUND_ROBIN")
        pool.members = members
        return pool
    }

    /// Puts records, and parts of listeners on both workers.
    @discardableResult func put(
        _ records: [(ObjectKind, any ObjectRecord)] = [], parts: [String] = [], without: [String] = [], addresses: [String] = []
    ) throws -> Int {
        var transaction = StoreTransaction()
        for (kind, record) in records { transaction.put(FleetKey.object(kind, id: record.head.id).text, record.json) }
        for worker in pair.workers {
            for id in parts {
                transaction.put(FleetKey.wantedLoadBalancer(worker: worker, listener: id).text, [1])
            }
            for id in without { transaction.delete(FleetKey.wantedLoadBalancer(worker: worker, listener: id).text) }
            for address in addresses { transaction.put(FleetKey.wantedVirtualIP(worker: worker, address: address).text, [1]) }
        }
        return try store.commit(transaction)
    }

    @discardableResult func settle(_ worker: String, _ revision: Int, refused: [String: SettledRecord.Refusal] = [:]) throws -> Int {
        var transaction = StoreTransaction()
        let record = SettledRecord(revision: revision, time: Timestamp(microseconds: 5), refused: refused)
        transaction.put(FleetKey.settled(worker: worker).text, record.json)
        return try store.commit(transaction)
    }

    @discardableResult func host(_ worker: String, away: Bool = false, failed: Int? = nil) throws -> Int {
        var transaction = StoreTransaction()
        let record = HostRecord(
            away: away ? Timestamp(microseconds: 9) : nil, lastError: failed.map { _ in "the disk is full" }, failedRevision: failed)
        transaction.put(FleetKey.host(worker: worker).text, record.json)
        return try store.commit(transaction)
    }
}

extension FleetCache {
    /// The status of the load balancer, the listener and the pool, once the cache has a revision.
    func statuses(at revision: Int) throws -> [String] {
        #expect(wait(for: revision, within: .seconds(10)))
        return read { state in
            [
                state.loadBalancers["lb"].map { state.status(of: $0).name }, state.listeners["li"].map { state.status(of: $0).name },
                state.pools["po"].map { state.status(of: $0).name },
            ].map { $0 ?? "-" }
        }
    }
}

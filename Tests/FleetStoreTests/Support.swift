import Etcd
import EtcdTestSupport
import Synchronization
import TestSupport
import Testing

@testable import FleetStore

/// A kind of store, which all tests of the contract are run with.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory = "in memory"
    case sqlite = "in SQLite"
    case etcd1 = "in etcd with one member"
    case etcd3 = "in etcd with three members"

    var testDescription: String { rawValue }
}

/// Makes empty stores of one kind.
struct StoreMaker: Sendable {
    /// An empty store, which nobody else uses.
    let make: @Sendable () throws -> any FleetStore
    /// Another server's view of the store that was made last, where there is one; the same store in memory.
    let another: @Sendable () throws -> any FleetStore
    /// Has a store forget the changes before its newest revision; it remembers 64 revisions by itself where it is not etcd.
    let compact: @Sendable (any FleetStore) async throws -> Void

    /// Runs a body with a maker of stores, whose servers run meanwhile.
    static func run(_ kind: StoreKind, _ body: (StoreMaker) async throws -> Void) async throws {
        switch kind {
        case .memory:
            let last = Mutex<MemoryStore?>(nil)
            try await body(
                StoreMaker(
                    make: {
                        let store = MemoryStore(keptRevisions: 64)
                        last.withLock { $0 = store }
                        return store
                    }, another: { try #require(last.withLock { $0 }) }, compact: putMany))
        case .sqlite:
            let folder = try TemporaryFolder(in: "/dev/shm")
            let number = Atomic(0)
            @Sendable func open() throws -> SQLiteStore {
                try SQLiteStore(folder: folder.file("\(number.load(ordering: .relaxed))"), keptRevisions: 64)
            }
            try await body(
                StoreMaker(
                    make: {
                        number.add(1, ordering: .relaxed)
                        return try open()
                    }, another: open, compact: putMany))
        case .etcd1, .etcd3:
            try await EtcdCluster.run(.init(members: kind == .etcd1 ? 1 : 3)) { cluster in
                let number = Atomic(0)
                @Sendable func open() throws -> EtcdStore {
                    try EtcdStore(.init(etcd: cluster.configuration, prefix: "/lbaas/test/\(number.load(ordering: .relaxed))/"))
                }
                try await body(
                    StoreMaker(
                        make: {
                            number.add(1, ordering: .relaxed)
                            return try open()
                        }, another: open,
                        compact: { store in
                            let revision = try await onThread { try store.list("").revision }
                            try await cluster.control("compaction", "\(revision)")
                        }))
            }
        }
    }

    /// Makes so many changes that the first of them are forgotten.
    @Sendable private static func putMany(_ store: any FleetStore) async throws {
        try await onThread { for number in 0..<200 { try store.commit(.putting("compact/\(number % 3)", [UInt8(number % 256)])) } }
    }
}

extension StoreTransaction {
    /// Puts a value.
    static func putting(_ key: String, _ value: [UInt8], lifetime: Int? = nil) -> StoreTransaction {
        var transaction = StoreTransaction()
        transaction.put(key, value, lifetime: lifetime)
        return transaction
    }

    /// Puts a value of a key that has a revision.
    static func replacing(_ key: String, _ revision: Int, _ value: [UInt8]) -> StoreTransaction {
        var transaction = StoreTransaction()
        transaction.replace(key, revision: revision, with: value)
        return transaction
    }

    /// Deletes a key, of a revision where one is given.
    static func deleting(_ key: String, _ revision: Int? = nil) -> StoreTransaction {
        var transaction = StoreTransaction()
        if let revision { transaction.delete(key, revision: revision) } else { transaction.delete(key) }
        return transaction
    }
}

/// What a watch told.
final class Updates: Sendable {
    private let record = Record<StoreUpdate>()

    func add(_ update: StoreUpdate) { record.add(update) }

    var changes: [StoreChange] {
        record.all.flatMap { update -> [StoreChange] in if case .changes(let changes, _) = update { changes } else { [] } }
    }

    /// The revisions up to which it told.
    var revisions: [Int] { record.all.compactMap { if case .changes(_, let revision) = $0 { revision } else { nil } } }

    var losses: [FleetStoreError] { record.all.compactMap { if case .lost(let error) = $0 { error } else { nil } } }

    /// What the keys have by it.
    var values: [String: [UInt8]] {
        changes.reduce(into: [:]) { values, change in
            if case .put(let entry) = change { values[entry.key] = entry.value } else { values[change.key] = nil }
        }
    }
}

/// The error that a call fails with.
func storeError(_ body: () throws -> Void) throws -> FleetStoreError {
    let error = #expect(throws: FleetStoreError.self) { try body() }
    return try #require(error)
}

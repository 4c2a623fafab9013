import Authorization
import FleetStore
import HostSystem
import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import FleetAuth

/// Accounts in memory, with clocks that are moved by hand and passwords that cost little.
struct AccountsBench {
    let store: any FleetStore
    let wall = ManualClock()
    let steady = SteadyClock()
    var settings = Accounts.Settings()
    let admin = Actor(name: "root", address: "192.0.2.1")

    init(_ store: any FleetStore = MemoryStore()) throws {
        self.store = store
        settings.difficulty = try #require(PasswordDifficulty(operations: 1, memory: 1))
    }

    /// The accounts, as one server has them whose clock is ahead by so many seconds.
    func server(clockAhead seconds: Int = 0, settings: Accounts.Settings? = nil) throws -> Accounts {
        let (wall, steady) = (wall, steady)
        return try Accounts(
            store, settings ?? self.settings,
            Accounts.Clocks(wall: { wall.now + .seconds(seconds) }, steady: { steady.now }))
    }
}

/// A clock that is waited by, and stands until it is moved.
final class SteadyClock: Sendable {
    private let time = Mutex(Duration.zero)

    var now: Duration { time.withLock { $0 } }

    func advance(_ duration: Duration) { time.withLock { $0 += duration } }
}

/// A store that can be turned off.
final class SwitchedStore: FleetStore {
    private let store = MemoryStore()
    private let isOff = Atomic(false)

    func turn(off: Bool) { isOff.store(off, ordering: .relaxed) }

    private func check() throws(FleetStoreError) {
        if isOff.load(ordering: .relaxed) { throw FleetStoreError(.unavailable, "the store has no quorum") }
    }

    func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? {
        try check()
        return try store.get(key, within: limit)
    }

    func list(_ prefix: String, after key: String?, most: Int, within limit: Duration) throws(FleetStoreError) -> StorePage {
        try check()
        return try store.list(prefix, after: key, most: most, within: limit)
    }

    @discardableResult
    func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        try check()
        return try store.commit(transaction, within: limit)
    }

    func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch { try store.watch(prefix, after: revision, receive) }
}

/// The error that a call fails with.
func authError(_ body: () throws -> Void) throws -> AuthError {
    let error = #expect(throws: AuthError.self) { try body() }
    return try #require(error)
}

import FleetStore
import Synchronization

/// A store that serves a server until that has committed so often, and from then on nothing: so the server is as good as killed between two
/// of its commits.
final class DyingStore: FleetStore {
    private let store: any FleetStore
    private let left: Mutex<Int>

    /// - Parameter commits: how many commits are carried out.
    init(_ store: any FleetStore, commits: Int) {
        self.store = store
        left = Mutex(commits)
    }

    /// Whether it serves nothing any more.
    var isDead: Bool { left.withLock { $0 < 0 } }

    private func check() throws(FleetStoreError) {
        if isDead { throw FleetStoreError(.unavailable, "the server was killed") }
    }

    func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? {
        try check()
        return try store.get(key, within: limit)
    }

    func list(_ prefix: String, after key: String?, most: Int, within limit: Duration) throws(FleetStoreError) -> StorePage {
        try check()
        return try store.list(prefix, after: key, most: most, within: limit)
    }

    func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        // That it lives does not count: that is said again and again.
        if !transaction.changes.keys.contains(where: { $0.hasPrefix("server/") }) { left.withLock { $0 -= 1 } }
        try check()
        return try store.commit(transaction, within: limit)
    }

    func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch {
        try store.watch(prefix, after: revision, receive)
    }
}

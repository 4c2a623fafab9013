import FleetStore
import HostSystem
import Synchronization

/// Says in the store that a server lives: a key with a lifetime, which it puts again and again. Other servers take over the workers of one
/// whose key is gone.
final class ServerLease: Sendable {
    /// What the keys of all servers begin with.
    static let prefix = "server/"
    /// The longest that it may take to put it.
    private static let limit: Duration = .seconds(2)

    /// The id of the server.
    let id: String
    private let store: any FleetStore
    /// How long the key stays, in seconds.
    private let lifetime: Int
    /// Until when others surely take it that this server lives, by the time since the system started.
    private let end = Mutex(Duration.zero)

    /// A server that is not in the store yet.
    init(_ store: any FleetStore, id: String, lifetime: Int) { (self.store, self.id, self.lifetime) = (store, id, lifetime) }

    private var key: String { Self.prefix + storeKeyPart(id) }

    /// Whether other servers take it that this one lives.
    var isValid: Bool { end.withLock { $0 } > Clock.bootTime() }

    /// Puts the key again.
    func renew() throws(FleetStoreError) {
        let start = Clock.bootTime()
        var transaction = StoreTransaction()
        transaction.put(key, Array(id.utf8), lifetime: lifetime)
        try store.commit(transaction, within: Self.limit)
        // The store counts from when it has the key, which is later than this.
        end.withLock { $0 = start + .seconds(lifetime) }
    }

    /// The ids of the servers that live.
    func living() throws(FleetStoreError) -> Set<String> {
        Set(try store.all(Self.prefix, within: Self.limit).entries.map { String(decoding: $0.value, as: UTF8.self) })
    }

    /// Takes the key away, so that others take over at once.
    func end(within limit: Duration) {
        end.withLock { $0 = .zero }
        var transaction = StoreTransaction()
        transaction.delete(key)
        _ = try? store.commit(transaction, within: limit)
    }
}

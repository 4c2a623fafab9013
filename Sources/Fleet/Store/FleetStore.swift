/// What the servers of a fleet keep in common: keys with values, which any number of servers read and change at a time.
///
/// - A **key** is a text of printable ASCII without blanks, a **value** is bytes; their sizes are in `StoreLimits`. Keys are in the order of
///   their bytes.
/// - Each change of the store has a **revision**, a number that grows. All changes of one transaction have the same. The revision of a key is
///   that of its last change; that of a key which is absent is 0.
/// - A **transaction** is carried out whole or not at all. It can expect revisions of keys, and is refused where one differs.
/// - A **read** has all that was committed before it was asked for, by whatever server.
/// - A **watch** tells the changes behind a revision, in their order.
/// - A key can have a **lifetime**. It is there for at least so long since it was put, and is deleted soon after, within 2 s where nothing
///   disturbs the store. The clocks of the servers do not matter: the store counts. Where the store itself restarts, or etcd elects another
///   leader, the lifetime begins anew. So what must end at a certain time has that time in its value.
///
/// The functions block the thread that calls them, for no longer than their limit and what the disk takes, so they do not belong on Swift's
/// cooperative pool. Any thread may call them.
package protocol FleetStore: Sendable {
    /// Reads a key.
    ///
    /// - Parameter limit: the longest that it may take. The same holds for all functions.
    /// - Returns: nil where the key is absent.
    func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry?

    /// Reads the keys that begin with a prefix, as of one revision. Pages that are read one after the other are of different revisions: a watch
    /// behind the revision of the first tells what has changed meanwhile.
    ///
    /// - Parameters:
    ///   - prefix: as a key, or empty for all keys.
    ///   - key: only keys behind this one; nil for all.
    ///   - most: the most entries, 1 to `StoreLimits.pageSize`. There can be fewer where values are large, but one at least where there are any.
    func list(
        _ prefix: String, after key: String?, most: Int, within limit: Duration
    ) throws(FleetStoreError) -> StorePage

    /// Carries out a transaction. It is durable and seen by all servers when this returns.
    ///
    /// - Returns: the revision of its changes; that of the store where it changes nothing.
    /// - Throws: `conflict` where a key does not have the revision that is expected. Where the error says `mayBeApplied`, it is not known
    ///   whether the transaction was or will be carried out.
    @discardableResult
    func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int

    /// Tells the changes of the keys that begin with a prefix, from a thread of the store.
    ///
    /// - Parameters:
    ///   - revision: what is behind it is told. It is that of a page, or of the last update.
    ///   - receive: called for each update, one at a time. It must return soon: it can delay other watches of this store.
    /// - Returns: the watch, which goes on until it is cancelled or released, or has told that it is lost.
    func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch
}

extension FleetStore {
    /// How long a request may take where nothing else is said.
    package static var usualLimit: Duration { .seconds(5) }

    /// Reads a key within the usual limit.
    package func get(_ key: String) throws(FleetStoreError) -> StoreEntry? { try get(key, within: Self.usualLimit) }

    /// Carries out a transaction within the usual limit.
    @discardableResult
    package func commit(_ transaction: StoreTransaction) throws(FleetStoreError) -> Int {
        try commit(transaction, within: Self.usualLimit)
    }

    /// Reads the keys that begin with a prefix, within the usual limit.
    package func list(
        _ prefix: String, after key: String? = nil, most: Int = StoreLimits.pageSize
    ) throws(FleetStoreError) -> StorePage {
        try list(prefix, after: key, most: most, within: Self.usualLimit)
    }

    /// Reads all keys that begin with a prefix, in as many pages as it takes. They are all in memory then.
    ///
    /// - Parameter limit: the longest that each page may take.
    /// - Returns: the entries, and the revision of the first page.
    package func all(_ prefix: String, within limit: Duration = Self.usualLimit) throws(FleetStoreError) -> StorePage {
        var page = try list(prefix, after: nil, most: StoreLimits.pageSize, within: limit)
        let revision = page.revision
        var entries = page.entries
        while page.hasMore, let last = entries.last {
            page = try list(prefix, after: last.key, most: StoreLimits.pageSize, within: limit)
            entries += page.entries
        }
        return StorePage(entries: entries, revision: revision, hasMore: false)
    }
}

/// A key with its value.
package struct StoreEntry: Hashable, Sendable {
    /// The key.
    package let key: String
    /// The value.
    package let value: [UInt8]
    /// The revision that put it.
    package let revision: Int

    /// A key with its value.
    package init(key: String, value: [UInt8], revision: Int) { (self.key, self.value, self.revision) = (key, value, revision) }
}

/// Keys with their values, as of one revision.
package struct StorePage: Hashable, Sendable {
    /// The entries, in the order of their keys.
    package let entries: [StoreEntry]
    /// The revision of the whole store.
    package let revision: Int
    /// Whether there are more behind the last.
    package let hasMore: Bool

    /// Keys with their values.
    package init(entries: [StoreEntry], revision: Int, hasMore: Bool) {
        (self.entries, self.revision, self.hasMore) = (entries, revision, hasMore)
    }
}

/// A change of a key.
package enum StoreChange: Hashable, Sendable {
    /// It was put.
    case put(StoreEntry)
    /// It was deleted, or its lifetime is over.
    case deletion(key: String, revision: Int)

    /// The key.
    package var key: String {
        switch self {
        case .put(let entry): entry.key
        case .deletion(let key, _): key
        }
    }

    /// The revision of the change.
    package var revision: Int {
        switch self {
        case .put(let entry): entry.revision
        case .deletion(_, let revision): revision
        }
    }
}

/// What a watch tells.
package enum StoreUpdate: Sendable {
    /// The changes up to a revision, in the order of their revisions. All of one revision are in one update. A value that was replaced before
    /// it was told can be left out: the one that replaced it follows.
    case changes([StoreChange], revision: Int)
    /// What has changed is not known, and nothing more is told: the revision is older than what the store remembers (`compacted`), or the store
    /// is older than it was, because it was restored from a backup. Whoever watches reads everything again and begins a new watch.
    case lost(FleetStoreError)
}

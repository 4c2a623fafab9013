import Etcd

/// What this host knows of the store: the newest of all that it was told, by whatever way, with the times of this host's clock at which it was told.
struct StoreView: Sendable {
    struct Host: Sendable {
        var record: HostRecord
        /// 0 where there is no such key.
        var revision: Int
        /// When this revision was seen first.
        var seenAt: Duration
    }

    struct Owner: Sendable {
        var record: OwnerRecord
        var revision: Int
        var seenAt: Duration
    }

    struct Note: Sendable {
        var record: NoteRecord
        var revision: Int
    }

    struct Offer: Sendable {
        var record: OfferRecord
        var revision: Int
    }

    struct Value: Sendable {
        var value: SharedValue
        var revision: Int
    }

    let keys: ClusterKeys
    private(set) var hosts: [String: Host] = [:]
    private(set) var owners: [String: Owner] = [:]
    private(set) var wishes: [String: Note] = [:]
    private(set) var conflicts: [String: Note] = [:]
    private(set) var offers: [String: Offer] = [:]
    private(set) var values: [String: Value] = [:]
    /// The values that changed since they were looked at.
    private(set) var changedValues: Set<String> = []
    /// When everything was read last; nil for never.
    private(set) var readAt: Duration?
    /// The newest revision of each key, also of those that are deleted: older news are passed over.
    private var revisions: [String: Int] = [:]

    init(keys: ClusterKeys) { self.keys = keys }

    /// Takes all keys as of a revision. Newer news stay.
    ///
    /// - Parameter isRollback: whether what was known is of another time of the store, and worth nothing.
    mutating func take(_ snapshot: EtcdSnapshot, isRollback: Bool, now: Duration) {
        if isRollback { self = StoreView(keys: keys) }
        readAt = now
        let present = Set(snapshot.entries.map(\.key))
        for (key, revision) in revisions where revision <= snapshot.revision && !present.contains(key) {
            remove(key, now: now)
        }
        for entry in snapshot.entries { put(entry, now: now) }
    }

    /// Takes a change.
    mutating func take(_ change: EtcdChange, now: Duration) {
        switch change {
        case .put(let entry): put(entry, now: now)
        case .deletion(let key, let revision):
            if revision > revisions[key] ?? 0 {
                revisions[key] = revision
                remove(key, now: now)
            }
        }
    }

    /// Takes a key as it was read or put.
    mutating func put(_ entry: EtcdKeyValue, now: Duration) {
        put(entry.key, entry.value, revision: entry.modRevision, now: now)
    }

    mutating func put(_ key: String, _ value: [UInt8], revision: Int, now: Duration) {
        guard revision > revisions[key] ?? 0, let kind = keys.kind(of: key) else { return }
        revisions[key] = revision
        switch kind {
        case .host(let id): hosts[id] = Host(record: HostRecord(value), revision: revision, seenAt: now)
        case .owner(let name): owners[name] = Owner(record: OwnerRecord(value), revision: revision, seenAt: now)
        case .wish(let name): wishes[name] = Note(record: NoteRecord(value), revision: revision)
        case .conflict(let id): conflicts[id] = Note(record: NoteRecord(value), revision: revision)
        case .value(let name):
            values[name] = Value(value: SharedValue(name: name, value), revision: revision)
            changedValues.insert(name)
        case .offer(let id): offers[id] = Offer(record: OfferRecord(value), revision: revision)
        }
    }

    private mutating func remove(_ key: String, now: Duration) {
        switch keys.kind(of: key) {
        // The time of a host that is absent counts from now.
        case .host(let id)?:
            if hosts[id]?.record.state != .absent {
                hosts[id] = Host(record: HostRecord(incarnation: "", state: .absent), revision: 0, seenAt: now)
            }
        case .owner(let name)?: owners[name] = nil
        case .wish(let name)?: wishes[name] = nil
        case .conflict(let id)?: conflicts[id] = nil
        case .offer(let id)?: offers[id] = nil
        case .value(let name)?:
            values[name] = nil
            changedValues.insert(name)
        case nil: break
        }
    }

    /// The values that changed since the last call.
    mutating func takeChangedValues() -> Set<String> {
        defer { changedValues = [] }
        return changedValues
    }

    /// A host that an owner's record names. Where it was never seen, its time counts from when the record was.
    func host(_ id: String, of owner: Owner) -> Host {
        hosts[id] ?? Host(record: HostRecord(incarnation: "", state: .absent), revision: 0, seenAt: max(owner.seenAt, readAt ?? .zero))
    }

    /// The hosts besides one that take part in a name and were heard of within a time, with their priorities.
    func candidates(for name: String, besides id: String, within time: Duration, now: Duration) -> [String: Int] {
        var found: [String: Int] = [:]
        for (host, offer) in offers where host != id {
            guard let priority = offer.record.priorities[name], priority > 0, let view = hosts[host], view.record.isAlive,
                now - view.seenAt <= time
            else { continue }
            found[host] = priority
        }
        return found
    }
}

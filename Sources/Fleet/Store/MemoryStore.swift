import HostSystem
import Synchronization

/// A store in the memory of one process, for tests and for trying out. Nothing of it survives the process.
package final class MemoryStore: FleetStore {
    private let state: Mutex<MemoryState>
    private let hub = WatchHub()
    private let now: @Sendable () -> Duration

    /// An empty store.
    ///
    /// - Parameter keptRevisions: how many revisions back a watch can begin.
    package convenience init(keptRevisions: Int = 10_000) { self.init(keptRevisions: keptRevisions, now: Clock.bootTime) }

    /// - Parameter now: the clock of lifetimes.
    init(keptRevisions: Int = 10_000, now: @escaping @Sendable () -> Duration) {
        state = Mutex(MemoryState(keptRevisions: keptRevisions))
        self.now = now
    }

    /// Reads a key.
    package func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? {
        try StoreLimits.check(key: key)
        let now = now()
        return state.withLock { $0.entry(key, now) }
    }

    /// Reads a page.
    package func list(
        _ prefix: String, after key: String?, most: Int, within limit: Duration
    ) throws(FleetStoreError) -> StorePage {
        try StoreLimits.check(prefix: prefix, after: key, most: most)
        let now = now()
        return state.withLock { $0.page(prefix, after: key, most: most, now) }
    }

    /// Carries out a transaction.
    @discardableResult
    package func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        try transaction.check()
        let now = now()
        let outcome = state.withLock { state -> Result<Int, FleetStoreError> in
            state.expire(now)
            return Result { () throws(FleetStoreError) in try state.commit(transaction, now) }
        }
        hub.wake()
        return try outcome.get()
    }

    /// Watches keys.
    package func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch {
        try hub.watch(self, prefix, after: revision, receive)
    }
}

extension MemoryStore: ChangeSource {
    /// Lifetimes are looked at so often; commits wake the thread.
    var pollInterval: Duration { .milliseconds(250) }

    func refresh() -> Bool {
        let now = now()
        return state.withLock { $0.expire(now) }
    }

    func changes(of prefix: String, after revision: Int) throws(FleetStoreError) -> ChangeBatch {
        try state.withLock { state in Result { () throws(FleetStoreError) in try state.changes(of: prefix, after: revision) } }.get()
    }
}

/// What a memory store has.
struct MemoryState: Sendable {
    private struct Entry: Sendable {
        var value: [UInt8]
        var revision: Int
        /// When its lifetime is over; nil for never.
        var end: Duration?
    }

    private var entries: [String: Entry] = [:]
    /// The keys, in their order.
    private var keys: [String] = []
    /// When lifetimes end, the earliest last. The end of a key that was put again since has no meaning.
    private var ends: [(end: Duration, key: String)] = []
    private var revision = 0
    /// Which keys changed, in the order of their revisions.
    private var log: [(revision: Int, key: String, isDeletion: Bool)] = []
    /// The changes up to this revision are not in the log.
    private var firstRevision = 0
    private let keptRevisions: Int

    init(keptRevisions: Int) { self.keptRevisions = keptRevisions }

    func entry(_ key: String, _ now: Duration) -> StoreEntry? {
        guard let entry = entries[key], entry.end.map({ $0 > now }) ?? true else { return nil }
        return StoreEntry(key: key, value: entry.value, revision: entry.revision)
    }

    func page(_ prefix: String, after key: String?, most: Int, _ now: Duration) -> StorePage {
        let first = keys.place(of: key.map { max(prefix, $0) } ?? prefix)
        var found: [StoreEntry] = []
        var size = 0
        for next in keys[first...] where next != key {
            guard next.utf8.starts(with: prefix.utf8) else { break }
            guard let entry = entry(next, now) else { continue }
            if found.count == most || (size + entry.value.count > StoreLimits.pageBytes && !found.isEmpty) {
                return StorePage(entries: found, revision: revision, hasMore: true)
            }
            found.append(entry)
            size += entry.value.count
        }
        return StorePage(entries: found, revision: revision, hasMore: false)
    }

    mutating func commit(_ transaction: StoreTransaction, _ now: Duration) throws(FleetStoreError) -> Int {
        for (key, expected) in transaction.expected.sorted(by: { $0.key < $1.key }) {
            let found = entries[key]?.revision ?? 0
            if found != expected { throw .conflict(key, expected: expected, found: found) }
        }
        let changes = transaction.changes.filter { $0.value != .delete || entries[$0.key] != nil }.sorted { $0.key < $1.key }
        if changes.isEmpty { return revision }
        revision += 1
        for (key, change) in changes {
            switch change {
            case .put(let value, let lifetime): put(key, value, end: lifetime.map { now + .seconds($0) })
            case .delete: delete(key)
            }
        }
        forget()
        return revision
    }

    private mutating func put(_ key: String, _ value: [UInt8], end: Duration?) {
        let place = keys.place(of: key)
        if place == keys.count || keys[place] != key { keys.insert(key, at: place) }
        entries[key] = Entry(value: value, revision: revision, end: end)
        if let end { ends.insert((end, key), at: ends.partition { $0.end <= end }) }
        log.append((revision, key, false))
    }

    private mutating func delete(_ key: String) {
        entries[key] = nil
        keys.remove(at: keys.place(of: key))
        log.append((revision, key, true))
    }

    /// Deletes the keys whose lifetime is over.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    mutating func expire(_ now: Duration) -> Bool {
        var over: [String] = []
        while let last = ends.last, last.end <= now {
            ends.removeLast()
            if entries[last.key]?.end == last.end { over.append(last.key) }
        }
        if over.isEmpty { return false }
        revision += 1
        for key in Set(over).sorted() { delete(key) }
        forget()
        return true
    }

    /// Forgets old changes, many at a time.
    private mutating func forget() {
        guard let first = log.first, revision - first.revision > keptRevisions + keptRevisions / 8 else { return }
        firstRevision = revision - keptRevisions
        log.removeFirst(log.partition { $0.revision > firstRevision })
    }

    func changes(of prefix: String, after position: Int) throws(FleetStoreError) -> ChangeBatch {
        if position > revision { throw .rolledBack(position, newest: revision) }
        if position < firstRevision { throw .compacted(position, first: firstRevision) }
        let rest = log[log.partition { $0.revision > position }...]
        let changes = rest.compactMap { change -> StoreChange? in
            if !change.key.utf8.starts(with: prefix.utf8) { return nil }
            if change.isDeletion { return .deletion(key: change.key, revision: change.revision) }
            guard let entry = entries[change.key], entry.revision == change.revision else { return nil }
            return .put(StoreEntry(key: change.key, value: entry.value, revision: entry.revision))
        }
        return ChangeBatch(changes: changes, revision: revision, newest: revision)
    }
}

extension Array {
    /// The place of the first element of which something is true, where it is true of all behind that one too.
    fileprivate func partition(_ isBehind: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension [String] {
    /// Where a text is or would be in a list that is in order.
    fileprivate func place(of text: String) -> Int { partition { $0 >= text } }
}

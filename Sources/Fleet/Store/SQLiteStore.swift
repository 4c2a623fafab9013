import CSQLite
import Glibc
import HostSystem
import SQLite
import Synchronization

/// A store in an SQLite file, for one host. Several processes may use the file at a time; it must not be on a network file system.
///
/// A commit is durable when it returns: write-ahead log, synchronized at each commit. Watches look for the commits of other processes 20 times a
/// second. Lifetimes are counted by the clock of the system since its start, so that nobody who sets the clock changes them; those that are
/// under way when the host restarts begin anew.
package final class SQLiteStore: FleetStore {
    private let path: String
    private let writer: StoreConnection
    private let reader: StoreConnection
    private let hub = WatchHub()
    private let clock: StoreClock
    private let lastVersion = Mutex<Int64?>(nil)

    /// Whether there is a store in a folder.
    package static func exists(in folder: String) -> Bool { unsafe access(StoreFile.path(in: folder), F_OK) == 0 }

    /// Opens the store in a folder; makes folder and file where there is neither.
    ///
    /// - Parameters:
    ///   - folder: for the servers of this host alone. Its parent must exist.
    ///   - keptRevisions: how many revisions back a watch can begin.
    /// - Throws: where the file cannot be opened, is damaged, or from a newer version.
    package convenience init(folder: String, keptRevisions: Int = 10_000) throws(FleetStoreError) {
        try self.init(folder: folder, keptRevisions: keptRevisions, clock: .system)
    }

    /// - Parameter clock: the clock of lifetimes.
    init(folder: String, keptRevisions: Int = 10_000, clock: StoreClock) throws(FleetStoreError) {
        let file = try StoreFile.prepare(folder: folder)
        path = file
        self.clock = clock
        writer = try StoreConnection(path: file) { () throws(Database.Failure) in
            let tables = try StoreTables(path: file, keptRevisions: keptRevisions, isFirst: true)
            try tables.begin(boot: clock.boot, now: clock.now())
            return tables
        }
        reader = try StoreConnection(path: file) { () throws(Database.Failure) in
            try StoreTables(path: file, keptRevisions: keptRevisions, isFirst: false)
        }
    }

    /// Reads a key.
    package func get(_ key: String, within limit: Duration) throws(FleetStoreError) -> StoreEntry? {
        try StoreLimits.check(key: key)
        let now = clock.now()
        return try reader.use(within: limit) { (tables) throws(Database.Failure) in try tables.entry(key, now) }
    }

    /// Reads a page.
    package func list(
        _ prefix: String, after key: String?, most: Int, within limit: Duration
    ) throws(FleetStoreError) -> StorePage {
        try StoreLimits.check(prefix: prefix, after: key, most: most)
        let now = clock.now()
        return try reader.use(within: limit) { (tables) throws(Database.Failure) in
            try tables.page(prefix, after: key ?? "", most: most, now)
        }
    }

    /// Carries out a transaction. A failure of the disk when the log is synchronized leaves it unknown whether it is there after a crash.
    @discardableResult
    package func commit(_ transaction: StoreTransaction, within limit: Duration) throws(FleetStoreError) -> Int {
        try transaction.check()
        let now = clock.now()
        let outcome = try writer.use(within: limit) { (tables) throws(Database.Failure) in try tables.commit(transaction, now) }
        hub.wake()
        switch outcome {
        case .committed(let revision): return revision
        case .conflict(let key, let expected, let found): throw .conflict(key, expected: expected, found: found)
        }
    }

    /// Watches keys.
    package func watch(
        _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch {
        try hub.watch(self, prefix, after: revision, receive)
    }
}

extension SQLiteStore: ChangeSource {
    var pollInterval: Duration { .milliseconds(50) }

    func refresh() -> Bool {
        let now = clock.now()
        do throws(FleetStoreError) {
            let (version, hasExpired) = try reader.use(within: .seconds(1)) { (tables) throws(Database.Failure) in
                (try tables.dataVersion(), try tables.hasExpired(now))
            }
            if hasExpired { try writer.use(within: .seconds(1)) { (tables) throws(Database.Failure) in try tables.expire(now) } }
            return lastVersion.withLock { last in
                defer { last = hasExpired ? nil : version }
                return last != version
            }
        } catch {
            return false
        }
    }

    func changes(of prefix: String, after revision: Int) throws(FleetStoreError) -> ChangeBatch {
        let found = try reader.use(within: .seconds(1)) { (tables) throws(Database.Failure) in
            try tables.changes(of: prefix, after: revision)
        }
        if revision > found.batch.newest { throw .rolledBack(revision, newest: found.batch.newest) }
        if revision < found.firstRevision { throw .compacted(revision, first: found.firstRevision) }
        return found.batch
    }
}

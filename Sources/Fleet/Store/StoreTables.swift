import CSQLite
import HostSystem
import SQLite

/// The tables of a store, by one connection.
final class StoreTables {
    /// What becomes of a transaction.
    enum Outcome {
        case committed(Int)
        case conflict(key: String, expected: Int, found: Int)
    }

    private let database: Database
    private let statements: Statements
    private let keptRevisions: Int

    /// How often old changes are forgotten: at each revision that is a multiple of this.
    private static let pruneInterval = 64
    /// How many changes are told at a time, but for those of the last revision.
    private static let batchSize = 64

    private static let schema = """
        CREATE TABLE store (revision INTEGER NOT NULL, first_revision INTEGER NOT NULL, boot TEXT NOT NULL);
        INSERT INTO store VALUES (0, 0, '');
        CREATE TABLE entry (
            key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL, lifetime INTEGER, end INTEGER);
        CREATE INDEX entry_end ON entry (end) WHERE end IS NOT NULL;
        CREATE TABLE change (
            revision INTEGER NOT NULL, key TEXT NOT NULL, is_deletion INTEGER NOT NULL, PRIMARY KEY (revision, key)) WITHOUT ROWID;
        PRAGMA application_id = \(StoreFile.applicationID);
        PRAGMA user_version = \(StoreFile.version);
        """

    /// Opens a file.
    ///
    /// - Parameter isFirst: whether nobody of this process has opened it: then it is checked, and made where it is empty.
    init(path: String, keptRevisions: Int, isFirst: Bool) throws(Database.Failure) {
        database = try Database(path: path, create: false)
        database.setLockLimit(5000)
        if isFirst { try Self.prepare(database) }
        try database.execute("PRAGMA synchronous = FULL")
        statements = try Statements(database)
        self.keptRevisions = keptRevisions
    }

    private static func prepare(_ database: borrowing Database) throws(Database.Failure) {
        // SQLite does not wait for the lock that this one needs.
        let deadline = Deadline(in: .seconds(5))
        while true {
            do throws(Database.Failure) {
                try database.execute("PRAGMA journal_mode = WAL")
                break
            } catch {
                guard error.code & 0xFF == SQLITE_BUSY, !deadline.isOver else { throw error }
                _ = poll([:], until: Deadline(in: .milliseconds(5)))
            }
        }
        try database.execute("BEGIN IMMEDIATE")
        do throws(Database.Failure) {
            if try database.integer("SELECT count(*) FROM sqlite_schema") == 0 { try database.execute(schema) }
            try check(database)
            try database.execute("COMMIT")
        } catch {
            try? database.execute("ROLLBACK")
            throw error
        }
    }

    private static func check(_ database: borrowing Database) throws(Database.Failure) {
        guard try database.integer("PRAGMA application_id") == StoreFile.applicationID else {
            throw Database.Failure(code: SQLITE_NOTADB, message: "it is not a store of lbaas-server")
        }
        let version = try database.integer("PRAGMA user_version")
        guard version == StoreFile.version else {
            throw Database.Failure(
                code: SQLITE_MISMATCH, message: "it has version \(version), and this lbaas-server knows version \(StoreFile.version)")
        }
        let verdict = try database.text("PRAGMA integrity_check(1)")
        guard verdict == "ok" else { throw Database.Failure(code: SQLITE_CORRUPT, message: verdict) }
    }

    /// Sets how long to wait for other processes, in milliseconds.
    func setLockLimit(_ milliseconds: Int32) { database.setLockLimit(milliseconds) }

    /// Has lifetimes begin anew where the host was restarted.
    func begin(boot: String, now: Duration) throws(Database.Failure) {
        try inTransaction(statements.begin) { () throws(Database.Failure) in
            if try database.text("SELECT boot FROM store") == boot { return }
            try statements.setBoot.run([.text(boot)])
            try statements.restartLifetimes.run([.integer(now.storeMicroseconds)])
        }
    }

    /// Reads a key.
    func entry(_ key: String, _ now: Duration) throws(Database.Failure) -> StoreEntry? {
        var entry: StoreEntry?
        try statements.get.query([.text(key), .integer(now.storeMicroseconds)]) { row in
            entry = StoreEntry(key: key, value: row.bytes(0), revision: Int(row.integer(1)))
            return false
        }
        return entry
    }

    /// Reads a page.
    func page(_ prefix: String, after key: String, most: Int, _ now: Duration) throws(Database.Failure) -> StorePage {
        try inTransaction(statements.beginReading) { () throws(Database.Failure) in
            let revision = try state().revision
            var entries: [StoreEntry] = []
            var size = 0
            var hasMore = false
            let range: [Statement.Value] = [
                .text(prefix), .text(StoreLimits.end(ofPrefix: prefix)), .text(key), .integer(now.storeMicroseconds),
                .integer(Int64(most) + 1),
            ]
            try statements.list.query(range) { row in
                let value = row.bytes(1)
                hasMore = entries.count == most || (size + value.count > StoreLimits.pageBytes && !entries.isEmpty)
                if hasMore { return false }
                entries.append(StoreEntry(key: row.text(0), value: value, revision: Int(row.integer(2))))
                size += value.count
                return true
            }
            return StorePage(entries: entries, revision: revision, hasMore: hasMore)
        }
    }

    /// Carries out a transaction.
    func commit(_ transaction: StoreTransaction, _ now: Duration) throws(Database.Failure) -> Outcome {
        try inTransaction(statements.begin) { () throws(Database.Failure) in
            try deleteExpired(now)
            for (key, expected) in transaction.expected.sorted(by: { $0.key < $1.key }) {
                let found = try revision(of: key)
                if found != expected { return .conflict(key: key, expected: expected, found: found) }
            }
            let (last, first) = try state()
            let revision = last + 1
            var hasChanged = false
            for (key, change) in transaction.changes {
                switch change {
                case .put(let value, let lifetime):
                    try statements.put.run([
                        .text(key), .bytes(value), .integer(Int64(revision)), lifetime.map { .integer(Int64($0)) } ?? .null,
                        lifetime.map { .integer((now + .seconds($0)).storeMicroseconds) } ?? .null,
                    ])
                    try log(revision, key, isDeletion: false)
                    hasChanged = true
                case .delete: if try delete(key, revision) { hasChanged = true }
                }
            }
            if hasChanged { try settle(revision, first) }
            return .committed(hasChanged ? revision : last)
        }
    }

    /// Deletes the keys whose lifetime is over.
    func expire(_ now: Duration) throws(Database.Failure) {
        try inTransaction(statements.begin) { () throws(Database.Failure) in try deleteExpired(now) }
    }

    /// Whether there is a key whose lifetime is over.
    func hasExpired(_ now: Duration) throws(Database.Failure) -> Bool { try !expired(now, most: 1).isEmpty }

    /// A number that changes with each commit by another connection.
    func dataVersion() throws(Database.Failure) -> Int64 {
        var version: Int64 = 0
        try statements.dataVersion.query([]) { row in
            version = row.integer(0)
            return false
        }
        return version
    }

    /// Some changes behind a revision; and up to which revision changes are not known any more.
    func changes(
        of prefix: String, after position: Int
    ) throws(Database.Failure) -> (batch: ChangeBatch, firstRevision: Int) {
        try inTransaction(statements.beginReading) { () throws(Database.Failure) in
            let (newest, first) = try state()
            var batch = ChangeBatch(changes: [], revision: newest, newest: newest)
            let range: [Statement.Value] = [
                .integer(Int64(position)), .text(prefix), .text(StoreLimits.end(ofPrefix: prefix)),
            ]
            // All changes of a revision are told together.
            try statements.endOfBatch.query(range + [.integer(Int64(Self.batchSize))]) { row in
                batch.revision = Int(row.integer(0))
                return false
            }
            try statements.changes.query(range + [.integer(Int64(batch.revision))]) { row in
                let (revision, key) = (Int(row.integer(0)), row.text(1))
                if row.integer(2) != 0 {
                    batch.changes.append(.deletion(key: key, revision: revision))
                } else if !row.isNull(3) {
                    batch.changes.append(.put(StoreEntry(key: key, value: row.bytes(3), revision: revision)))
                }
                return true
            }
            return (batch, first)
        }
    }
}

extension StoreTables {
    private func inTransaction<Value>(
        _ begin: Statement, _ body: () throws(Database.Failure) -> Value
    ) throws(Database.Failure) -> Value {
        try begin.run([])
        do throws(Database.Failure) {
            let value = try body()
            try statements.end.run([])
            return value
        } catch {
            // SQLite has rolled back by itself after some errors; then this one says that there is nothing to roll back.
            _ = try? statements.rollback.run([])
            throw error
        }
    }

    private func state() throws(Database.Failure) -> (revision: Int, firstRevision: Int) {
        var state = (revision: 0, firstRevision: 0)
        try statements.state.query([]) { row in
            state = (Int(row.integer(0)), Int(row.integer(1)))
            return false
        }
        return state
    }

    private func revision(of key: String) throws(Database.Failure) -> Int {
        var revision = 0
        try statements.revision.query([.text(key)]) { row in
            revision = Int(row.integer(0))
            return false
        }
        return revision
    }

    private func expired(_ now: Duration, most: Int) throws(Database.Failure) -> [String] {
        var keys: [String] = []
        try statements.expired.query([.integer(now.storeMicroseconds), .integer(Int64(most))]) { row in
            keys.append(row.text(0))
            return true
        }
        return keys
    }

    private func deleteExpired(_ now: Duration) throws(Database.Failure) {
        let keys = try expired(now, most: -1)
        if keys.isEmpty { return }
        let (last, first) = try state()
        for key in keys { _ = try delete(key, last + 1) }
        try settle(last + 1, first)
    }

    private func delete(_ key: String, _ revision: Int) throws(Database.Failure) -> Bool {
        guard try statements.delete.run([.text(key)]) > 0 else { return false }
        try log(revision, key, isDeletion: true)
        return true
    }

    private func log(_ revision: Int, _ key: String, isDeletion: Bool) throws(Database.Failure) {
        try statements.log.run([.integer(Int64(revision)), .text(key), .integer(isDeletion ? 1 : 0)])
    }

    /// Writes the new revision, and forgets old changes now and then.
    private func settle(_ revision: Int, _ first: Int) throws(Database.Failure) {
        var first = first
        if revision % Self.pruneInterval == 0, revision - keptRevisions > first {
            first = revision - keptRevisions
            try statements.forget.run([.integer(Int64(first))])
        }
        try statements.setState.run([.integer(Int64(revision)), .integer(Int64(first))])
    }

    /// The statements, compiled once.
    private struct Statements {
        let begin, beginReading, end, rollback, state, setState, setBoot, restartLifetimes: Statement
        let get, list, revision, put, delete, expired, log, forget, endOfBatch, changes, dataVersion: Statement

        init(_ database: borrowing Database) throws(Database.Failure) {
            begin = try database.prepare("BEGIN IMMEDIATE")
            beginReading = try database.prepare("BEGIN")
            end = try database.prepare("COMMIT")
            rollback = try database.prepare("ROLLBACK")
            state = try database.prepare("SELECT revision, first_revision FROM store")
            setState = try database.prepare("UPDATE store SET revision = ?1, first_revision = ?2")
            setBoot = try database.prepare("UPDATE store SET boot = ?1")
            restartLifetimes = try database.prepare("UPDATE entry SET end = ?1 + lifetime * 1000000 WHERE end IS NOT NULL")
            get = try database.prepare("SELECT value, revision FROM entry WHERE key = ?1 AND (end IS NULL OR end > ?2)")
            list = try database.prepare(
                """
                SELECT key, value, revision FROM entry
                WHERE key >= ?1 AND key < ?2 AND key > ?3 AND (end IS NULL OR end > ?4) ORDER BY key LIMIT ?5
                """)
            revision = try database.prepare("SELECT revision FROM entry WHERE key = ?1")
            put = try database.prepare("INSERT OR REPLACE INTO entry (key, value, revision, lifetime, end) VALUES (?1, ?2, ?3, ?4, ?5)")
            delete = try database.prepare("DELETE FROM entry WHERE key = ?1")
            expired = try database.prepare("SELECT key FROM entry WHERE end <= ?1 ORDER BY end LIMIT ?2")
            log = try database.prepare("INSERT INTO change (revision, key, is_deletion) VALUES (?1, ?2, ?3)")
            forget = try database.prepare("DELETE FROM change WHERE revision <= ?1")
            endOfBatch = try database.prepare(
                """
                SELECT revision FROM change WHERE revision > ?1 AND key >= ?2 AND key < ?3 ORDER BY revision LIMIT 1 OFFSET ?4
                """)
            changes = try database.prepare(
                """
                SELECT change.revision, change.key, is_deletion, value FROM change
                LEFT JOIN entry ON entry.key = change.key AND entry.revision = change.revision
                WHERE change.revision > ?1 AND change.revision <= ?4 AND change.key >= ?2 AND change.key < ?3
                ORDER BY change.revision, change.key
                """)
            dataVersion = try database.prepare("PRAGMA data_version")
        }
    }
}

extension Duration {
    /// The duration in microseconds, as the file has it.
    fileprivate var storeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

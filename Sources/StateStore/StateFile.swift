import CSQLite
import Glibc
import SQLite

/// The state file: how it comes to be, and when it is trusted.
///
/// A new file is made beside its place and renamed when it is whole. So a file that is there and empty is damage, not a first start.
enum StateFile {
    /// "LBaS", which tells our files from other SQLite files.
    static let applicationID: Int64 = 0x4C42_6153
    /// The version of the tables below.
    static let version: Int64 = 8

    private static let schema = """
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        CREATE TABLE load_balancer (
            id TEXT NOT NULL UNIQUE, text BLOB NOT NULL, is_suspended INTEGER NOT NULL, created_at INTEGER NOT NULL,
            source TEXT NOT NULL DEFAULT 'jobs', revision INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE traffic (
            id TEXT NOT NULL PRIMARY KEY, reported_at INTEGER NOT NULL, unreported INTEGER NOT NULL DEFAULT 0,
            total INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
        \(tablesSinceVersion2)
        \(tablesSinceVersion3)
        \(tablesSinceVersion5)
        \(tablesSinceVersion6)
        \(tablesSinceVersion7)
        \(columnsSinceVersion8)
        CREATE TABLE deleted (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE);
        CREATE TABLE worker (
            is_empty_by_delete INTEGER NOT NULL, revision INTEGER NOT NULL DEFAULT 0, touched INTEGER NOT NULL DEFAULT 0);
        INSERT INTO worker (is_empty_by_delete) VALUES (0);
        """

    private static let tablesSinceVersion2 = """
        CREATE TABLE counter (
            id TEXT NOT NULL, run INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (id, run)) WITHOUT ROWID;
        CREATE TABLE drain (
            sequence INTEGER PRIMARY KEY, address TEXT, port INTEGER NOT NULL, transport TEXT NOT NULL, owner TEXT NOT NULL,
            host TEXT NOT NULL, host_port INTEGER NOT NULL, deadline INTEGER NOT NULL);
        CREATE TABLE node (
            id TEXT NOT NULL, node TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, is_up INTEGER NOT NULL,
            was_up INTEGER NOT NULL, against INTEGER NOT NULL, reason TEXT, since INTEGER NOT NULL, is_held INTEGER NOT NULL,
            share INTEGER NOT NULL, PRIMARY KEY (id, node)) WITHOUT ROWID;
        CREATE TABLE service (id TEXT NOT NULL PRIMARY KEY, has_quorum INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX drain_listener ON drain (port, address, transport);
        """

    private static let tablesSinceVersion3 = """
        CREATE TABLE journal (
            revision INTEGER PRIMARY KEY, time INTEGER NOT NULL, cause TEXT NOT NULL, origin TEXT NOT NULL, what TEXT NOT NULL,
            outcome TEXT NOT NULL);
        """

    /// The text is NULL where the virtual IP was removed.
    private static let tablesSinceVersion5 = """
        CREATE TABLE virtual_ip (
            address TEXT NOT NULL PRIMARY KEY, text TEXT, version INTEGER NOT NULL, host TEXT NOT NULL) WITHOUT ROWID;
        """

    /// The address is `*` for all.
    private static let tablesSinceVersion6 = """
        CREATE TABLE silenced_route (
            address TEXT NOT NULL PRIMARY KEY, time INTEGER NOT NULL, origin TEXT NOT NULL) WITHOUT ROWID;
        """

    private static let tablesSinceVersion7 = """
        CREATE TABLE front (
            name TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
        """

    private static let columnsSinceVersion8 = """
        ALTER TABLE traffic ADD COLUMN total_in INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE traffic ADD COLUMN total_connections INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE counter ADD COLUMN bytes_in INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE counter ADD COLUMN connections INTEGER NOT NULL DEFAULT 0;
        """

    /// From version 7, which counted bytes to clients alone.
    private static let stepToVersion8 = """
        BEGIN;
        \(columnsSinceVersion8)
        PRAGMA user_version = 8;
        COMMIT;
        """

    /// From version 6, which knew no fronts of fleets.
    private static let stepToVersion7 = """
        BEGIN;
        \(tablesSinceVersion7)
        PRAGMA user_version = 7;
        COMMIT;
        """

    /// From version 5, which knew no routes that are stopped.
    private static let stepToVersion6 = """
        BEGIN;
        \(tablesSinceVersion6)
        PRAGMA user_version = 6;
        COMMIT;
        """

    /// From version 4, which knew no virtual IPs.
    private static let stepToVersion5 = """
        BEGIN;
        \(tablesSinceVersion5)
        PRAGMA user_version = 5;
        COMMIT;
        """

    /// From version 3, which did not know which change had made a load balancer as it is.
    private static let stepToVersion4 = """
        BEGIN;
        ALTER TABLE load_balancer ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        PRAGMA user_version = 4;
        COMMIT;
        """

    /// From version 2, which knew no journal, no revision, no totals, and two sources of load balancers.
    private static let stepToVersion3 = """
        BEGIN;
        \(tablesSinceVersion3)
        ALTER TABLE worker ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE worker ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE traffic ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE load_balancer ADD COLUMN source TEXT NOT NULL DEFAULT 'jobs';
        UPDATE load_balancer SET source = 'file' WHERE is_configured <> 0;
        ALTER TABLE load_balancer DROP COLUMN is_configured;
        PRAGMA user_version = 3;
        COMMIT;
        """

    /// From version 1, which knew one counter of each load balancer, and no drains.
    private static let stepToVersion2 = """
        BEGIN;
        \(tablesSinceVersion2)
        INSERT INTO counter SELECT id, run, bytes FROM traffic;
        ALTER TABLE traffic DROP COLUMN bytes;
        ALTER TABLE traffic DROP COLUMN run;
        ALTER TABLE traffic ADD COLUMN unreported INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE load_balancer ADD COLUMN is_configured INTEGER NOT NULL DEFAULT 0;
        PRAGMA user_version = 2;
        COMMIT;
        """

    /// Makes folder and file where they are missing; returns the file's path.
    static func prepare(folder: String) throws(StateStoreError) -> String {
        if unsafe mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw StateStoreError(
                .inaccessible,
                "cannot make the state folder \(folder): \(reason()); make it by hand, for the user of the worker, or name another with --state-dir"
            )
        }
        try checkMode(of: folder)
        let path = folder + "/state.sqlite"
        if exists(path) {
            // An earlier version let the group read it.
            for file in [path, path + "-wal"] { unsafe chmod(file, 0o600) }
            return path
        }
        if exists(path + "-wal") {
            throw StateStoreError(
                .damaged,
                "\(path) is missing, but its log \(path)-wal is there: part of the state was removed. Restore the file from a backup, or move the log away to start with no load balancers"
            )
        }
        try create(path)
        return path
    }

    /// Refuses a folder that every user may write to: they could put a state of their own in place.
    private static func checkMode(of folder: String) throws(StateStoreError) {
        guard let mode = FolderAccess.modeOpenToAll(folder) else { return }
        throw StateStoreError(
            .inaccessible,
            "the state folder \(folder) can be written by every user (mode \(mode)); "
                + "take that away with chmod 0700, or name another with --state-dir")
    }

    private static func create(_ path: String) throws(StateStoreError) {
        let new = path + ".new"
        unsafe unlink(new)
        try telling(new) { () throws(Database.Failure) in
            // A change writes whole pages, and what it changes is mostly no longer than these.
            try Database(path: new, create: true).execute("PRAGMA page_size = 1024; BEGIN; \(schema) COMMIT;")
        }
        // What it holds is for the worker alone, and so is its log, which SQLite makes with the same mode.
        unsafe chmod(new, 0o600)
        guard unsafe rename(new, path) == 0 else {
            throw StateStoreError(.inaccessible, "cannot rename \(new) to \(path): \(reason())")
        }
    }

    /// Opens the file for this process alone.
    ///
    /// - Throws: where it is refused; then it is left byte for byte as it was.
    static func open(_ path: String) throws(StateStoreError) -> Database {
        let database = try telling(path) { () throws(Database.Failure) in
            let hasLog = exists(path + "-wal")
            let database = try Database(path: path, create: false)
            database.keepLogOnClose(hasLog)
            // Exclusive before the log is looked at: then SQLite keeps its index of the log in our memory, not in a shared file.
            try database.execute("PRAGMA locking_mode = EXCLUSIVE")
            return database
        }
        let found = try check(database, path: path)
        try telling(path) { () throws(Database.Failure) in
            try database.execute(
                """
                PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
                BEGIN EXCLUSIVE; COMMIT;
                """)
            if found < 2 { try database.execute(stepToVersion2) }
            if found < 3 { try database.execute(stepToVersion3) }
            if found < 4 { try database.execute(stepToVersion4) }
            if found < 5 { try database.execute(stepToVersion5) }
            if found < 6 { try database.execute(stepToVersion6) }
            if found < 7 { try database.execute(stepToVersion7) }
            if found < 8 { try database.execute(stepToVersion8) }
        }
        database.keepLogOnClose(false)
        return database
    }

    /// Refuses a file that is not ours, is damaged, or is from a newer version, whose tables nobody here knows.
    ///
    /// - Returns: the version of its tables.
    private static func check(_ database: borrowing Database, path: String) throws(StateStoreError) -> Int64 {
        let foundVersion = try telling(path) { () throws(Database.Failure) in
            guard try database.integer("PRAGMA application_id") == applicationID else {
                throw Database.Failure(code: SQLITE_NOTADB, message: "it is not a state file of lbaas-worker")
            }
            // Not quick_check, which does not compare a table with its index.
            let verdict = try database.text("PRAGMA integrity_check(1)")
            guard verdict == "ok" else { throw Database.Failure(code: SQLITE_CORRUPT, message: verdict) }
            return try database.integer("PRAGMA user_version")
        }
        guard foundVersion <= version else {
            throw StateStoreError(
                .newer,
                "\(path): the state has version \(foundVersion), and this lbaas-worker knows versions up to \(version): run the newer lbaas-worker, or restore a backup from before the upgrade"
            )
        }
        return foundVersion
    }

    /// Does something with a file, and puts its failure in words.
    static func telling<Result: ~Copyable>(
        _ path: String, _ body: () throws(Database.Failure) -> Result
    ) throws(StateStoreError) -> Result {
        do {
            return try body()
        } catch {
            throw self.error(error, path: path)
        }
    }

    /// The failure as a sentence.
    private static func error(_ failure: Database.Failure, path: String) -> StateStoreError {
        let what = "\(path): \(failure.message.split(separator: "\n").joined(separator: " "))"
        switch failure.code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return StateStoreError(
                .inUse, "\(what): another process has the state open; is another worker running? Give each a --state-dir of its own")
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR:
            return StateStoreError(
                .damaged,
                "\(what): the state cannot be trusted. Restore the file from a backup, or move it and \(path)-wal away to start with no load balancers"
            )
        case SQLITE_FULL, SQLITE_IOERR:
            return StateStoreError(.inaccessible, "\(what): the state could not be written; look at the disk's free space and health")
        default:
            let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            let hint = FolderAccess.hindrance(to: folder) ?? "look at the owner and the mode of the file and its folder"
            return StateStoreError(.inaccessible, "\(what): \(hint)")
        }
    }

    private static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}

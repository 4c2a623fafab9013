import CSQLite

/// What must survive: the committed load balancers and what METRICS has reported, in an SQLite file.
///
/// One user at a time. A commit is durable when it returns: write-ahead log, synchronized at each commit.
public final class StateStore {
    private let path: String
    private let database: Database
    private let putLoadBalancer: Statement
    private let deleteLoadBalancer: Statement
    private let deleteTraffic: Statement
    private let putDeleted: Statement
    private let forgetDeleted: Statement
    private let putTraffic: Statement
    private let putFlag: Statement
    private let begin: Statement
    private let end: Statement

    /// Opens the state in a folder; makes folder and file where there is neither.
    ///
    /// - Parameter folder: for this worker alone. Its parent must exist.
    /// - Throws: where the file cannot be opened, is in use, damaged, or from a newer version. It is left as it is then.
    public init(folder: String) throws(StateStoreError) {
        path = try StateFile.prepare(folder: folder)
        do throws(Database.Failure) {
            database = try StateFile.open(path)
        } catch {
            throw StateFile.error(error, path: path)
        }
        try StateFile.check(database, path: path)
        do throws(Database.Failure) {
            putLoadBalancer = try database.prepare(
                """
                INSERT INTO load_balancer (id, text, is_suspended, created_at) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (id) DO UPDATE SET text = ?2, is_suspended = ?3, created_at = ?4
                """)
            deleteLoadBalancer = try database.prepare("DELETE FROM load_balancer WHERE id = ?1")
            deleteTraffic = try database.prepare("DELETE FROM traffic WHERE id = ?1")
            putDeleted = try database.prepare("INSERT OR REPLACE INTO deleted (id) VALUES (?1)")
            forgetDeleted = try database.prepare("DELETE FROM deleted WHERE id = ?1")
            putTraffic = try database.prepare("INSERT OR REPLACE INTO traffic (id, bytes, run, reported_at) VALUES (?1, ?2, ?3, ?4)")
            putFlag = try database.prepare("UPDATE worker SET is_empty_by_delete = ?1")
            begin = try database.prepare("BEGIN IMMEDIATE")
            end = try database.prepare("COMMIT")
        } catch {
            throw StateFile.error(error, path: path)
        }
    }

    /// Reads all that is kept.
    ///
    /// - Throws: where the file cannot be read.
    public func load() throws(StateStoreError) -> StoredState {
        do throws(Database.Failure) {
            var state = StoredState()
            let loadBalancers = try database.prepare("SELECT id, text, is_suspended, created_at FROM load_balancer ORDER BY id")
            while try loadBalancers.step() {
                state.loadBalancers.append(
                    StoredLoadBalancerRow(
                        id: loadBalancers.text(0), text: loadBalancers.bytes(1), isSuspended: loadBalancers.integer(2) != 0,
                        createdAt: loadBalancers.integer(3)))
            }
            let traffic = try database.prepare("SELECT id, bytes, run, reported_at FROM traffic ORDER BY id")
            while try traffic.step() {
                state.traffic.append(
                    StoredTraffic(
                        id: traffic.text(0), bytes: UInt64(bitPattern: traffic.integer(1)), run: UInt64(bitPattern: traffic.integer(2)),
                        reportedAt: traffic.integer(3)))
            }
            let deleted = try database.prepare("SELECT id FROM deleted ORDER BY sequence")
            while try deleted.step() { state.deleted.append(deleted.text(0)) }
            state.isEmptyByDelete = try database.integer("SELECT is_empty_by_delete FROM worker") != 0
            return state
        } catch {
            throw StateFile.error(error, path: path)
        }
    }

    /// Carries out all of the writes or none.
    ///
    /// - Throws: where they could not be made durable; then none was carried out.
    public func commit(_ writes: [StateWrite]) throws(StateStoreError) {
        if writes.isEmpty { return }
        do throws(Database.Failure) {
            try begin.run()
            do throws(Database.Failure) {
                for write in writes { try carryOut(write) }
                try end.run()
            } catch {
                // SQLite has rolled back by itself after some errors; then this one says that there is nothing to roll back.
                try? database.execute("ROLLBACK")
                throw error
            }
        } catch {
            throw StateFile.error(error, path: path)
        }
    }

    private func carryOut(_ write: StateWrite) throws(Database.Failure) {
        switch write {
        case .put(let row):
            try putLoadBalancer.run(
                .text(row.id), .bytes(row.text), .integer(row.isSuspended ? 1 : 0), .integer(row.createdAt))
        case .delete(let id):
            try deleteLoadBalancer.run(.text(id))
            try deleteTraffic.run(.text(id))
            try putDeleted.run(.text(id))
        case .forgetDeleted(let id):
            try forgetDeleted.run(.text(id))
        case .traffic(let traffic):
            try putTraffic.run(
                .text(traffic.id), .integer(Int64(bitPattern: traffic.bytes)), .integer(Int64(bitPattern: traffic.run)),
                .integer(traffic.reportedAt))
        case .isEmptyByDelete(let isEmpty):
            try putFlag.run(.integer(isEmpty ? 1 : 0))
        }
    }
}

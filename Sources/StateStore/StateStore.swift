/// What must survive: the committed load balancers and what METRICS has reported, in an SQLite file.
///
/// One user at a time. A commit is durable when it returns: write-ahead log, synchronized at each commit.
public final class StateStore {
    private let path: String
    private let database: Database
    private let statements: Statements

    /// Opens the state in a folder; makes folder and file where there is neither.
    ///
    /// - Parameter folder: for this worker alone. Its parent must exist.
    /// - Throws: where the file cannot be opened, is in use, damaged, or from a newer version. It is left as it is then.
    public init(folder: String) throws(StateStoreError) {
        let path = try StateFile.prepare(folder: folder)
        let database = try StateFile.open(path)
        statements = try StateFile.telling(path) { () throws(Database.Failure) in try Statements(database) }
        self.path = path
        self.database = database
    }

    /// Reads all that is kept.
    ///
    /// - Throws: where the file cannot be read.
    public func load() throws(StateStoreError) -> StoredState {
        try StateFile.telling(path) { () throws(Database.Failure) in
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
        }
    }

    /// Carries out all of the writes or none.
    ///
    /// - Throws: where they could not be made durable; then none was carried out.
    public func commit(_ writes: [StateWrite]) throws(StateStoreError) {
        if writes.isEmpty { return }
        try StateFile.telling(path) { () throws(Database.Failure) in
            try statements.begin.run()
            do throws(Database.Failure) {
                for write in writes { try statements.carryOut(write) }
                try statements.end.run()
            } catch {
                // SQLite has rolled back by itself after some errors; then this one says that there is nothing to roll back.
                try? statements.rollback.run()
                throw error
            }
        }
    }
}

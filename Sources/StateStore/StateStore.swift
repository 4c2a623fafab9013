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
            let loadBalancers = try database.prepare(
                "SELECT id, text, is_suspended, created_at, is_configured FROM load_balancer ORDER BY id")
            while try loadBalancers.step() {
                state.loadBalancers.append(
                    StoredLoadBalancerRow(
                        id: loadBalancers.text(0), text: loadBalancers.bytes(1), isSuspended: loadBalancers.integer(2) != 0,
                        createdAt: loadBalancers.integer(3), isConfigured: loadBalancers.integer(4) != 0))
            }
            state.traffic = try traffic()
            state.drains = try drains()
            state.nodes = try nodes()
            let quorums = try database.prepare("SELECT id, has_quorum FROM service")
            while try quorums.step() { state.quorums[quorums.text(0)] = quorums.integer(1) != 0 }
            let deleted = try database.prepare("SELECT id FROM deleted ORDER BY sequence")
            while try deleted.step() { state.deleted.append(deleted.text(0)) }
            state.isEmptyByDelete = try database.integer("SELECT is_empty_by_delete FROM worker") != 0
            return state
        }
    }

    private func traffic() throws(Database.Failure) -> [StoredTraffic] {
        var readings: [String: [StoredTraffic.Reading]] = [:]
        let counters = try database.prepare("SELECT id, run, bytes FROM counter ORDER BY id, run")
        while try counters.step() {
            readings[counters.text(0), default: []].append(
                StoredTraffic.Reading(run: UInt64(bitPattern: counters.integer(1)), bytes: UInt64(bitPattern: counters.integer(2))))
        }
        var traffic: [StoredTraffic] = []
        let rows = try database.prepare("SELECT id, unreported, reported_at FROM traffic ORDER BY id")
        while try rows.step() {
            let id = rows.text(0)
            traffic.append(
                StoredTraffic(
                    id: id, unreported: UInt64(bitPattern: rows.integer(1)), readings: readings[id] ?? [], reportedAt: rows.integer(2)))
        }
        return traffic
    }

    private func nodes() throws(Database.Failure) -> [StoredNodeHealth] {
        var nodes: [StoredNodeHealth] = []
        let rows = try database.prepare(
            "SELECT id, node, host, port, is_up, was_up, against, reason, since, is_held, share FROM node ORDER BY id, node")
        while try rows.step() {
            nodes.append(
                StoredNodeHealth(
                    id: rows.text(0), node: rows.text(1), host: rows.text(2), port: UInt16(truncatingIfNeeded: rows.integer(3)),
                    isUp: rows.integer(4) != 0, wasUp: rows.integer(5) != 0, against: UInt32(truncatingIfNeeded: rows.integer(6)),
                    reason: rows.isNull(7) ? nil : rows.text(7), since: rows.integer(8), isHeld: rows.integer(9) != 0,
                    share: UInt16(truncatingIfNeeded: rows.integer(10))))
        }
        return nodes
    }

    private func drains() throws(Database.Failure) -> [StoredDrains] {
        var drains: [StoredDrains] = []
        let rows = try database.prepare(
            "SELECT address, port, transport, owner, host, host_port, deadline FROM drain ORDER BY address, port, transport, sequence")
        while try rows.step() {
            let drain = StoredDrains.Drain(
                host: rows.text(4), port: UInt16(truncatingIfNeeded: rows.integer(5)), deadline: rows.integer(6))
            var next = StoredDrains(
                address: rows.isNull(0) ? nil : rows.text(0), port: UInt16(truncatingIfNeeded: rows.integer(1)), transport: rows.text(2),
                owner: rows.text(3), drains: [])
            if let last = drains.last, last.isSameListener(as: next) { next = drains.removeLast() }
            next.drains.append(drain)
            drains.append(next)
        }
        return drains
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

extension StoredDrains {
    fileprivate func isSameListener(as other: StoredDrains) -> Bool {
        address == other.address && port == other.port && transport == other.transport
    }
}

public import LBaaS
import SQLite

/// Where the state is made durable.
public protocol DurableStore {
    /// Reads all that is kept, but for the journal.
    ///
    /// - Throws: where it cannot be read.
    func load() throws(StateStoreError) -> StoredState

    /// Carries out all of the writes or none. They are durable when it returns.
    ///
    /// - Throws: where they could not be made durable; then none was carried out.
    func commit(_ writes: [StateWrite]) throws(StateStoreError)

    /// Entries of the journal, the oldest first.
    ///
    /// - Parameters:
    ///   - revision: only those behind this one.
    ///   - limit: at most so many.
    func journal(after revision: UInt64, limit: Int) throws(StateStoreError) -> [JournalEntry]
}

/// What must survive: the committed load balancers and what METRICS has reported, in an SQLite file.
///
/// One user at a time. A commit is durable when it returns: write-ahead log, synchronized at each commit.
public final class StateStore: DurableStore {
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
                "SELECT id, text, is_suspended, created_at, source, revision FROM load_balancer ORDER BY id")
            while try loadBalancers.step() {
                state.loadBalancers.append(
                    StoredLoadBalancerRow(
                        id: loadBalancers.text(0), text: loadBalancers.bytes(1), isSuspended: loadBalancers.integer(2) != 0,
                        createdAt: loadBalancers.integer(3), source: loadBalancers.text(4),
                        revision: UInt64(bitPattern: loadBalancers.integer(5))))
            }
            state.traffic = try traffic()
            state.drains = try drains()
            state.nodes = try nodes()
            let quorums = try database.prepare("SELECT id, has_quorum FROM service")
            while try quorums.step() { state.quorums[quorums.text(0)] = quorums.integer(1) != 0 }
            state.virtualIPs = try virtualIPs()
            let silenced = try database.prepare("SELECT address, time, origin FROM silenced_route ORDER BY address")
            while try silenced.step() {
                state.silencedRoutes.append(
                    StoredSilencedRoute(address: silenced.text(0), time: silenced.integer(1), origin: silenced.text(2)))
            }
            let fronts = try database.prepare("SELECT name, number, revision FROM front")
            var known: [String: FrontTable.Front] = [:]
            while try fronts.step() {
                known[fronts.text(0)] = FrontTable.Front(
                    number: UInt64(bitPattern: fronts.integer(1)), revision: UInt64(bitPattern: fronts.integer(2)))
            }
            state.fronts = FrontTable(known)
            let deleted = try database.prepare("SELECT id FROM deleted ORDER BY sequence")
            while try deleted.step() { state.deleted.append(deleted.text(0)) }
            state.isEmptyByDelete = try database.integer("SELECT is_empty_by_delete FROM worker") != 0
            let revisions = "SELECT max(revision, (SELECT ifnull(max(revision), 0) FROM journal)) FROM worker"
            state.revision = UInt64(bitPattern: try database.integer(revisions))
            return state
        }
    }

    /// Overwrites what a transaction may have left in the log that could not be synchronized: all of its frames may be there, and who reads
    /// the log after a crash would take it for committed. The next transaction begins where that one did; this one changes nothing.
    private func overwriteLog() {
        do throws(Database.Failure) {
            try statements.begin.run()
            try statements.touch.run()
            try statements.end.run()
        } catch {
            try? statements.rollback.run()
        }
    }

    private func traffic() throws(Database.Failure) -> [StoredTraffic] {
        var readings: [String: [StoredTraffic.Reading]] = [:]
        let counters = try database.prepare("SELECT id, run, bytes, bytes_in, connections FROM counter ORDER BY id, run")
        while try counters.step() {
            readings[counters.text(0), default: []].append(
                StoredTraffic.Reading(
                    run: UInt64(bitPattern: counters.integer(1)), bytes: UInt64(bitPattern: counters.integer(2)),
                    bytesIn: UInt64(bitPattern: counters.integer(3)), connections: UInt64(bitPattern: counters.integer(4))))
        }
        var traffic: [StoredTraffic] = []
        let rows = try database.prepare(
            "SELECT id, unreported, reported_at, total, total_in, total_connections FROM traffic ORDER BY id")
        while try rows.step() {
            let id = rows.text(0)
            traffic.append(
                StoredTraffic(
                    id: id, unreported: UInt64(bitPattern: rows.integer(1)), total: UInt64(bitPattern: rows.integer(3)),
                    totalIn: UInt64(bitPattern: rows.integer(4)), totalConnections: UInt64(bitPattern: rows.integer(5)),
                    readings: readings[id] ?? [], reportedAt: rows.integer(2)))
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

    private func virtualIPs() throws(Database.Failure) -> [StoredVirtualIPRow] {
        var virtualIPs: [StoredVirtualIPRow] = []
        let rows = try database.prepare("SELECT address, text, version, host FROM virtual_ip ORDER BY address")
        while try rows.step() {
            virtualIPs.append(
                StoredVirtualIPRow(
                    address: rows.text(0), text: rows.isNull(1) ? nil : rows.text(1), version: rows.integer(2), host: rows.text(3)))
        }
        return virtualIPs
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

    /// Entries of the journal.
    public func journal(after revision: UInt64, limit: Int) throws(StateStoreError) -> [JournalEntry] {
        try StateFile.telling(path) { () throws(Database.Failure) in
            let rows = try database.prepare(
                """
                SELECT revision, time, cause, origin, what, outcome FROM journal
                WHERE revision > \(revision.clampedToInt64) ORDER BY revision LIMIT \(max(0, limit))
                """)
            var entries: [JournalEntry] = []
            while try rows.step() {
                entries.append(
                    JournalEntry(
                        revision: UInt64(bitPattern: rows.integer(0)), time: Timestamp(microseconds: rows.integer(1)), cause: rows.text(2),
                        origin: rows.text(3), what: rows.text(4), outcome: rows.text(5)))
            }
            return entries
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
                overwriteLog()
                throw error
            }
        }
    }
}

extension UInt64 {
    fileprivate var clampedToInt64: Int64 { Int64(clamping: self) }
}

extension StoredDrains {
    fileprivate func isSameListener(as other: StoredDrains) -> Bool {
        address == other.address && port == other.port && transport == other.transport
    }
}

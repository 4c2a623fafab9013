import LBaaS
import SQLite

/// The statements of a commit, compiled once.
struct Statements {
    let begin: Statement
    let end: Statement
    let rollback: Statement
    /// Changes nothing that anybody reads, and writes a page of the log: SQLite writes none where nothing changes.
    let touch: Statement
    private let updateLoadBalancer: Statement
    private let insertLoadBalancer: Statement
    private let deleteLoadBalancer: Statement
    private let deleteTraffic: Statement
    private let putDeleted: Statement
    private let forgetDeleted: Statement
    private let putTraffic: Statement
    private let deleteCounters: Statement
    private let putCounter: Statement
    private let deleteDrains: Statement
    private let putDrain: Statement
    private let putNode: Statement
    private let deleteNode: Statement
    private let putQuorum: Statement
    private let deleteQuorum: Statement
    private let deleteNodes: Statement
    private let putVirtualIP: Statement
    private let deleteSilencedRoutes: Statement
    private let putSilencedRoute: Statement
    private let putFront: Statement
    private let deleteFront: Statement
    private let putFlag: Statement
    private let putRevision: Statement
    private let putJournal: Statement
    private let putJournalEntries: Statement
    private let forgetExcessEntries: Statement
    private let forgetOldEntries: Statement

    /// How many entries the journal keeps.
    static let mostEntries = 10_000
    /// How long the journal keeps an entry, in microseconds: 30 days.
    static let longestKept: Int64 = 30 * 86_400 * 1_000_000
    /// How many entries one statement puts where there are so many: most of what a statement costs does not depend on its rows.
    private static let entriesTogether = 16
    /// How often the journal is pruned: at each revision that is a multiple of this.
    static let pruneInterval: UInt64 = 256

    init(_ database: borrowing Database) throws(Database.Failure) {
        begin = try database.prepare("BEGIN IMMEDIATE")
        end = try database.prepare("COMMIT")
        rollback = try database.prepare("ROLLBACK")
        touch = try database.prepare("UPDATE worker SET touched = touched + 1")
        updateLoadBalancer = try database.prepare(
            "UPDATE load_balancer SET text = ?2, is_suspended = ?3, created_at = ?4, source = ?5, revision = ?6 WHERE id = ?1")
        insertLoadBalancer = try database.prepare(
            "INSERT INTO load_balancer (id, text, is_suspended, created_at, source, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        deleteLoadBalancer = try database.prepare("DELETE FROM load_balancer WHERE id = ?1")
        deleteTraffic = try database.prepare("DELETE FROM traffic WHERE id = ?1")
        putDeleted = try database.prepare("INSERT OR REPLACE INTO deleted (id) VALUES (?1)")
        forgetDeleted = try database.prepare("DELETE FROM deleted WHERE id = ?1")
        putTraffic = try database.prepare(
            """
            INSERT OR REPLACE INTO traffic (id, unreported, reported_at, total, total_in, total_connections)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """)
        deleteCounters = try database.prepare("DELETE FROM counter WHERE id = ?1")
        putCounter = try database.prepare("INSERT INTO counter (id, run, bytes, bytes_in, connections) VALUES (?1, ?2, ?3, ?4, ?5)")
        deleteDrains = try database.prepare("DELETE FROM drain WHERE address IS ?1 AND port = ?2 AND transport = ?3")
        putDrain = try database.prepare(
            "INSERT INTO drain (address, port, transport, owner, host, host_port, deadline) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        putNode = try database.prepare(
            """
            INSERT OR REPLACE INTO node (id, node, host, port, is_up, was_up, against, reason, since, is_held, share)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            """)
        deleteNode = try database.prepare("DELETE FROM node WHERE id = ?1 AND node = ?2")
        putQuorum = try database.prepare("INSERT OR REPLACE INTO service (id, has_quorum) VALUES (?1, ?2)")
        deleteQuorum = try database.prepare("DELETE FROM service WHERE id = ?1")
        deleteNodes = try database.prepare("DELETE FROM node WHERE id = ?1")
        putVirtualIP = try database.prepare("INSERT OR REPLACE INTO virtual_ip (address, text, version, host) VALUES (?1, ?2, ?3, ?4)")
        deleteSilencedRoutes = try database.prepare("DELETE FROM silenced_route")
        putSilencedRoute = try database.prepare("INSERT OR REPLACE INTO silenced_route (address, time, origin) VALUES (?1, ?2, ?3)")
        putFront = try database.prepare("INSERT OR REPLACE INTO front (name, number, revision) VALUES (?1, ?2, ?3)")
        deleteFront = try database.prepare("DELETE FROM front WHERE name = ?1")
        putFlag = try database.prepare("UPDATE worker SET is_empty_by_delete = ?1")
        putRevision = try database.prepare("UPDATE worker SET revision = ?1")
        let putJournal = "INSERT INTO journal (revision, time, cause, origin, what, outcome) VALUES (?, ?, ?, ?, ?, ?)"
        self.putJournal = try database.prepare(putJournal)
        putJournalEntries = try database.prepare(
            putJournal + String(repeating: ", (?, ?, ?, ?, ?, ?)", count: Self.entriesTogether - 1))
        // Neither looks at more entries than it takes out: SQLite counts pages, and of the old ones the first that is kept ends the search.
        // So one that the clock has dated too late keeps those behind it, until there are too many.
        forgetExcessEntries = try database.prepare(
            """
            DELETE FROM journal WHERE revision IN (
                SELECT revision FROM journal ORDER BY revision LIMIT max(0, (SELECT count(*) FROM journal) - \(Self.mostEntries)))
            """)
        forgetOldEntries = try database.prepare(
            "DELETE FROM journal WHERE revision < (SELECT revision FROM journal WHERE time >= ?1 ORDER BY revision LIMIT 1)")
    }

    /// Carries out one write, inside a transaction.
    func carryOut(_ write: StateWrite) throws(Database.Failure) {
        switch write {
        case .put(let row):
            let values: [Statement.Value] = [
                .text(row.id), .bytes(row.text), .integer(row.isSuspended ? 1 : 0), .integer(row.createdAt), .text(row.source),
                .integer(Int64(bitPattern: row.revision)),
            ]
            // Most are there already, and an "upsert" looks the row up once more.
            if try updateLoadBalancer.run(values) == 0 { try insertLoadBalancer.run(values) }
        case .delete(let id):
            try deleteLoadBalancer.run(.text(id))
            try deleteTraffic.run(.text(id))
            try deleteCounters.run(.text(id))
            try putDeleted.run(.text(id))
        case .forgetDeleted(let id):
            try forgetDeleted.run(.text(id))
        case .traffic(let traffic):
            try putTraffic.run(
                .text(traffic.id), .integer(Int64(bitPattern: traffic.unreported)), .integer(traffic.reportedAt),
                .integer(Int64(bitPattern: traffic.total)), .integer(Int64(bitPattern: traffic.totalIn)),
                .integer(Int64(bitPattern: traffic.totalConnections)))
            try deleteCounters.run(.text(traffic.id))
            for reading in traffic.readings {
                try putCounter.run(
                    .text(traffic.id), .integer(Int64(bitPattern: reading.run)), .integer(Int64(bitPattern: reading.bytes)),
                    .integer(Int64(bitPattern: reading.bytesIn)), .integer(Int64(bitPattern: reading.connections)))
            }
        case .drains(let drains):
            let listener: (Statement.Value, Statement.Value, Statement.Value) = (
                drains.address.map { .text($0) } ?? .null, .integer(Int64(drains.port)), .text(drains.transport)
            )
            try deleteDrains.run(listener.0, listener.1, listener.2)
            for drain in drains.drains {
                try putDrain.run(
                    listener.0, listener.1, listener.2, .text(drains.owner), .text(drain.host), .integer(Int64(drain.port)),
                    .integer(drain.deadline))
            }
        case .node(let node):
            try putNode.run(
                .text(node.id), .text(node.node), .text(node.host), .integer(Int64(node.port)), .integer(node.isUp ? 1 : 0),
                .integer(node.wasUp ? 1 : 0), .integer(Int64(node.against)), node.reason.map { .text($0) } ?? .null,
                .integer(node.since), .integer(node.isHeld ? 1 : 0), .integer(Int64(node.share)))
        case .forgetNode(let id, let node):
            try deleteNode.run(.text(id), .text(node))
        case .quorum(let id, let hasQuorum):
            try putQuorum.run(.text(id), .integer(hasQuorum ? 1 : 0))
        case .forgetHealth(let id):
            try deleteQuorum.run(.text(id))
            try deleteNodes.run(.text(id))
        case .virtualIP(let row):
            try putVirtualIP.run(.text(row.address), row.text.map { .text($0) } ?? .null, .integer(row.version), .text(row.host))
        case .silencedRoutes(let rows):
            try deleteSilencedRoutes.run()
            for row in rows { try putSilencedRoute.run(.text(row.address), .integer(row.time), .text(row.origin)) }
        case .front(let name, let front?):
            try putFront.run(
                .text(name), .integer(Int64(bitPattern: front.number)), .integer(Int64(bitPattern: front.revision)))
        case .front(let name, nil):
            try deleteFront.run(.text(name))
        case .isEmptyByDelete(let isEmpty):
            try putFlag.run(.integer(isEmpty ? 1 : 0))
        case .revision(let revision):
            try putRevision.run(.integer(Int64(bitPattern: revision)))
        case .journal(let entries):
            try put(entries)
        }
    }

    private func put(_ entries: [JournalEntry]) throws(Database.Failure) {
        var rest = entries[...]
        while !rest.isEmpty {
            let together = rest.prefix(rest.count < Self.entriesTogether ? 1 : Self.entriesTogether)
            rest = rest.dropFirst(together.count)
            var values: [Statement.Value] = []
            values.reserveCapacity(together.count * 6)
            for entry in together {
                values.append(.integer(Int64(bitPattern: entry.revision)))
                values.append(.integer(entry.time.microseconds))
                values.append(.text(entry.cause))
                values.append(.text(entry.origin))
                values.append(.text(entry.what))
                values.append(.text(entry.outcome))
            }
            try (together.count == 1 ? putJournal : putJournalEntries).run(values)
        }
        guard let last = entries.last(where: { $0.revision % Self.pruneInterval == 0 }) else { return }
        try forgetExcessEntries.run()
        try forgetOldEntries.run(.integer(last.time.microseconds - Self.longestKept))
    }
}

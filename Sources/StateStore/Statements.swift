/// The statements of a commit, compiled once.
struct Statements {
    let begin: Statement
    let end: Statement
    let rollback: Statement
    private let putLoadBalancer: Statement
    private let deleteLoadBalancer: Statement
    private let deleteTraffic: Statement
    private let putDeleted: Statement
    private let forgetDeleted: Statement
    private let putTraffic: Statement
    private let deleteCounters: Statement
    private let putCounter: Statement
    private let deleteDrains: Statement
    private let putDrain: Statement
    private let putFlag: Statement

    init(_ database: borrowing Database) throws(Database.Failure) {
        begin = try database.prepare("BEGIN IMMEDIATE")
        end = try database.prepare("COMMIT")
        rollback = try database.prepare("ROLLBACK")
        putLoadBalancer = try database.prepare(
            """
            INSERT INTO load_balancer (id, text, is_suspended, created_at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (id) DO UPDATE SET text = ?2, is_suspended = ?3, created_at = ?4
            """)
        deleteLoadBalancer = try database.prepare("DELETE FROM load_balancer WHERE id = ?1")
        deleteTraffic = try database.prepare("DELETE FROM traffic WHERE id = ?1")
        putDeleted = try database.prepare("INSERT OR REPLACE INTO deleted (id) VALUES (?1)")
        forgetDeleted = try database.prepare("DELETE FROM deleted WHERE id = ?1")
        putTraffic = try database.prepare("INSERT OR REPLACE INTO traffic (id, unreported, reported_at) VALUES (?1, ?2, ?3)")
        deleteCounters = try database.prepare("DELETE FROM counter WHERE id = ?1")
        putCounter = try database.prepare("INSERT INTO counter (id, run, bytes) VALUES (?1, ?2, ?3)")
        deleteDrains = try database.prepare("DELETE FROM drain WHERE address IS ?1 AND port = ?2 AND transport = ?3")
        putDrain = try database.prepare(
            "INSERT INTO drain (address, port, transport, owner, host, host_port, deadline) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        putFlag = try database.prepare("UPDATE worker SET is_empty_by_delete = ?1")
    }

    /// Carries out one write, inside a transaction.
    func carryOut(_ write: StateWrite) throws(Database.Failure) {
        switch write {
        case .put(let row):
            try putLoadBalancer.run(
                .text(row.id), .bytes(row.text), .integer(row.isSuspended ? 1 : 0), .integer(row.createdAt))
        case .delete(let id):
            try deleteLoadBalancer.run(.text(id))
            try deleteTraffic.run(.text(id))
            try deleteCounters.run(.text(id))
            try putDeleted.run(.text(id))
        case .forgetDeleted(let id):
            try forgetDeleted.run(.text(id))
        case .traffic(let traffic):
            try putTraffic.run(.text(traffic.id), .integer(Int64(bitPattern: traffic.unreported)), .integer(traffic.reportedAt))
            try deleteCounters.run(.text(traffic.id))
            for reading in traffic.readings {
                try putCounter.run(
                    .text(traffic.id), .integer(Int64(bitPattern: reading.run)), .integer(Int64(bitPattern: reading.bytes)))
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
        case .isEmptyByDelete(let isEmpty):
            try putFlag.run(.integer(isEmpty ? 1 : 0))
        }
    }
}

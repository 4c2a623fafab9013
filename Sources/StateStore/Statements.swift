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
        putTraffic = try database.prepare("INSERT OR REPLACE INTO traffic (id, bytes, run, reported_at) VALUES (?1, ?2, ?3, ?4)")
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

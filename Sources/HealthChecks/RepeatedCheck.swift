import LBaaS

/// A check that is made again and again, and what came of it so far.
final class RepeatedCheck {
    /// What a check is doing.
    enum Stage {
        /// It waits until it is due.
        case idle
        /// It is due, and waits for others to make room.
        case waiting(Ticket)
        /// It is tried.
        case underway(Ticket, any Probe)
    }

    let key: CheckKey
    let check: Check
    /// Tells what it is a check of from what an equal check was of before.
    let fact: UInt64
    /// Its place among all.
    let slot: Int
    var health: NodeHealth
    /// When the try under way began, or the last one.
    var began = ContinuousClock.Instant.now
    var schedule: Schedule
    var stage = Stage.idle
    /// Whether it was taken away. Nothing is reported of it any more.
    var isEnded = false

    init(_ check: Check, of key: CheckKey, fact: UInt64, slot: Int, health: NodeHealth, schedule: Schedule) {
        self.key = key
        self.check = check
        self.fact = fact
        self.slot = slot
        self.health = health
        self.schedule = schedule
    }

    /// The try that is waiting or under way.
    var ticket: Ticket? {
        switch stage {
        case .idle: nil
        case .waiting(let ticket), .underway(let ticket, _): ticket
        }
    }
}

/// All checks, by key and by slot: a small number that no other check has at the same time.
struct CheckTable {
    private var checks: [RepeatedCheck?] = []
    private var slots: [CheckKey: Int] = [:]
    private var free: [Int] = []

    /// The check of a key.
    subscript(key: CheckKey) -> RepeatedCheck? { slots[key].flatMap { checks[$0] } }

    /// The check at a slot.
    subscript(slot: Int) -> RepeatedCheck? { checks.indices.contains(slot) ? checks[slot] : nil }

    /// The check that is at this try; nil where the try was given up.
    subscript(ticket: Ticket) -> RepeatedCheck? { self[Int(ticket.slot)].flatMap { $0.ticket == ticket ? $0 : nil } }

    /// Puts in the check that is made for a free slot.
    mutating func insert(_ make: (Int) -> RepeatedCheck) -> RepeatedCheck {
        let slot = free.popLast() ?? checks.count
        if slot == checks.count { checks.append(nil) }
        let check = make(slot)
        checks[slot] = check
        slots[check.key] = slot
        return check
    }

    /// Takes a check out.
    mutating func remove(_ check: RepeatedCheck) {
        checks[check.slot] = nil
        slots[check.key] = nil
        free.append(check.slot)
    }

    /// All checks, in no order.
    var all: [RepeatedCheck] { checks.compactMap { $0 } }
}

import LBaaS

/// The checks that are made, when they are due, and what they found: what the engine decides, without the tries themselves. It does no I/O
/// and asks no clock.
struct CheckRegister<Random: RandomNumberGenerator> {
    /// A point in time.
    typealias Instant = ContinuousClock.Instant

    private let configuration: HealthChecker.Configuration
    private var random: Random
    private var checks = CheckTable()
    private var timers = TimerQueue()
    private var findings: [(check: RepeatedCheck, turned: Bool)] = []

    /// No checks.
    init(_ configuration: HealthChecker.Configuration, random: Random) {
        self.configuration = configuration
        self.random = random
    }

    /// The check that is at this try; nil where the try was given up.
    subscript(ticket: Ticket) -> RepeatedCheck? { checks[ticket] }

    /// All checks, in no order.
    var all: [RepeatedCheck] { checks.all }

    /// When the next check, or try, is due; nil where none is.
    var earliest: Instant? { timers.earliest }

    /// Whether something was found that is not told yet.
    var hasFindings: Bool { !findings.isEmpty }

    /// Changes what is checked.
    ///
    /// - Parameter rest: ends the try of a check that ends.
    mutating func apply(_ changes: [HealthChecker.Change], now: Instant, resting rest: (RepeatedCheck) -> Void) {
        // A few are checked at once; many at a pace that leaves time for others.
        let firstWithin = min(configuration.firstWithin, configuration.firstPace * changes.count)
        for change in changes {
            switch change {
            case .begin(let key, let check, let health, let fact):
                if let known = checks[key] {
                    if known.check == check, known.fact == fact { continue }
                    end(known, resting: rest)
                }
                let schedule = Schedule(
                    delay: check.delay, jitter: configuration.jitter, firstWithin: firstWithin, now: now, random: &random)
                let begun = checks.insert { RepeatedCheck(check, of: key, fact: fact, slot: $0, health: health, schedule: schedule) }
                timers.set(begun.slot, at: schedule.due)
            case .end(let key): if let check = checks[key] { end(check, resting: rest) }
            }
        }
    }

    private mutating func end(_ check: RepeatedCheck, resting rest: (RepeatedCheck) -> Void) {
        check.isEnded = true
        rest(check)
        timers.remove(check.slot)
        checks.remove(check)
    }

    /// Takes out a check that is due, or whose try is; nil where none is.
    mutating func popDue(at now: Instant) -> RepeatedCheck? {
        while let slot = timers.popDue(at: now) {
            if let check = checks[slot] { return check }
        }
        return nil
    }

    /// Gives the try of a check its time.
    mutating func setDeadline(_ deadline: Instant, of check: RepeatedCheck) { timers.set(check.slot, at: deadline) }

    /// Takes the result of a try that has ended.
    ///
    /// - Parameter time: when it ended, for `NodeHealth.since`.
    mutating func take(_ result: CheckResult, of check: RepeatedCheck, at time: Timestamp, now: Instant) {
        let before = check.health
        let turned = check.health.take(result, rise: check.check.rise, fall: check.check.fall, now: time)
        if check.health != before { findings.append((check, turned)) }
        plan(check, now: now)
    }

    /// Has the next try of a check made when it is due.
    mutating func plan(_ check: RepeatedCheck, now: Instant) {
        check.schedule.advance(now: now, random: &random)
        timers.set(check.slot, at: check.schedule.due)
    }

    /// Takes out what was found. What is no longer checked is not told.
    mutating func takeReports() -> [HealthReport] {
        defer { findings.removeAll(keepingCapacity: true) }
        return findings.filter { !$0.check.isEnded }.map { finding in
            HealthReport(
                key: finding.check.key, check: finding.check.check, fact: finding.check.fact, health: finding.check.health,
                turned: finding.turned)
        }
    }
}

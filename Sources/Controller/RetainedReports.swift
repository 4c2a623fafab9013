import LBaaS

/// What checks found and is not committed yet: a check tells a thing once.
struct RetainedReports {
    private var waiting: HealthReports = [:]
    /// The load balancers of which something is being committed.
    private var busy: Set<LoadBalancerID> = []

    /// Whether something waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// Whether nothing waits, and nothing is being committed.
    var isIdle: Bool { waiting.isEmpty && busy.isEmpty }

    /// Adds newer reports.
    mutating func add(_ newer: HealthReports) { waiting = waiting.isEmpty ? newer : waiting.updated(by: newer) }

    /// Takes out what can be committed now: a load balancer's reports are committed one after the other.
    mutating func next() -> HealthReports {
        let next = busy.isEmpty ? waiting : waiting.filter { !busy.contains($0.key) }
        if next.isEmpty { return [:] }
        waiting = next.count == waiting.count ? [:] : waiting.filter { busy.contains($0.key) }
        busy.formUnion(next.keys)
        return next
    }

    /// Takes what became of reports that were taken out.
    mutating func finish(_ reports: HealthReports, isCommitted: Bool) {
        busy.subtract(reports.keys)
        if !isCommitted { waiting = reports.updated(by: waiting) }
    }
}

extension HealthReports {
    /// These with newer ones in place of the older.
    fileprivate func updated(by newer: HealthReports) -> HealthReports {
        merging(newer) { older, newer in older.merging(newer) { _, new in new } }
    }
}

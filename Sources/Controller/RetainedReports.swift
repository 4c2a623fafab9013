import LBaaS

/// What checks found and is not committed yet: a check tells a thing once.
struct RetainedReports {
    private var waiting: HealthFindings = [:]
    /// What is being committed.
    private var underway: HealthFindings = [:]

    /// Whether something waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// Whether something is being committed.
    var isCommitting: Bool { !underway.isEmpty }

    /// Whether nothing waits, and nothing is being committed.
    var isIdle: Bool { waiting.isEmpty && underway.isEmpty }

    /// Adds findings, of which the later ones count.
    mutating func add(_ findings: HealthFindings) { waiting.merge(findings) }

    /// Takes out what can be committed now: the findings about a load balancer are committed one after the other.
    mutating func next() -> HealthFindings {
        let next = underway.isEmpty ? waiting : waiting.filter { underway[$0.key] == nil }
        if next.isEmpty { return [:] }
        waiting = next.count == waiting.count ? [:] : waiting.filter { underway[$0.key] != nil }
        underway.merge(next)
        return next
    }

    /// Takes what became of findings that were taken out.
    mutating func finish(_ findings: HealthFindings, isCommitted: Bool) {
        for id in findings.keys { underway[id] = nil }
        if !isCommitted { waiting.merge(findings) }
    }

    /// How a node will be when everything is committed that was found; nil where nothing is to be committed of it.
    func health(of node: NodeID, in id: LoadBalancerID, version: UInt64) -> NodeHealth? {
        let found = [waiting[id]?[node], underway[id]?[node]].compactMap(\.self).reduce(nil) { $0?.later(of: $1) ?? $1 }
        return found.flatMap { $0.version == version ? $0.health : nil }
    }
}

extension HealthFindings {
    fileprivate mutating func merge(_ others: HealthFindings) {
        if isEmpty {
            self = others
        } else {
            merge(others) { one, other in one.merging(other) { $0.later(of: $1) } }
        }
    }
}

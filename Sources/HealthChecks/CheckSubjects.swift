import LBaaS

/// Which nodes are checked, and what was found of them and is to be reported: between the engine and the facts that are committed. It does no
/// I/O and asks no clock.
struct CheckSubjects {
    /// A node that is checked.
    private struct Subject: Equatable {
        let check: Check
        /// The version of the fact that is committed of it.
        let version: UInt64
    }

    private var subjects: [LoadBalancerID: [NodeID: Subject]] = [:]
    /// What is to be reported.
    private var findings: HealthFindings = [:]
    /// The number of the last finding.
    private var lastSequence: UInt64 = 0

    /// No nodes.
    init() {}

    /// Whether something is to be reported.
    var hasFindings: Bool { !findings.isEmpty }

    /// Follows a load balancer as it is wanted now.
    ///
    /// - Parameters:
    ///   - loadBalancer: nil where it is checked no more.
    ///   - facts: how its nodes are, as it is committed.
    /// - Returns: what the engine is to do differently from now on.
    mutating func follow(
        _ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, facts: [NodeID: ServiceHealth.NodeFact]
    ) -> [HealthChecker.Change] {
        let old = subjects[id] ?? [:]
        var new: [NodeID: Subject] = [:]
        var changes: [HealthChecker.Change] = []
        if let loadBalancer {
            new.reserveCapacity(loadBalancer.nodes.count)
            for node in loadBalancer.nodes {
                guard let check = Check(of: node, of: loadBalancer), let fact = facts[node.id] else { continue }
                let subject = Subject(check: check, version: fact.version)
                new[node.id] = subject
                // Another fact is judged anew, though the check may be equal: a node can move while its check goes to the same place.
                if old[node.id] == subject { continue }
                findings[id]?[node.id] = nil
                changes.append(.begin(CheckKey(loadBalancer: id, node: node.id), check, fact.health, fact: fact.version))
            }
        }
        for node in old.keys where new[node] == nil {
            findings[id]?[node] = nil
            changes.append(.end(CheckKey(loadBalancer: id, node: node)))
        }
        if findings[id]?.isEmpty ?? false { findings[id] = nil }
        subjects[id] = new.isEmpty ? nil : new
        return changes
    }

    /// Takes what the engine found. A report that crossed with a change is left out.
    mutating func take(_ reports: [HealthReport]) {
        for report in reports {
            let (id, node) = (report.key.loadBalancer, report.key.node)
            guard subjects[id]?[node]?.version == report.fact else { continue }
            lastSequence += 1
            findings[id, default: [:]][node] = NodeFinding(version: report.fact, sequence: lastSequence, health: report.health)
        }
    }

    /// Takes out what is to be reported.
    mutating func takeFindings() -> HealthFindings {
        defer { findings = [:] }
        return findings
    }
}

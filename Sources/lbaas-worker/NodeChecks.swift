import Dispatch
import HealthChecks
import HostSystem
import LBaaS
import Synchronization

/// Has the nodes of load balancers checked by the engine, and tells what it finds to whoever commits it.
final class NodeChecks: NodeChecker {
    /// What checks found, by load balancer and node.
    typealias Findings = [LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]]

    /// A node that is checked.
    fileprivate struct Subject {
        let check: Check
        /// Where the node is, which need not be what the check goes to.
        let endpoint: Endpoint
        /// What its reports are told by from those of another.
        let fact: UInt64
        /// How the checks find it.
        var health: NodeHealth
    }

    fileprivate struct State {
        var subjects: [LoadBalancerID: [NodeID: Subject]] = [:]
        /// What is to be reported.
        var findings: Findings = [:]
        var lastFact: UInt64 = 0
    }

    private let inbox: Inbox
    private let checker: HealthChecker

    /// Starts the engine, with nothing to check.
    ///
    /// - Parameter report: takes what was found, one call at a time. What is found meanwhile gathers for the next.
    /// - Throws: where the system does not give what that takes.
    init(
        _ configuration: HealthChecker.Configuration, log: Log, progress: ProgressMonitor.Participant? = nil,
        now: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable (Findings) -> Void
    ) throws(HealthCheckError) {
        let inbox = Inbox(report)
        self.inbox = inbox
        checker = try HealthChecker(configuration, log: log, progress: progress, now: now) { inbox.take($0) }
    }

    /// Ends all checks, and what is being reported. Nothing is reported any more when it returns true.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where that took longer.
    @discardableResult
    func stop(within limit: Duration = .seconds(5)) -> Bool {
        let deadline = Deadline(in: limit)
        return checker.stop(within: limit) && inbox.close(within: deadline.rest)
    }

    func check(_ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, health: [NodeID: NodeHealth]) {
        checker.update(inbox.changes(of: id, to: loadBalancer, health: health))
    }

    /// Between the engine, which must not wait, and those who commit, who do.
    private final class Inbox: Sendable {
        private let state = Mutex(State())
        private let queue = DispatchQueue(label: "node-checks")
        private let report: @Sendable (Findings) -> Void

        init(_ report: @escaping @Sendable (Findings) -> Void) { self.report = report }

        /// What the engine is to do differently from now on.
        ///
        /// - Parameter health: how the nodes are, as it is committed.
        func changes(of id: LoadBalancerID, to loadBalancer: LoadBalancer?, health: [NodeID: NodeHealth]) -> [HealthChecker.Change] {
            changing { $0.follow(id, loadBalancer, health) }
        }

        /// Takes what the engine found. A report can cross with a change, and is left out then.
        func take(_ reports: [HealthReport]) {
            changing { state in
                for report in reports { state.take(report) }
            }
        }

        /// Changes the state, and has reported what is new in it.
        private func changing<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
            let (value, isFirst) = state.withLock { state in
                let wasEmpty = state.findings.isEmpty
                let value = body(&state)
                return (value, wasEmpty && !state.findings.isEmpty)
            }
            if isFirst { queue.async { self.hand() } }
            return value
        }

        private func hand() {
            let findings = state.withLock { state in
                defer { state.findings = [:] }
                return state.findings
            }
            if !findings.isEmpty { report(findings) }
        }

        /// Waits until what is being reported has been.
        ///
        /// - Returns: false where that takes longer.
        func close(within limit: Duration) -> Bool {
            state.withLock { state in
                state.subjects = [:]
                state.findings = [:]
            }
            let isIdle = DispatchSemaphore(value: 0)
            queue.async { isIdle.signal() }
            return isIdle.wait(timeout: .now() + limit.seconds) == .success
        }
    }
}

extension NodeChecks.State {
    /// Follows a load balancer as it is wanted now.
    fileprivate mutating func follow(
        _ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, _ health: [NodeID: NodeHealth]
    ) -> [HealthChecker.Change] {
        let old = subjects[id] ?? [:]
        var new: [NodeID: NodeChecks.Subject] = [:]
        var changes: [HealthChecker.Change] = []
        if let loadBalancer {
            new.reserveCapacity(loadBalancer.nodes.count)
            for node in loadBalancer.nodes {
                guard let check = Check(of: node, of: loadBalancer), let committed = health[node.id] else { continue }
                if let known = old[node.id], known.check == check, known.endpoint == node.endpoint {
                    new[node.id] = known
                    // What is committed can be a new fact, as after a DELETE and a CREATE that came together.
                    if known.health != committed { findings[id, default: [:]][node.id] = (known.endpoint, known.health) }
                } else {
                    lastFact += 1
                    new[node.id] = NodeChecks.Subject(check: check, endpoint: node.endpoint, fact: lastFact, health: committed)
                    findings[id]?[node.id] = nil
                    changes.append(.begin(CheckKey(loadBalancer: id, node: node.id), check, committed, fact: lastFact))
                }
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

    fileprivate mutating func take(_ report: HealthReport) {
        let (id, node) = (report.key.loadBalancer, report.key.node)
        guard let subject = subjects[id]?[node], subject.fact == report.fact else { return }
        subjects[id]?[node]?.health = report.health
        findings[id, default: [:]][node] = (subject.endpoint, report.health)
    }
}

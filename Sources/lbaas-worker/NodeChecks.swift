import Dispatch
import HealthChecks
import LBaaS
import Synchronization

/// Has the nodes of load balancers checked by the engine, and tells what it finds to whoever commits it.
final class NodeChecks: NodeChecker {
    /// What checks found, by load balancer and node.
    typealias Findings = [LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]]

    /// What is checked of a node: where the node is, which need not be what the check goes to.
    private struct Subject {
        let check: Check
        let endpoint: Endpoint
    }

    private struct State {
        var subjects: [LoadBalancerID: [NodeID: Subject]] = [:]
        var findings: Findings = [:]
    }

    private let inbox: Inbox
    private let checker: HealthChecker

    /// Starts the engine, with nothing to check.
    ///
    /// - Parameter report: takes what was found, one call at a time. What is found meanwhile gathers for the next.
    /// - Throws: where the system does not give what that takes.
    init(
        _ configuration: HealthChecker.Configuration, log: Log, now: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable (Findings) -> Void
    ) throws(HealthCheckError) {
        let inbox = Inbox(report)
        self.inbox = inbox
        checker = try HealthChecker(configuration, log: log, now: now) { inbox.take($0) }
    }

    /// Ends all checks. Nothing is reported any more when it returns.
    func stop() {
        checker.stop()
        inbox.close()
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
        func changes(of id: LoadBalancerID, to loadBalancer: LoadBalancer?, health: [NodeID: NodeHealth]) -> [HealthChecker.Change] {
            state.withLock { state in
                let old = state.subjects[id] ?? [:]
                var new: [NodeID: Subject] = [:]
                var changes: [HealthChecker.Change] = []
                if let loadBalancer {
                    new.reserveCapacity(loadBalancer.nodes.count)
                    for node in loadBalancer.nodes {
                        guard let check = Check(of: node, of: loadBalancer), let health = health[node.id] else { continue }
                        new[node.id] = Subject(check: check, endpoint: node.endpoint)
                        if old[node.id]?.check != check || old[node.id]?.endpoint != node.endpoint {
                            changes.append(.begin(CheckKey(loadBalancer: id, node: node.id), check, health))
                        }
                    }
                }
                for node in old.keys where new[node] == nil { changes.append(.end(CheckKey(loadBalancer: id, node: node))) }
                state.subjects[id] = new.isEmpty ? nil : new
                return changes
            }
        }

        /// Takes what the engine found. What is of no use any more is left out: a report can cross with an order.
        func take(_ reports: [HealthReport]) {
            let isFirst = state.withLock { state in
                let isFirst = state.findings.isEmpty
                for report in reports {
                    guard let subject = state.subjects[report.key.loadBalancer]?[report.key.node], subject.check == report.check else {
                        continue
                    }
                    state.findings[report.key.loadBalancer, default: [:]][report.key.node] = (subject.endpoint, report.health)
                }
                return isFirst && !state.findings.isEmpty
            }
            if isFirst { queue.async { self.hand() } }
        }

        private func hand() {
            let findings = state.withLock { state in
                defer { state.findings = [:] }
                return state.findings
            }
            if !findings.isEmpty { report(findings) }
        }

        /// Waits until what is being reported is.
        func close() {
            state.withLock { $0.findings = [:] }
            queue.sync {}
        }
    }
}

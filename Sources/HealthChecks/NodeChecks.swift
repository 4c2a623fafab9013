import Dispatch
package import HostSystem
public import LBaaS
import Synchronization

/// Has the nodes of load balancers checked by the engine, and tells what it finds to whoever commits it.
public final class NodeChecks: NodeChecker {
    private let inbox: Inbox
    private let checker: HealthChecker

    /// Starts the engine, with nothing to check.
    ///
    /// - Parameter report: takes what was found, one call at a time. What is found meanwhile gathers for the next.
    /// - Throws: where the system does not give what that takes.
    package init(
        _ configuration: HealthChecker.Configuration, log: Log, progress: ProgressMonitor.Participant? = nil,
        now: @escaping @Sendable () -> Timestamp, report: @escaping @Sendable (HealthFindings) -> Void
    ) throws(HealthCheckError) {
        let inbox = Inbox(report)
        self.inbox = inbox
        checker = try HealthChecker(configuration, log: log, progress: progress, now: now) { reports in
            inbox.changing { $0.take(reports) }
        }
    }

    /// Ends all checks, and what is being reported. Nothing is reported any more when it returns true.
    ///
    /// - Parameter limit: the longest wait.
    /// - Returns: false where that took longer.
    @discardableResult
    public func stop(within limit: Duration = .seconds(5)) -> Bool {
        let deadline = Deadline(in: limit)
        return checker.stop(within: limit) && inbox.close(within: deadline.rest)
    }

    /// Has the nodes of a load balancer checked as it is wanted now.
    public func check(_ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, facts: [NodeID: ServiceHealth.NodeFact]) {
        checker.update(inbox.changing { $0.follow(id, loadBalancer, facts: facts) })
    }

    /// Between the engine, which must not wait, and those who commit, who do.
    private final class Inbox: Sendable {
        private let subjects = Mutex(CheckSubjects())
        private let queue = DispatchQueue(label: "node-checks")
        private let report: @Sendable (HealthFindings) -> Void

        init(_ report: @escaping @Sendable (HealthFindings) -> Void) { self.report = report }

        /// Changes the subjects, and has reported what is new.
        func changing<Value: Sendable>(_ body: (inout CheckSubjects) -> Value) -> Value {
            let (value, isFirst) = subjects.withLock { subjects in
                let hadFindings = subjects.hasFindings
                let value = body(&subjects)
                return (value, !hadFindings && subjects.hasFindings)
            }
            if isFirst { queue.async { self.hand() } }
            return value
        }

        private func hand() {
            let findings = subjects.withLock { $0.takeFindings() }
            if !findings.isEmpty { report(findings) }
        }

        /// Waits until what is being reported has been.
        ///
        /// - Returns: false where that takes longer.
        func close(within limit: Duration) -> Bool {
            subjects.withLock { $0 = CheckSubjects() }
            let isIdle = DispatchSemaphore(value: 0)
            queue.async { isIdle.signal() }
            return isIdle.wait(timeout: .now() + limit.seconds) == .success
        }
    }
}

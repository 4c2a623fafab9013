import Dispatch
package import HostSystem
package import LBaaS
import Synchronization

/// Learns how nodes are from a driver whose appliance checks them itself, by asking it from time to time.
///
/// It keeps no facts of its own: what the driver tells is compared, each time anew, with what is committed or was found and waits for that.
/// So nothing is lost that was found while another change was under way, and nothing is told twice.
public final class StatusChecker: Sendable {
    private let driver: any LoadBalancerDriver
    private weak let pipeline: CommitPipeline?
    private let log: Log
    private let now: @Sendable () -> Timestamp
    private let progress: ProgressMonitor.Participant?
    private let queue = DispatchQueue(label: "status-checker")
    private let interval: DispatchTimeInterval
    private let isStopped = Atomic<Bool>(false)
    /// The load balancers that were asked about the last time.
    private let lastAsked = Mutex<Set<LoadBalancerID>>([])
    /// How often the driver was asked: a later look finds what is newer.
    private let looks = Atomic<UInt64>(0)
    /// Whether the driver could not tell the last time.
    private let isUnknown = Atomic<Bool>(false)

    /// The longest that a look may take: a call of the driver, and the commit of what it found.
    private static let longestLook = Duration.seconds(300)

    /// Begins.
    ///
    /// - Parameters:
    ///   - interval: how long after an answer the driver is asked again, in ms.
    ///   - pipeline: where what is found is compared and committed.
    package init(
        _ driver: any LoadBalancerDriver, every interval: Int = 1000, pipeline: CommitPipeline,
        progress: ProgressMonitor.Participant? = nil,
        log: Log, now: @escaping @Sendable () -> Timestamp
    ) {
        (self.driver, self.pipeline, self.log, self.now, self.progress) = (driver, pipeline, log, now, progress)
        self.interval = .milliseconds(interval)
        schedule()
    }

    /// Ends. Nothing is reported any more when it returns.
    public func stop() {
        isStopped.store(true, ordering: .relaxed)
        queue.sync {}
    }

    private func schedule() {
        queue.asyncAfter(deadline: .now() + interval) { [weak self] in
            guard let self, !isStopped.load(ordering: .relaxed) else { return }
            if let progress { progress.step(within: Self.longestLook) { look(waits: false) } } else { look(waits: false) }
            schedule()
        }
    }

    /// Asks once, and reports what differs from what is committed.
    ///
    /// - Parameter waits: whether to wait until that is committed.
    func look(waits: Bool = true) {
        guard let pipeline else { return }
        let number = looks.add(1, ordering: .relaxed).newValue
        let asked = pipeline.checkedByAppliance
        tellDriver(of: Set(asked.map(\.loadBalancer.id)))
        if asked.isEmpty { return }
        do throws(DriverError) {
            var (found, reason): ([LoadBalancerID: [NodeStatus]], String) = ([:], "the appliance does not run it")
            do throws(DriverError) {
                found = try driver.status(of: asked.map(\.loadBalancer.id))
            } catch  where error.code == .notRunning {
                reason = error.message
            }
            isUnknown.store(false, ordering: .relaxed)
            var changes: HealthFindings = [:]
            for (loadBalancer, facts) in asked {
                // What the appliance does not run serves nobody.
                let statuses =
                    found[loadBalancer.id] ?? loadBalancer.nodes.map { NodeStatus(id: $0.id, isUp: false, reason: reason) }
                let changed = changed(facts, by: statuses, number)
                if !changed.isEmpty { changes[loadBalancer.id] = changed }
            }
            if changes.isEmpty { return }
            // What cannot be committed is found again by the next look.
            if waits { pipeline.report(changes, retaining: false) } else { pipeline.submit(changes, retaining: false) }
        } catch {
            if isUnknown.exchange(true, ordering: .relaxed) { return }
            log.write(.warning, "the driver cannot tell how the nodes are; they count as they were last", [("error", error.message)])
        }
    }

    /// Tells the driver whose nodes are logged here, where that changed.
    private func tellDriver(of asked: Set<LoadBalancerID>) {
        lastAsked.withLock { last in
            if last == asked { return }
            last = asked
            driver.nodeChangesAreLogged(of: asked)
        }
    }

    private func changed(
        _ facts: [NodeID: ServiceHealth.NodeFact], by statuses: [NodeStatus], _ number: UInt64
    ) -> [NodeID: NodeFinding] {
        let now = now()
        var changes: [NodeID: NodeFinding] = [:]
        for status in statuses {
            guard let fact = facts[status.id] else { continue }
            var health = fact.health
            let isFirstResult = health.isAssumed && status.isChecked && status.isSound
            guard health.isUp != status.isSound || isFirstResult else { continue }
            let result: CheckResult = status.isSound ? .passed : .failed(status.reason ?? "the appliance calls it down")
            _ = health.take(result, rise: 1, fall: 1, now: min(now, status.since ?? now))
            changes[status.id] = NodeFinding(version: fact.version, sequence: number, health: health)
        }
        return changes
    }
}

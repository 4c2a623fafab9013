import Dispatch
public import LBaaS
import Synchronization

/// Learns how nodes are from a driver whose appliance checks them itself, by asking it from time to time.
public final class StatusChecker: NodeChecker {
    fileprivate struct State {
        var loadBalancers: [LoadBalancerID: LoadBalancer] = [:]
        var health: [LoadBalancerID: [NodeID: NodeHealth]] = [:]
        /// Whether the driver could not tell the last time.
        var isUnknown = false
    }

    private let driver: any LoadBalancerDriver
    private let log: Log
    private let now: @Sendable () -> Timestamp
    private let report: @Sendable ([LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]]) -> Void
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "status-checker")
    private let interval: DispatchTimeInterval
    private let isStopped = Atomic<Bool>(false)

    /// Begins, with nothing to ask after.
    ///
    /// - Parameters:
    ///   - interval: how long after an answer the driver is asked again, in ms.
    ///   - report: takes what changed, one call at a time.
    public init(
        _ driver: any LoadBalancerDriver, every interval: Int = 1000, log: Log,
        now: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable ([LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]]) -> Void
    ) {
        (self.driver, self.log, self.now, self.report) = (driver, log, now, report)
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
            look()
            schedule()
        }
    }

    /// Asks after the nodes of a load balancer, from now on as it is now.
    public func check(_ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, health: [NodeID: NodeHealth]) {
        state.withLock { state in
            state.loadBalancers[id] = loadBalancer
            state.health[id] = loadBalancer == nil ? nil : health
        }
    }

    /// Asks once, and reports what changed.
    func look() {
        let asked = state.withLock { $0.loadBalancers }
        if asked.isEmpty { return }
        do throws(DriverError) {
            var (found, reason): (Statuses, String) = ([:], "the appliance does not run it")
            do throws(DriverError) {
                found = try driver.status(of: Array(asked.keys))
            } catch  where error.code == .notRunning {
                reason = error.message
            }
            // What the appliance does not run serves nobody.
            for (id, loadBalancer) in asked where found[id] == nil {
                found[id] = loadBalancer.nodes.map { NodeStatus(id: $0.id, isUp: false, reason: reason) }
            }
            let changes = state.withLock { $0.take(found, asked: asked, now: now()) }
            if !changes.isEmpty { report(changes) }
        } catch {
            let isNew = state.withLock { state in
                defer { state.isUnknown = true }
                return !state.isUnknown
            }
            if isNew {
                log.write(
                    .warning, "the driver cannot tell how the nodes are; they count as they were last", [("error", error.message)])
            }
        }
    }
}

/// How nodes are, as the driver tells it.
private typealias Statuses = [LoadBalancerID: [NodeStatus]]

extension StatusChecker.State {
    /// What differs from what was known. What changed meanwhile is left for the next time.
    fileprivate mutating func take(
        _ found: Statuses, asked: [LoadBalancerID: LoadBalancer], now: Timestamp
    ) -> [LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]] {
        isUnknown = false
        var changes: [LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]] = [:]
        for (id, statuses) in found {
            guard let loadBalancer = loadBalancers[id], loadBalancer == asked[id] else { continue }
            let endpoints = Dictionary(loadBalancer.nodes.map { ($0.id, $0.endpoint) }) { first, _ in first }
            for status in statuses {
                guard let endpoint = endpoints[status.id], var health = health[id]?[status.id] else { continue }
                let isFirstResult = health.isAssumed && status.isChecked && status.isSound
                guard health.isUp != status.isSound || isFirstResult else { continue }
                let result: CheckResult = status.isSound ? .passed : .failed(status.reason ?? "the appliance calls it down")
                _ = health.take(result, rise: 1, fall: 1, now: min(now, status.since ?? now))
                self.health[id]?[status.id] = health
                changes[id, default: [:]][status.id] = (endpoint, health)
            }
        }
        return changes
    }
}

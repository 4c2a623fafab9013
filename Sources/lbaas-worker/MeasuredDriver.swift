import HostSystem
import LBaaS
import Synchronization
import WorkerMetrics

/// A driver whose calls are counted and timed, and of which it is known whether its appliance answers.
final class MeasuredDriver: LoadBalancerDriver {
    private let driver: any LoadBalancerDriver
    private let metrics: WorkerMetrics
    private let failure = Mutex<String?>(nil)

    init(_ driver: any LoadBalancerDriver, _ metrics: WorkerMetrics) {
        self.driver = driver
        self.metrics = metrics
    }

    /// Why the appliance did not answer when it was asked last; nil where it did.
    var problem: String? { failure.withLock(\.self) }

    private func ask<Answer>(_ operation: String, _ body: () throws(DriverError) -> Answer) throws(DriverError) -> Answer {
        let start = Clock.bootTime()
        do throws(DriverError) {
            let answer = try body()
            note(operation, nil, since: start)
            return answer
        } catch {
            note(operation, error, since: start)
            throw error
        }
    }

    private func note(_ operation: String, _ error: DriverError?, since start: Duration) {
        failure.withLock { $0 = error?.message }
        metrics.drove(
            operation, passed: error == nil ? 1 : 0, failed: error == nil ? 0 : 1, isAnswered: error == nil,
            in: Clock.bootTime() - start)
    }

    // MARK: What is measured

    func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        try ask("observe") { () throws(DriverError) in try driver.observe(expecting: expected) }
    }

    func prepareResync() throws(DriverError) { try ask("observe") { () throws(DriverError) in try driver.prepareResync() } }

    func observe(possible: [LoadBalancer]) throws(DriverError) -> Observation {
        try ask("observe") { () throws(DriverError) in try driver.observe(possible: possible) }
    }

    func apply(_ groups: [PatchGroup]) -> [GroupOutcome] {
        let start = Clock.bootTime()
        let outcomes = driver.apply(groups)
        let failed = outcomes.count { $0.failure != nil }
        // A group that is refused tells nothing of the appliance.
        metrics.drove(
            "apply", passed: outcomes.count - failed, failed: failed, isAnswered: nil, in: Clock.bootTime() - start)
        return outcomes
    }

    func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        try ask("status") { () throws(DriverError) in try driver.status(of: ids) }
    }

    func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]] {
        try ask("statistics") { () throws(DriverError) in try driver.statistics(of: ids) }
    }

    func connections(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeID: UInt64]] {
        try ask("connections") { () throws(DriverError) in try driver.connections(of: ids) }
    }

    func report(on expected: [LoadBalancer]) throws(DriverError) -> [LoadBalancerID: ApplianceReport] {
        try ask("report") { () throws(DriverError) in try driver.report(on: expected) }
    }

    func finished(_ leaving: [Leaving]) throws(DriverError) -> [Leaving] {
        try ask("finished") { () throws(DriverError) in try driver.finished(leaving) }
    }

    func archive(_ order: ArchiveOrder) throws(DriverError) {
        let start = Clock.bootTime()
        var failed = 1
        defer { metrics.drove("archive", passed: 1 - failed, failed: failed, isAnswered: nil, in: Clock.bootTime() - start) }
        try driver.archive(order)
        failed = 0
    }

    // MARK: What is not

    var capabilities: Capabilities { driver.capabilities }
    var upkeep: Upkeep { driver.upkeep }

    func refusal(of loadBalancer: LoadBalancer) -> (field: String, reason: String)? { driver.refusal(of: loadBalancer) }

    func plan(_ groups: [PatchGroup]) -> [String] { driver.plan(groups) }

    func objection(to groups: [PatchGroup]) -> DriverError? { driver.objection(to: groups) }

    func nodeChangesAreLogged(of ids: Set<LoadBalancerID>) { driver.nodeChangesAreLogged(of: ids) }

    func beforeCountersEnd(_ read: @escaping @Sendable ([LoadBalancerID]) -> Void) { driver.beforeCountersEnd(read) }

    func discard(_ ids: [LoadBalancerID]) { driver.discard(ids) }
}

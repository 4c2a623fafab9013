public import LBaaS
import Synchronization

/// A driver whose appliance is a table in memory. It carries no traffic, and it fails or dawdles where its configuration says so:
/// for trials, for demonstrations, and for tests that need every path of a job without an appliance.
///
/// It is stricter than an appliance: a step that does not fit what it holds is an error, which brings faults of the pipeline above
/// to light.
public final class DummyDriver: LoadBalancerDriver {
    /// Everything that PROTOCOL.md knows but archives, less what the key `lacks` takes out.
    public let capabilities: Capabilities

    /// The appliance is this driver's own, so it need not be looked after; the worker checks nodes where the key `checks` asks for it.
    public let upkeep: Upkeep

    private let settings: Settings
    private let log: Log
    private let pause: @Sendable (Duration) -> Void
    private let appliance = Mutex(Appliance())

    /// A driver with an empty appliance.
    ///
    /// - Throws: where a value of the section is not accepted.
    public convenience init(
        _ configuration: DriverConfiguration = DriverConfiguration(), log: Log = .silent
    ) throws(DriverConfiguration.Failure) {
        try self.init(configuration, log: log, pause: block(for:))
    }

    /// A driver whose slow operations wait by `pause`.
    package init(
        _ configuration: DriverConfiguration, log: Log, pause: @escaping @Sendable (Duration) -> Void
    ) throws(DriverConfiguration.Failure) {
        settings = try Settings(configuration)
        capabilities = settings.capabilities
        upkeep = settings.upkeep
        self.log = log
        self.pause = pause
    }

    /// What it holds, in the order of the ids.
    public func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        try undergo(.observe, on: [])
        return Observation(running: appliance.withLock { $0.loadBalancers })
    }

    /// Carries out each group as a whole or not at all.
    public func apply(_ groups: [PatchGroup]) -> [GroupOutcome] {
        groups.map { group in
            do throws(DriverError) {
                try carryOut(group)
                return GroupOutcome()
            } catch {
                return GroupOutcome(failure: error)
            }
        }
    }

    /// The nodes: up is one that is enabled, has a weight, is not listed in `down`, and whose load balancer is not suspended.
    public func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        try undergo(.status, on: ids)
        return keyed(ids) { [settings] appliance, id in appliance.status(of: id, down: settings.down) }
    }

    /// What it holds, compared with what it should hold. It has no connections.
    public func report(on expected: [LoadBalancer]) throws(DriverError) -> [LoadBalancerID: ApplianceReport] {
        try undergo(.status, on: expected.map(\.id))
        let expected = Dictionary(expected.map { ($0.id, $0) }) { first, _ in first }
        return keyed(Array(expected.keys)) { [settings] appliance, id in
            appliance.report(on: id, expected: expected[id], down: settings.down)
        }
    }

    /// The counters, each grown by `bytes_per_report` since it was last asked for, if its load balancer is not suspended.
    public func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]] {
        try undergo(.statistics, on: ids)
        return keyed(ids) { [settings] appliance, id in appliance.count(settings.bytesPerReport, of: id).map { [$0] } }
    }

    /// Pretends to store the log where the key `archive` lets it, and refuses where not.
    public func archive(_ order: ArchiveOrder) throws(DriverError) {
        guard capabilities.archive else { throw DriverError("the dummy driver keeps no logs to archive") }
        try undergo(.archive, on: [order.loadBalancer])
        log.write(.debug, "archive the log of \(quoted(order.loadBalancer.text)) to \(quoted(order.endpoint)), \(quoted(order.basePath))")
    }
}

extension DummyDriver {
    private func carryOut(_ group: PatchGroup) throws(DriverError) {
        if !settings.trials.isEmpty {
            for patch in group.patches {
                for operation in patch.verbs { try undergo(operation, on: [patch.id]) }
            }
        }
        try appliance.withLock { appliance throws(DriverError) in try appliance.carryOut(group) }
        if log.wants(.debug) {
            for operation in group.operations { log.write(.debug, operation) }
        }
    }

    /// Is slow and fails as configured. No lock is held, so that a slow change does not keep anyone from asking for the status.
    private func undergo(_ operation: Operation, on ids: [LoadBalancerID]) throws(DriverError) {
        if settings.trials.isEmpty { return }
        let delay = settings.trials.delay(of: operation, on: ids)
        if delay > .zero { pause(delay) }
        if let failure = settings.trials.failure(of: operation, on: ids) { throw failure }
    }

    /// What the appliance knows of each id, without those of which it knows nothing. Of many it is asked one by one, so that a change does
    /// not wait for all of them.
    private func keyed<Value: Sendable>(
        _ ids: [LoadBalancerID], _ value: @Sendable (inout Appliance, LoadBalancerID) -> Value?
    ) -> [LoadBalancerID: Value] {
        var values: [LoadBalancerID: Value] = [:]
        values.reserveCapacity(ids.count)
        for id in ids { values[id] = appliance.withLock { value(&$0, id) } }
        return values
    }
}

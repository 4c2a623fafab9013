import Dispatch
public import LBaaS
import Synchronization

/// The kernel's own load balancer, IP Virtual Server, programmed over netlink by the difference between what it has and what it should have.
///
/// It owns the virtual services at the addresses and ports of the load balancers that it was given, and touches no other, unless its
/// configuration says that all are its own.
public final class IPVSDriver: LoadBalancerDriver {
    /// Every protocol, algorithm and monitor, on single addresses.
    public let capabilities: Capabilities
    /// A comparison every `resync_interval`, drains of `drain_timeout`.
    public let upkeep: Upkeep

    private let settings: Settings
    private let host: Host
    private let log: Log
    private let open: @Sendable () throws(KernelFailure) -> any Kernel
    private let later: @Sendable (Duration, @escaping @Sendable () -> Void) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant
    private let desk: Mutex<Desk>
    private let reader: Mutex<Reader>
    private let running = Mutex<[LoadBalancerID: LoadBalancer]>([:])

    /// What changes the table. It has a socket of its own, so that who asks need not wait for who changes.
    private struct Desk {
        var kernel: (any Kernel)?
        var programmer: Programmer
        /// Families of which this host was seen to forward packets since the table was compared last.
        var forwarding: Set<AddressFamily> = []
    }

    /// What asks.
    private struct Reader {
        var kernel: (any Kernel)?
        /// Since when real servers that leave have had no connection.
        var idleSince: [Leaving: ContinuousClock.Instant] = [:]
    }

    /// The kernel adds up its counters every two seconds: what is read earlier than that after the last packet is not all.
    package static let settlingTime = Duration.milliseconds(2500)

    /// A driver of the kernel's table, in the network namespace of the thread that first has it do something.
    ///
    /// - Throws: where a value of the section is not accepted.
    public convenience init(
        _ configuration: DriverConfiguration = DriverConfiguration(), log: Log = .silent
    ) throws(DriverConfiguration.Failure) {
        let queue = DispatchQueue(label: "ipvs")
        try self.init(
            configuration, log: log,
            open: { () throws(KernelFailure) in try NetlinkKernel() },
            later: { delay, work in
                queue.asyncAfter(deadline: .now() + .milliseconds(Int(delay / .milliseconds(1))), execute: work)
            },
            now: { .now })
    }

    /// A driver of another kernel, at another time.
    package init(
        _ configuration: DriverConfiguration, log: Log, open: @escaping @Sendable () throws(KernelFailure) -> any Kernel,
        later: @escaping @Sendable (Duration, @escaping @Sendable () -> Void) -> Void,
        now: @escaping @Sendable () -> ContinuousClock.Instant
    ) throws(DriverConfiguration.Failure) {
        settings = try Settings(configuration)
        host = Host(settings: settings, log: log)
        self.log = log
        self.open = open
        self.later = later
        self.now = now
        capabilities = .ipvs
        upkeep = Upkeep(resyncInterval: settings.resyncInterval, drainTimeout: settings.drainTimeout, checksNodes: true)
        desk = Mutex(Desk(programmer: Programmer(defaults: settings.services, log: log)))
        reader = Mutex(Reader())
    }

    /// What the kernel does not check: see `Refusal.swift`.
    public func refusal(of loadBalancer: LoadBalancer) -> (field: String, reason: String)? { loadBalancer.refusalByIPVS }

    /// Compares the kernel's table with what is expected. Whole, it also makes the host as the configuration says.
    public func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        try desk.withLock { desk throws(DriverError) in
            do throws(KernelFailure) {
                let kernel = try opened(&desk.kernel)
                // After a failed change it is asked about a few load balancers; those are quicker read one by one.
                if expected.count * 4 < desk.programmer.table.count {
                    return try desk.programmer.observe(only: expected, kernel: kernel)
                }
                desk.forwarding = []
                try host.prepare(kernel)
                let observation = try desk.programmer.observe(expected, isExclusive: settings.isExclusive, kernel: kernel)
                running.withLock { running in
                    running = Dictionary(expected.map { ($0.id, $0) }) { first, _ in first }
                }
                return observation
            } catch {
                desk.kernel = nil
                throw DriverError(error.message)
            }
        }
    }

    /// The changes that `apply` would send, in their order.
    public func plan(_ groups: [PatchGroup]) -> [String] {
        desk.withLock { desk in desk.programmer.plan(groups).map(\.description) }
    }

    /// Sends the differences of all groups in one batch.
    public func apply(_ groups: [PatchGroup]) -> [GroupOutcome] {
        desk.withLock { desk in
            let kernel: any Kernel
            do throws(KernelFailure) {
                kernel = try opened(&desk.kernel)
            } catch {
                return groups.map { _ in GroupOutcome(failure: DriverError(error.message)) }
            }
            let faults = groups.map { fault(of: $0, &desk.forwarding) }
            let sound = zip(groups, faults).filter { $0.1 == nil }.map(\.0)
            var applied = desk.programmer.apply(sound, kernel: kernel).makeIterator()
            let outcomes = faults.map { fault in fault.map { GroupOutcome(failure: DriverError($0)) } ?? applied.next() ?? GroupOutcome() }
            note(groups, outcomes)
            removeLater(desk.programmer.still)
            return outcomes
        }
    }

    private func note(_ groups: [PatchGroup], _ outcomes: [GroupOutcome]) {
        running.withLock { running in
            for (group, outcome) in zip(groups, outcomes) where outcome.failure == nil {
                for patch in group.patches { running[patch.id] = patch.loadBalancer.new }
            }
        }
    }

    /// Why this host cannot serve what a group asks for.
    private func fault(of group: PatchGroup, _ known: inout Set<AddressFamily>) -> String? {
        for patch in group.patches {
            guard let new = patch.loadBalancer.new, !new.isSuspended, new.forwarding.method == .nat,
                let family = new.address?.family, !known.contains(family)
            else { continue }
            if let fault = host.forwardingFault(family) { return fault }
            known.insert(family)
        }
        return nil
    }

    private func removeLater(_ still: [ServiceKey: UInt64]) {
        if still.isEmpty { return }
        later(Self.settlingTime) { [self] in
            desk.withLock { desk in
                if let kernel = desk.kernel { desk.programmer.removeStill(still, kernel: kernel) }
            }
        }
    }

    private func opened(_ kernel: inout (any Kernel)?) throws(KernelFailure) -> any Kernel {
        if let kernel { return kernel }
        let opened = try open()
        kernel = opened
        return opened
    }
}

// MARK: - Reports

extension IPVSDriver {
    /// A node is up where the kernel has it with a weight.
    public func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        let asked = loadBalancers(ids)
        return try reading { _, kernel throws(KernelFailure) in
            var status: [LoadBalancerID: [NodeStatus]] = [:]
            for loadBalancer in asked {
                guard let key = ServiceKey(loadBalancer.listener) else { continue }
                var serving: Set<DestinationKey> = []
                if !loadBalancer.isSuspended {
                    try kernel.forEachDestination(of: key, withStatistics: false) { listed in
                        if listed.destination.weight > 0 { serving.insert(listed.key) }
                    }
                }
                status[loadBalancer.id] = loadBalancer.nodes.map { node in
                    NodeStatus(id: node.id, isUp: DestinationKey(node.endpoint).map(serving.contains) ?? false)
                }
            }
            return status
        }
    }

    /// The bytes that went back to clients through this host. With DIRECT and TUNNEL they take another way, and there are none.
    public func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]] {
        let asked = loadBalancers(ids)
        let finals = desk.withLock { $0.programmer.finals }
        var owners: [ServiceKey: LoadBalancerID] = [:]
        for loadBalancer in asked {
            for listener in [loadBalancer.listener] + loadBalancer.leaving.map(\.listener) {
                if let key = ServiceKey(listener) { owners[key] = loadBalancer.id }
            }
        }
        var counters: [LoadBalancerID: [TrafficCounter]] = [:]
        for loadBalancer in asked { counters[loadBalancer.id] = finals[loadBalancer.id] ?? [] }
        func count(_ service: ListedService) {
            guard let owner = owners[service.key] else { return }
            counters[owner]?.append(TrafficCounter(bytesOut: service.statistics.bytesOut, run: service.key.run))
        }
        return try reading { _, kernel throws(KernelFailure) in
            if owners.count > 16 {
                try kernel.forEachService(count)
            } else {
                for key in owners.keys {
                    if let service = try kernel.service(key) { count(service) }
                }
            }
            return counters
        }
    }

    /// Those that are gone, and those that have had no connection for so long that their last bytes are counted.
    public func finished(_ leaving: [Leaving]) throws(DriverError) -> [Leaving] {
        let now = now()
        return try reading { reader, kernel throws(KernelFailure) in
            var idleSince: [Leaving: ContinuousClock.Instant] = [:]
            var finished: [Leaving] = []
            for (listener, leaving) in Dictionary(grouping: leaving, by: \.listener) {
                guard let key = ServiceKey(listener) else { continue }
                var connections: [DestinationKey: UInt32] = [:]
                try kernel.forEachDestination(of: key, withStatistics: false) { connections[$0.key] = $0.activeConnections }
                for place in leaving {
                    guard let active = DestinationKey(place.endpoint).flatMap({ connections[$0] }) else {
                        finished.append(place)
                        continue
                    }
                    if active > 0 { continue }
                    let since = reader.idleSince[place] ?? now
                    if now - since >= Self.settlingTime { finished.append(place) } else { idleSince[place] = since }
                }
            }
            reader.idleSince = idleSince
            return finished
        }
    }

    private func loadBalancers(_ ids: [LoadBalancerID]) -> [LoadBalancer] {
        running.withLock { running in ids.compactMap { running[$0] } }
    }

    /// Asks the kernel over the socket that is for asking.
    private func reading<Result: Sendable>(
        _ body: (inout Reader, any Kernel) throws(KernelFailure) -> Result
    ) throws(DriverError) -> Result {
        try reader.withLock { reader throws(DriverError) in
            do throws(KernelFailure) {
                return try body(&reader, try opened(&reader.kernel))
            } catch {
                reader.kernel = nil
                throw DriverError(error.message)
            }
        }
    }
}

extension Capabilities {
    /// What the kernel can do, and what the worker does for it: it checks no nodes.
    fileprivate static var ipvs: Capabilities {
        var capabilities = Capabilities()
        capabilities.protocols = Set(ServiceProtocol.allCases)
        capabilities.algorithms = Set(Algorithm.allCases)
        capabilities.sourcePersistence = true
        capabilities.forwarding = true
        capabilities.monitors = Set(Monitor.Kind.allCases)
        capabilities.quorum = true
        capabilities.sorryServer = true
        capabilities.nodeTransitions = true
        return capabilities
    }
}

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

    let settings: Settings
    private let host: Host
    private let log: Log
    private let hostLog: RepeatedLog
    private let forwardingLog: [AddressFamily: RepeatedLog]
    private let open: @Sendable () throws(KernelFailure) -> any Kernel
    private let later: @Sendable (Duration, @escaping @Sendable () -> Void) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant
    private let desk: Mutex<Desk>
    private let reader: Mutex<Reader>
    private let readCounters = Mutex<(@Sendable ([LoadBalancerID]) -> Void)?>(nil)
    private let running = Mutex<[LoadBalancerID: Indirect<LoadBalancer>]>([:])

    /// What changes the table. It has a socket of its own, so that who asks need not wait for who changes.
    private struct Desk {
        var kernel: (any Kernel)?
        var programmer: Programmer
        /// Families of which this host was seen to forward packets since the table was compared last.
        var forwarding: Set<AddressFamily> = []
        /// Whether the host was once as the configuration says.
        var isPrepared = false
        /// The last of the services that stand still, by its number, whose removal is under way.
        var lastScheduled: UInt64 = 0
    }

    /// What asks.
    struct Reader {
        var kernel: (any Kernel)?
        /// Since when real servers that leave have had no connection.
        var idleSince: [Leaving: ContinuousClock.Instant] = [:]
    }

    /// The kernel adds up its counters every two seconds: what is read earlier than that after the last packet is not all.
    package static let settlingTime = Duration.milliseconds(2500)

    /// The kernel is asked for so many load balancers in about a millisecond.
    private static let resyncPart = 32

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
        _ configuration: DriverConfiguration, log: Log, switches: KernelSwitches = .proc,
        open: @escaping @Sendable () throws(KernelFailure) -> any Kernel,
        later: @escaping @Sendable (Duration, @escaping @Sendable () -> Void) -> Void,
        now: @escaping @Sendable () -> ContinuousClock.Instant
    ) throws(DriverConfiguration.Failure) {
        settings = try Settings(configuration)
        host = Host(settings: settings, switches: switches, log: log)
        self.log = log
        hostLog = RepeatedLog(log)
        forwardingLog = [.v4: RepeatedLog(log), .v6: RepeatedLog(log)]
        self.open = open
        self.later = later
        self.now = now
        capabilities = .ipvs
        upkeep = Upkeep(
            // What is nobody's is only found by a look at everything.
            resyncInterval: settings.resyncInterval, resyncPart: settings.isExclusive ? nil : Self.resyncPart,
            drainTimeout: settings.drainTimeout, checking: .worker)
        desk = Mutex(Desk(programmer: Programmer(defaults: settings.services, log: log)))
        reader = Mutex(Reader())
    }

    /// What the kernel does not check: see `Refusal.swift`.
    public func refusal(of loadBalancer: LoadBalancer) -> (field: String, reason: String)? { loadBalancer.refusalByIPVS }

    /// Makes the host as the configuration says, and compares the kernel's table with what is expected.
    public func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        try desk.withLock { desk throws(DriverError) in
            do throws(KernelFailure) {
                let kernel = try opened(&desk.kernel)
                desk.forwarding = []
                try prepare(kernel, &desk)
                let observation = try desk.programmer.observe(expected, isExclusive: settings.isExclusive, kernel: kernel)
                desk.lastScheduled = 0
                removeLater(&desk)
                running.withLock { running in
                    running = Dictionary(expected.lazy.map { ($0.id, Indirect(wrappedValue: $0)) }) { first, _ in first }
                }
                return observation
            } catch {
                desk.kernel = nil
                throw DriverError(error.message)
            }
        }
    }

    /// Makes the host as the configuration says. What cannot be done keeps the worker from starting, but not from repairing the table later.
    private func prepare(_ kernel: any Kernel, _ desk: inout Desk) throws(KernelFailure) {
        // The first thing asked that needs the capability.
        _ = try kernel.info()
        do throws(KernelFailure) {
            try host.prepare(kernel)
            desk.isPrepared = true
            hostLog.end()
        } catch {
            if !desk.isPrepared { throw error }
            hostLog.write(.error, "the host is not as the configuration says; this is tried again later", [("error", error.message)])
        }
    }

    /// Makes the host as the configuration says, and takes up the removals that are due.
    public func prepareResync() throws(DriverError) {
        try desk.withLock { desk throws(DriverError) in
            do throws(KernelFailure) {
                desk.forwarding = []
                try prepare(try opened(&desk.kernel), &desk)
                desk.lastScheduled = 0
                removeLater(&desk)
            } catch {
                desk.kernel = nil
                throw DriverError(error.message)
            }
        }
    }

    /// Reads the services of these load balancers, and no others.
    public func observe(possible: [LoadBalancer]) throws(DriverError) -> Observation {
        try desk.withLock { desk throws(DriverError) in
            do throws(KernelFailure) {
                return try desk.programmer.observe(possible: possible, kernel: try opened(&desk.kernel))
            } catch {
                desk.kernel = nil
                throw DriverError(error.message)
            }
        }
    }

    /// The changes that `apply` would send, in their order, and what would follow from them.
    public func plan(_ groups: [PatchGroup]) -> [String] { desk.withLock { $0.programmer.plan(groups) } }

    /// Sends the differences of all groups, as many of them as there are in one send.
    public func apply(_ groups: [PatchGroup]) -> [GroupOutcome] {
        desk.withLock { desk in
            let kernel: any Kernel
            do throws(KernelFailure) {
                kernel = try opened(&desk.kernel)
            } catch {
                return groups.map { _ in GroupOutcome(failure: DriverError(error.message)) }
            }
            let outcomes = apply(groups, kernel, &desk)
            note(groups, outcomes)
            removeLater(&desk)
            return outcomes
        }
    }

    /// Applies the groups that this host can serve.
    private func apply(_ groups: [PatchGroup], _ kernel: any Kernel, _ desk: inout Desk) -> [GroupOutcome] {
        var faults: [Int: String] = [:]
        for (place, group) in groups.enumerated() { faults[place] = fault(of: group, &desk.forwarding) }
        if faults.isEmpty { return desk.programmer.apply(groups, kernel: kernel) }
        let sound = groups.enumerated().filter { faults[$0.offset] == nil }.map(\.element)
        var applied = desk.programmer.apply(sound, kernel: kernel).makeIterator()
        return groups.indices.map { place in
            faults[place].map { GroupOutcome(failure: DriverError($0)) } ?? applied.next() ?? GroupOutcome()
        }
    }

    private func note(_ groups: [PatchGroup], _ outcomes: [GroupOutcome]) {
        running.withLock { running in
            running.reserveCapacity(running.count + groups.count)
            for (group, outcome) in zip(groups, outcomes) where outcome.failure == nil {
                for patch in group.patches { running[patch.id] = patch.loadBalancer.new.map { Indirect(wrappedValue: $0) } }
            }
        }
    }

    /// Why this host cannot serve what a group asks for. That what is there already is not served is no fault of a step that asks for no more,
    /// such as the end of a drain; it is told in the log.
    private func fault(of group: PatchGroup, _ known: inout Set<AddressFamily>) -> String? {
        for patch in group.patches {
            guard let new = patch.loadBalancer.new, !new.isSuspended, new.forwarding.method == .nat,
                let family = new.address?.family, !known.contains(family)
            else { continue }
            if let fault = host.forwardingFault(family) {
                if new.translatesMore(than: patch.loadBalancer.old) { return fault }
                forwardingLog[family]?.write(.error, fault)
            } else {
                known.insert(family)
                forwardingLog[family]?.end()
            }
        }
        return nil
    }

    /// Has the services removed that stand still, but those of which the removal is under way.
    private func removeLater(_ desk: inout Desk) {
        let last = desk.lastScheduled
        desk.lastScheduled = desk.programmer.lastStill
        let still = desk.programmer.still.filter { $0.value > last }
        if !still.isEmpty { later(Self.settlingTime) { [self] in remove(still) } }
    }

    private func remove(_ still: [ServiceKey: UInt64]) {
        let owners = desk.withLock { $0.programmer.owners(of: still) }
        if !owners.isEmpty, let readCounters = readCounters.withLock(\.self) { readCounters(owners) }
        desk.withLock { desk in
            do throws(KernelFailure) {
                desk.programmer.removeStill(still, kernel: try opened(&desk.kernel))
            } catch {
                log.write(.warning, "services that stand still could not be removed", [("error", error.message)])
            }
        }
    }

    /// Has the counters read of services that stand still, before they are removed.
    public func beforeCountersEnd(_ read: @escaping @Sendable ([LoadBalancerID]) -> Void) { readCounters.withLock { $0 = read } }

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
        let wanted = Set(ids)
        var owners = desk.withLock { $0.programmer.stillCounting(for: wanted) }
        for loadBalancer in asked {
            for listener in [loadBalancer.listener] + loadBalancer.leaving.map(\.listener) {
                if let key = ServiceKey(listener) { owners[key] = loadBalancer.id }
            }
        }
        var read = try counters(of: owners)
        // After the kernel: what is removed meanwhile is here or there, and where it is in both it is counted once.
        let finals = desk.withLock { $0.programmer.finals }
        var counters: [LoadBalancerID: [TrafficCounter]] = [:]
        for loadBalancer in asked {
            for final in finals[loadBalancer.id] ?? [] { read[loadBalancer.id, default: [:]][final.run] = final }
            counters[loadBalancer.id] = (read[loadBalancer.id] ?? [:]).values.sorted { $0.run < $1.run }
        }
        return counters
    }

    /// What services have counted, by owner and run.
    private func counters(of owners: [ServiceKey: LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [UInt64: TrafficCounter]] {
        try reading { _, kernel throws(KernelFailure) in
            var counters: [LoadBalancerID: [UInt64: TrafficCounter]] = [:]
            func count(_ service: ListedService) {
                guard let owner = owners[service.key] else { return }
                counters[owner, default: [:]][service.key.run] = TrafficCounter(service.statistics, run: service.key.run)
            }
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

    func loadBalancers(_ ids: [LoadBalancerID]) -> [LoadBalancer] {
        running.withLock { running in ids.compactMap { running[$0]?.wrappedValue } }
    }

    /// Asks the kernel over the socket that is for asking.
    func reading<Result: Sendable>(
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

extension LoadBalancer {
    /// Whether the host has to translate addresses for it that it had not to translate before.
    fileprivate func translatesMore(than old: LoadBalancer?) -> Bool {
        guard let old, !old.isSuspended, old.listener == listener, old.forwarding.method == .nat else { return true }
        let known = Set(old.nodes.lazy.filter { $0.condition == .enabled }.map(\.endpoint))
        return nodes.contains { $0.condition == .enabled && !known.contains($0.endpoint) }
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
        capabilities.checkSource = true
        capabilities.quorum = true
        capabilities.panicThreshold = true
        capabilities.sorryServer = true
        capabilities.nodeTransitions = true
        return capabilities
    }
}

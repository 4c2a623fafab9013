import Glibc
import LBaaS
import Synchronization

@testable import IPVSDriver

/// The kernel's table of virtual services as a kernel in memory keeps it, with the rules that Linux 6.1 was seen to have.
///
/// Without packets: connections and counters are what a test says. The trash, from which the kernel takes back what was deleted a moment
/// ago, is left out, but that counters of a service begin at 0 when it is made again.
final class FakeTable: Sendable {
    struct Service: Hashable {
        var settings: ServiceSettings
        var destinations: [DestinationKey: Destination] = [:]
        /// The real servers, the newest first, as they are listed.
        var order: [DestinationKey] = []
        var active: [DestinationKey: UInt32] = [:]
        var statistics = Statistics()
    }

    /// What becomes of a batch that is interrupted.
    struct Interruption {
        /// So many changes are carried out or refused, and known to be.
        var heard: Int
        /// So many are carried out or refused.
        var done: Int
    }

    struct State {
        var services: [ServiceKey: Service] = [:]
        var timeouts = ConnectionTimeouts(tcp: 900, tcpFin: 120, udp: 300)
        var daemons: [SyncDaemon] = []
        /// The changes of each batch, and what else was set.
        var batches: [[Change]] = []
        var commands: [String] = []
        /// How often the table, or the real servers of one service, were listed.
        var lists = 0
        /// Refuses changes with an error number.
        var refuse: (@Sendable (Change) -> Int32?)?
        var interruption: Interruption?
        /// Why it cannot be asked.
        var failure: KernelFailure?
        /// Why daemons do not start.
        var startFailure: KernelFailure?
        /// Why there is no socket to be had.
        var openFailure: KernelFailure?
    }

    private let state = Mutex(State())

    func withLock<Result: Sendable>(_ body: (inout State) throws(KernelFailure) -> Result) throws(KernelFailure) -> Result {
        try state.withLock { state throws(KernelFailure) in try body(&state) }
    }

    /// Changes it behind the driver's back.
    func alter(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// Carries changes out behind the driver's back; all must be possible.
    func alter(_ changes: Change...) {
        state.withLock { state in
            for change in changes {
                let number = state.carryOut(change)
                precondition(number == 0, "\(change): \(number)")
            }
        }
    }

    /// The virtual services, without their counters.
    var services: [ServiceKey: VirtualService] {
        state.withLock { $0.services.mapValues { VirtualService(settings: $0.settings, destinations: Destinations($0.destinations)) } }
    }

    /// The changes that were sent since this was asked last, all batches in one.
    func takeChanges() -> [Change] {
        state.withLock { state in
            defer { state.batches = [] }
            return state.batches.flatMap(\.self)
        }
    }

    /// The changes of each batch that was sent since this was asked last.
    func takeBatches() -> [[Change]] {
        state.withLock { state in
            defer { state.batches = [] }
            return state.batches
        }
    }

    /// Counts bytes that go back to clients of a service.
    func send(_ bytes: UInt64, through key: ServiceKey) { alter { $0.services[key]?.statistics.bytesOut += bytes } }

    /// Sets how many connections a real server has.
    func connect(_ count: UInt32, to destination: DestinationKey, of key: ServiceKey) {
        alter { $0.services[key]?.active[destination] = count }
    }

    /// Refuses changes from now on, or none any more.
    func refuse(_ refuse: (@Sendable (Change) -> Int32?)?) { alter { $0.refuse = refuse } }
}

extension FakeTable.State {
    private static let schedulers: Set<String> = [
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh",
    ]

    /// Carries a change out; the error number where it is refused.
    mutating func carryOut(_ change: Change) -> Int32 {
        switch change {
        case .addService(let key, let settings):
            guard services[key] == nil else { return EEXIST }
            if let fault = fault(of: settings, key, destinations: 0) { return fault }
            services[key] = FakeTable.Service(settings: settings)
        case .setService(let key, let settings):
            guard let service = services[key] else { return ESRCH }
            if let fault = fault(of: settings, key, destinations: service.order.count) { return fault }
            services[key]?.settings = settings
        case .deleteService(let key):
            guard services.removeValue(forKey: key) != nil else { return ESRCH }
        case .readService(let key):
            guard services[key] != nil else { return ESRCH }
        case .addDestination(let key, let destination, let value):
            guard let service = services[key] else { return ESRCH }
            if let fault = fault(of: destination, value, key) { return fault }
            guard service.destinations[destination] == nil else { return EEXIST }
            services[key]?.destinations[destination] = value
            services[key]?.order.insert(destination, at: 0)
        case .setDestination(let key, let destination, let value):
            guard let service = services[key] else { return ESRCH }
            if let fault = fault(of: destination, value, key) { return fault }
            guard service.destinations[destination] != nil else { return ENOENT }
            services[key]?.destinations[destination] = value
        case .deleteDestination(let key, let destination):
            guard services[key] != nil else { return ESRCH }
            guard services[key]?.destinations.removeValue(forKey: destination) != nil else { return ENOENT }
            services[key]?.order.removeAll { $0 == destination }
            services[key]?.active[destination] = nil
        }
        return 0
    }

    private func fault(of settings: ServiceSettings, _ key: ServiceKey, destinations: Int) -> Int32? {
        if !Self.schedulers.contains(settings.scheduler.name) { return settings.scheduler.name.utf8.count > 15 ? EINVAL : ENOENT }
        if let engine = settings.persistenceEngine, engine != "sip" { return ENOENT }
        if key.family == .v6, !(1...128).contains(settings.netmask) { return EINVAL }
        if settings.scheduler == .maglevHashing, destinations > 4093 { return EINVAL }
        return nil
    }

    private func fault(of key: DestinationKey, _ value: Destination, _ service: ServiceKey) -> Int32? {
        if value.weight > 0x7FFF_FFFF || value.lowerThreshold > value.upperThreshold { return ERANGE }
        if key.address.family != service.family, !value.forwarding.isTunnel { return EINVAL }
        if value.forwarding.isTunnel, value.forwarding.tunnelType == 1, value.forwarding.tunnelPort == 0 { return EINVAL }
        switch key.address {
        case .v4(let bits): return bits == 0 || bits >> 28 >= 0xE ? EINVAL : nil
        case .v6(let high, let low):
            let isMapped = high == 0 && low >> 32 == 0xFFFF
            return key.address.isUnspecified || high >> 56 == 0xFF || high >> 54 == 0x3FA || isMapped ? EINVAL : nil
        }
    }
}

/// A socket to the table.
final class FakeKernel: Kernel {
    private let table: FakeTable

    init(_ table: FakeTable) { self.table = table }

    private func asking<Result: Sendable>(
        _ body: (inout FakeTable.State) throws(KernelFailure) -> Result
    ) throws(KernelFailure) -> Result {
        try table.withLock { state throws(KernelFailure) in
            if let failure = state.failure { throw failure }
            return try body(&state)
        }
    }

    func forEachService(_ body: (ListedService) -> Void) throws(KernelFailure) {
        let listed = try asking { state in
            state.lists += 1
            return state.services.map { ListedService(key: $0, settings: $1.settings, statistics: $1.statistics) }
        }
        for service in listed { body(service) }
    }

    func forEachDestination(
        of key: ServiceKey, withStatistics: Bool, _ body: (ListedDestination) -> Void
    ) throws(KernelFailure) {
        let listed = try asking { state -> [ListedDestination] in
            state.lists += 1
            guard let service = state.services[key] else { return [] }
            return service.order.compactMap { place in
                service.destinations[place].map {
                    ListedDestination(key: place, destination: $0, activeConnections: service.active[place] ?? 0)
                }
            }
        }
        for destination in listed { body(destination) }
    }

    func confirm(_ likely: Destinations, of key: ServiceKey) -> Bool {
        let hasThem = try? asking { state in
            guard let service = state.services[key], key.family == .v4 else { return false }
            return service.destinations == likely.table && likely.allSatisfy { !$0.1.forwarding.isTunnel }
        }
        return hasThem ?? false
    }

    func carryOut(_ changes: [Change], read: (Int, ListedService) -> Void) throws(KernelInterruption) -> [RefusedChange] {
        let outcome: Outcome
        do throws(KernelFailure) {
            outcome = try asking { $0.carryOut(changes) }
        } catch {
            throw KernelInterruption(message: error.message, refused: [], unknown: 0..<changes.count)
        }
        for (index, service) in outcome.read { read(index, service) }
        guard let unknown = outcome.unknown else { return outcome.refused }
        throw KernelInterruption(message: "the kernel did not answer", refused: outcome.refused, unknown: unknown)
    }

    fileprivate struct Outcome {
        var refused: [RefusedChange] = []
        var read: [(Int, ListedService)] = []
        var unknown: Range<Int>?
    }

    func timeouts() throws(KernelFailure) -> ConnectionTimeouts { try asking { $0.timeouts } }

    func setTimeouts(_ timeouts: ConnectionTimeouts) throws(KernelFailure) {
        try asking { state in
            state.commands.append("timeouts \(timeouts.tcp) \(timeouts.tcpFin) \(timeouts.udp)")
            if timeouts.tcp > 0 { state.timeouts.tcp = timeouts.tcp }
            if timeouts.tcpFin > 0 { state.timeouts.tcpFin = timeouts.tcpFin }
            if timeouts.udp > 0 { state.timeouts.udp = timeouts.udp }
        }
    }

    func daemons() throws(KernelFailure) -> [SyncDaemon] { try asking { $0.daemons } }

    func startDaemon(_ daemon: SyncDaemon) throws(KernelFailure) {
        try asking { state throws(KernelFailure) in
            state.commands.append("start \(daemon.role) on \(daemon.interface)")
            if let failure = state.startFailure { throw failure }
            if daemon.interface == "none0" { throw KernelFailure(.other, "No such device", number: ENODEV) }
            if state.daemons.contains(where: { $0.role == daemon.role }) { throw KernelFailure(.other, "File exists", number: EEXIST) }
            var running = daemon.normalized
            if running.maximumLength == 0 { running.maximumLength = 1464 }
            state.daemons.append(running)
        }
    }

    func stopDaemon(_ daemon: SyncDaemon) throws(KernelFailure) {
        try asking { state throws(KernelFailure) in
            state.commands.append("stop \(daemon.role) on \(daemon.interface)")
            guard let place = state.daemons.firstIndex(where: { $0.role == daemon.role }) else {
                throw KernelFailure(.other, "No such process", number: ESRCH)
            }
            state.daemons.remove(at: place)
        }
    }

    func zero(_ key: ServiceKey?) throws(KernelFailure) {
        try asking { state in
            for place in key.map({ [$0] }) ?? Array(state.services.keys) { state.services[place]?.statistics = Statistics() }
        }
    }

    func flush() throws(KernelFailure) { try asking { $0.services = [:] } }

    func info() throws(KernelFailure) -> (version: UInt32, connectionTableSize: UInt32) { try asking { _ in (0x010201, 4096) } }
}

extension FakeTable.State {
    fileprivate mutating func carryOut(_ changes: [Change]) -> FakeKernel.Outcome {
        var outcome = FakeKernel.Outcome()
        batches.append(changes)
        let interruption = self.interruption
        self.interruption = nil
        for (index, change) in changes.prefix(interruption?.done ?? changes.count).enumerated() {
            let number = refuse?(change) ?? carryOut(change)
            if index >= interruption?.heard ?? changes.count { continue }
            if number != 0 { outcome.refused.append(RefusedChange(index: index, number: number)) }
            if number == 0, case .readService(let key) = change, let service = services[key] {
                outcome.read.append((index, ListedService(key: key, settings: service.settings, statistics: service.statistics)))
            }
        }
        outcome.unknown = interruption.map { $0.heard..<changes.count }
        return outcome
    }
}

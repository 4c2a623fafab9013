import Glibc
import HostSystem
package import LBaaS
import Netlink
import Synchronization

/// The edge of this host, by which packets come to the services of a cluster: local routes or bound addresses, and tables of the
/// packet filter.
///
/// The sets of the packet filter are changed by who knows the cluster: before a service is served (`prepare`), and behind it (`finish`). The
/// routes come and go with what the appliance runs, as an effect of the layer above it: a route is added when its services are served, and
/// removed when nothing drains on it any more. What somebody else removes is brought back; tables, routes and addresses of others are never
/// touched; at the end all is left as it is.
package final class HostEdge: Actuator {
    /// How the edge is made.
    package struct Options: Hashable, Sendable {
        /// Whether there is a packet filter.
        package var filters: Bool
        /// By what this host takes packets for addresses of services.
        package var binding: AddressBinding
        /// How often everything is looked at.
        package var interval: Duration

        /// - Parameters:
        ///   - filters: whether there is a packet filter, and not routes or addresses alone.
        ///   - binding: by what this host takes packets for addresses of services.
        ///   - interval: how often everything is looked at.
        package init(filters: Bool = true, binding: AddressBinding = .routes, interval: Duration = .seconds(30)) {
            (self.filters, self.binding, self.interval) = (filters, binding, interval)
        }
    }

    package let layer = EffectLayer.edge

    private struct State: ~Copyable {
        var tables: PacketTables?
        var connections: TrackedConnections?
        /// Where services are reached of which it is not known yet that they are served.
        var unsettled: Set<TrackedConnections.Target> = []
        var delivery: LocalDelivery
        /// The addresses of each load balancer, as the effects were told last.
        var places: [LoadBalancerID: Set<IPAddress>] = [:]
        /// Addresses that are not asked for any more, and whose ports without a service are refused as long as a route leads here.
        var deferred: Set<EdgeElement> = []
        var isStopped = false

        /// Whether something runs or drains on what an element has packets taken for.
        func isUsed(_ element: EdgeElement) -> Bool {
            guard let range = element.range else { return false }
            return delivery.isUsed(range)
        }
    }

    private let state: Mutex<State>
    private let waker = Waker()
    private let monitored: Int32
    private let options: Options
    private let log: Log
    private let owns: @Sendable (LoadBalancerID) -> Bool
    private let filterLog: RepeatedLog
    private let routeLog: RepeatedLog
    private let connectionLog: RepeatedLog
    private let ended = DispatchGroupBox()

    /// An edge that touches nothing before it is told what is needed.
    ///
    /// - Parameter owns: of which load balancers it is the edge.
    /// - Throws: `unsupported` where the kernel lacks what is needed, `system` where it cannot be asked.
    package init(_ options: Options, log: Log, owns: @escaping @Sendable (LoadBalancerID) -> Bool) throws(EdgeError) {
        self.options = options
        self.log = log
        self.owns = owns
        filterLog = RepeatedLog(log)
        routeLog = RepeatedLog(log)
        connectionLog = RepeatedLog(log)
        let delivery = try LocalDelivery(options.binding, log: log)
        if options.filters {
            let tables = try PacketTables()
            monitored = tables.descriptor
            state = Mutex(State(tables: consume tables, connections: try? TrackedConnections(), delivery: consume delivery))
        } else {
            monitored = -1
            state = Mutex(State(tables: nil, connections: nil, delivery: consume delivery))
        }
    }

    // MARK: Who knows the cluster

    /// Takes elements in, before what needs them is served.
    ///
    /// - Parameters:
    ///   - removing: elements that go before what needed them does: ports with a service, so that no packet comes to the host itself meanwhile.
    ///   - keepsRest: whether what an earlier worker left is kept for now.
    /// - Returns: why the packet filter could not be changed; nil where it was.
    package func prepare(
        _ elements: Set<EdgeElement>, removing: Set<EdgeElement> = [], keepsRest: Bool = false
    ) -> String? {
        change(adding: elements, removing: removing, keepsRest: keepsRest, isSettled: false)
    }

    /// Takes elements out, behind what needed them.
    ///
    /// - Parameter adding: elements that come behind what they are for: ports with a service.
    /// - Returns: why the packet filter could not be changed; nil where it was. It is tried again.
    package func finish(_ elements: Set<EdgeElement>, adding: Set<EdgeElement> = []) -> String? {
        defer {
            state.withLock { $0.delivery.settle() }
            waker.wake()
        }
        return change(adding: adding, removing: elements, keepsRest: false, isSettled: true)
    }

    /// - Parameter isSettled: whether what was added since the last time is served now.
    private func change(adding: Set<EdgeElement>, removing: Set<EdgeElement>, keepsRest: Bool, isSettled: Bool) -> String? {
        let failure = state.withLock { state -> String? in
            defer { forgetConnections(to: adding, isSettled, &state) }
            state.delivery.change(adding: adding.compactMap(\.range), removing: removing.compactMap(\.range))
            var later: Set<EdgeElement> = []
            for element in removing where state.isUsed(element) { later.insert(element) }
            state.deferred = state.deferred.union(later).subtracting(adding)
            do throws(NetlinkError) {
                try state.tables?.change(adding: adding, removing: removing.subtracting(later), keepsRest: keepsRest)
                return nil
            } catch {
                return "\(error)"
            }
        }
        note(failure)
        waker.wake()
        return failure
    }

    /// Has the kernel forget connections to services that are tracked since before these were served: they would reach endpoints with their
    /// client's address.
    private func forgetConnections(to elements: Set<EdgeElement>, _ isSettled: Bool, _ state: inout State) {
        guard let connections = state.connections else { return }
        state.unsettled.formUnion(elements.compactMap(\.target))
        defer { if isSettled { state.unsettled = [] } }
        do throws(NetlinkError) {
            try connections.forgetUntranslated(to: state.unsettled)
            connectionLog.end()
        } catch {
            connectionLog.write(
                .warning, "clients that were sending before a service was served may get no answer for as long as they go on",
                [("error", "\(error)")])
        }
    }

    /// Takes the addresses that this host prefers as the source of what it sends to services, one a family.
    package func setSources(_ addresses: [IPAddress]) {
        state.withLock { $0.delivery.setSources(addresses) }
        waker.wake()
    }

    /// Looks at everything where an address of services is not bound any more that should be; with nil, where that is not known.
    package func noticeLoss(of address: IPAddress?) {
        state.withLock { $0.delivery.noticeLoss(of: address) }
        waker.wake()
    }

    private func note(_ failure: String?) {
        guard let failure else { return filterLog.end() }
        filterLog.write(.error, "the packet filter is not as services need it; it is tried again", [("error", failure)])
    }

    // MARK: What runs

    package func begin(_ states: [EffectiveState]) {
        state.withLock { state in for effective in states { take(effective, &state) } }
        ended.enter()
        let isStarted = startThread { [self] in
            run()
            ended.leave()
        }
        if !isStarted {
            ended.leave()
            log.write(.error, "the system has no thread to spare for the edge of services: nothing of it is repaired")
        }
        waker.wake()
    }

    package func add(_ changes: [EffectiveChange]) { take(changes) }

    package func remove(_ changes: [EffectiveChange]) { take(changes) }

    private func take(_ changes: [EffectiveChange]) {
        let isDone = state.withLock { state in
            for change in changes { take(change.new, &state) }
            return state.delivery.isInStep
        }
        if !isDone { waker.wake() }
    }

    private func take(_ effective: EffectiveState, _ state: inout State) {
        guard owns(effective.id) else { return }
        let (old, new) = (state.places[effective.id] ?? [], effective.addresses)
        if old == new { return }
        state.places[effective.id] = new.isEmpty ? nil : new
        for address in new.subtracting(old) { state.delivery.use(address, by: 1) }
        for address in old.subtracting(new) { state.delivery.use(address, by: -1) }
    }

    package func flush(within limit: Duration) -> Bool {
        let deadline = Deadline(in: limit)
        repeat {
            synchronize()
            if state.withLock({ $0.delivery.isInStep || $0.isStopped }) { return true }
        } while !deadline.isOver
        return false
    }

    /// Ends. All is left as it is.
    package func stop(within limit: Duration) -> Bool {
        state.withLock { $0.isStopped = true }
        waker.wake()
        return ended.wait(limit)
    }

    // MARK: The thread

    private func run() {
        var next = Deadline(in: options.interval)
        while !state.withLock({ $0.isStopped }) {
            if next.isOver {
                state.withLock { $0.delivery.doubt() }
                next = Deadline(in: options.interval)
            }
            let isWhole = synchronize()
            // What could not be done is tried again soon.
            let pause = isWhole ? next.rest : min(next.rest, .seconds(1))
            _ = waker.wait(until: Deadline(in: pause), watching: monitored, for: POLLIN)
        }
    }

    /// Brings everything to what it should be.
    ///
    /// - Returns: whether it is.
    @discardableResult private func synchronize() -> Bool {
        let (filterFailure, isRepaired, routeFailure) = state.withLock { state -> (String?, Bool, String?) in
            if state.isStopped { return (nil, false, nil) }
            var (filterFailure, isRepaired): (String?, Bool) = (nil, false)
            do throws(NetlinkError) { isRepaired = try state.tables?.repair() ?? false } catch { filterFailure = "\(error)" }
            do throws(NetlinkError) {
                try state.delivery.synchronize()
                try Self.removeDeferred(&state)
                return (filterFailure, isRepaired, nil)
            } catch {
                return (filterFailure, isRepaired, "\(error)")
            }
        }
        note(filterFailure)
        if isRepaired { log.write(.warning, "the packet filter of services was changed by somebody else; it is put right") }
        if let routeFailure {
            routeLog.write(
                .error, "this host cannot take packets for all addresses of services; it is tried again", [("error", routeFailure)])
        } else {
            routeLog.end()
        }
        return filterFailure == nil && routeFailure == nil
    }

    /// Takes addresses out of the packet filter to which no route leads any more.
    private static func removeDeferred(_ state: inout State) throws(NetlinkError) {
        if state.deferred.isEmpty { return }
        var due: Set<EdgeElement> = []
        for element in state.deferred where !state.isUsed(element) { due.insert(element) }
        if due.isEmpty { return }
        state.deferred.subtract(due)
        try state.tables?.change(adding: [], removing: due)
    }

    /// Removes what an earlier worker left: its tables, its routes and its interface, and nothing else.
    ///
    /// - Returns: what was removed, in words.
    package static func removeLeftover() throws(EdgeError) -> [String] {
        var removed = try removeLeftoverRoutes()
        do throws(NetlinkError) {
            if try PacketTables.removeLeftover() { removed.append("the tables \(EdgeRules.table) of the packet filter") }
            return removed
        } catch {
            throw EdgeError(.system, "\(error)")
        }
    }

    /// Removes the routes and the interface that an earlier worker left, so that no more packets come to its services.
    ///
    /// - Returns: what was removed, in words.
    package static func removeLeftoverRoutes() throws(EdgeError) -> [String] {
        do throws(NetlinkError) {
            return try LocalDelivery.removeLeftover()
        } catch {
            throw EdgeError(.system, "\(error)")
        }
    }
}

extension EdgeElement {
    /// What packets are taken for; nil where it is something else.
    fileprivate var range: AddressRange? { if case .address(let range) = self { range } else { nil } }

    /// Where a service is reached; nil where it is something else.
    fileprivate var target: TrackedConnections.Target? {
        switch self {
        case .service(let listener), .masquerade(let listener), .masqueradeOutsiders(let listener), .inside(let listener, _):
            guard let address = listener.address else { return nil }
            return TrackedConnections.Target(address: NetworkAddress(address), transport: listener.transport.number, port: listener.port)
        case .address, .hairpin, .blackhole, .firewall, .allow, .podRange: return nil
        }
    }
}

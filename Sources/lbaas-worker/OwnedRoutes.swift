import LBaaS
import Synchronization

/// Routes, of which those to virtual IPs are told only while this host has the address. All others are passed on as they are.
final class OwnedRoutes: Actuator {
    let layer: EffectLayer
    private let routes: any Actuator
    private let withdrawsOnStop: Bool
    private let state: Mutex<State>

    private struct State {
        var hasBegun = false
        /// The virtual IPs, and what were some: no other host is to be sent to them by this one.
        var addresses: Set<IPAddress>
        /// The virtual IPs that this host has.
        var owned: Set<IPAddress> = []
        /// The load balancers that listen on each address, as they were told last.
        var states: [IPAddress: [LoadBalancerID: EffectiveState]] = [:]
        var places: [LoadBalancerID: IPAddress] = [:]
    }

    /// - Parameters:
    ///   - routes: is told of them.
    ///   - addresses: the virtual IPs. This host has none of them until `set` says so.
    ///   - withdrawsOnStop: whether routes to virtual IPs are withdrawn at the end, for the addresses are given up behind it.
    init(_ routes: any Actuator, addresses: Set<IPAddress>, withdrawsOnStop: Bool) {
        self.layer = routes.layer
        self.routes = routes
        state = Mutex(State(addresses: addresses))
        self.withdrawsOnStop = withdrawsOnStop
    }

    /// This host has a virtual IP from now on, or has it no more. It does not wait.
    func set(_ address: IPAddress, isOwned: Bool) {
        // The routes are told under the lock, so that they are told in order.
        state.withLock { state in
            guard isOwned != state.owned.contains(address) else { return }
            if isOwned { state.owned.insert(address) } else { state.owned.remove(address) }
            guard state.hasBegun, state.addresses.contains(address), let states = state.states[address]?.values else { return }
            if isOwned {
                routes.add(states.map { EffectiveChange(from: $0.withdrawn, to: $0) })
            } else {
                routes.remove(states.map { EffectiveChange(from: $0, to: $0.withdrawn) })
            }
        }
    }

    /// These are virtual IPs, too. Routes to them are withdrawn, unless this host has them.
    func add(_ addresses: Set<IPAddress>) {
        state.withLock { state in
            for address in addresses where state.addresses.insert(address).inserted && !state.owned.contains(address) {
                guard state.hasBegun, let states = state.states[address]?.values else { continue }
                routes.remove(states.map { EffectiveChange(from: $0, to: $0.withdrawn) })
            }
        }
    }

    func begin(_ states: [EffectiveState]) {
        state.withLock { state in
            state.hasBegun = true
            for effective in states { note(effective, &state) }
            routes.begin(states.map { owned($0, state) })
        }
    }

    func add(_ changes: [EffectiveChange]) { take(changes) { routes.add($0) } }

    func remove(_ changes: [EffectiveChange]) { take(changes) { routes.remove($0) } }

    private func take(_ changes: [EffectiveChange], _ tell: ([EffectiveChange]) -> Void) {
        state.withLock { state in
            for change in changes { note(change.new, &state) }
            tell(changes.map { EffectiveChange(from: owned($0.old, state), to: owned($0.new, state)) })
        }
    }

    private func note(_ effective: EffectiveState, _ state: inout State) {
        if let old = state.places.removeValue(forKey: effective.id) { state.states[old]?[effective.id] = nil }
        guard let address = effective.service?.service.listener.address else { return }
        state.places[effective.id] = address
        state.states[address, default: [:]][effective.id] = effective
    }

    /// A state as the routes are told of it.
    private func owned(_ effective: EffectiveState, _ state: borrowing State) -> EffectiveState {
        guard let address = effective.service?.service.listener.address, state.addresses.contains(address), !state.owned.contains(address)
        else {
            return effective
        }
        return effective.withdrawn
    }

    func flush(within limit: Duration) -> Bool { routes.flush(within: limit) }

    func stop(within limit: Duration) -> Bool {
        if withdrawsOnStop { for address in state.withLock(\.addresses) { set(address, isOwned: false) } }
        return routes.stop(within: limit)
    }
}

extension EffectiveState {
    /// The same without a service.
    fileprivate var withdrawn: EffectiveState { keeping(addresses, isWithdrawn: true) }
}

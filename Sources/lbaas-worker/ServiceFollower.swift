import LBaaS
import Synchronization

/// Finds out, of some addresses, whether load balancers listen on them and none of these is up.
///
/// It is an effect of the layer of the addresses: an address recovers before the appliance serves what comes up, and fails when routes to it
/// are withdrawn and the appliance is changed.
final class ServiceFollower: Actuator {
    let layer = EffectLayer.addresses
    private let tell: @Sendable (IPAddress, String?) -> Void
    private let state = Mutex(State())

    private struct State {
        var hasBegun = false
        /// The addresses that are followed.
        var followed: Set<IPAddress> = []
        /// Of each address, which load balancers listen on it, and whether they are up.
        var services: [IPAddress: [LoadBalancerID: Bool]] = [:]
        var upCounts: [IPAddress: Int] = [:]
        /// Where each load balancer listens.
        var places: [LoadBalancerID: IPAddress] = [:]
        /// The addresses that fail.
        var failing: Set<IPAddress> = []
    }

    /// A follower of no address yet.
    ///
    /// - Parameter tell: takes how each address that is followed is when that is known first, and then each change, in order: why it fails, or
    ///   nil where it works. It must not block.
    init(_ tell: @escaping @Sendable (IPAddress, String?) -> Void) { self.tell = tell }

    /// Follows these addresses from now on, and no others.
    func follow(_ addresses: Set<IPAddress>) {
        state.withLock { state in
            let new = addresses.subtracting(state.followed)
            state.followed = addresses
            state.failing.formIntersection(addresses)
            if state.hasBegun { for address in new { judge(address, &state, isFirst: true) } }
        }
    }

    func begin(_ states: [EffectiveState]) {
        state.withLock { state in
            var changed: Set<IPAddress> = []
            for effective in states { place(effective.id, effective.service, &state, &changed) }
            state.hasBegun = true
            for address in state.followed { judge(address, &state, isFirst: true) }
        }
    }

    func add(_ changes: [EffectiveChange]) {
        change { state, changed in
            for service in changes.compactMap(\.new.service) where service.isUp {
                let id = service.service.loadBalancer
                // One that moves is moved when it is removed from where it was.
                if state.places[id] == nil || state.places[id] == service.service.listener.address {
                    place(id, service, &state, &changed)
                }
            }
        }
    }

    func remove(_ changes: [EffectiveChange]) {
        change { state, changed in
            for change in changes { place(change.new.id, change.new.service, &state, &changed) }
        }
    }

    func flush(within limit: Duration) -> Bool { true }

    func stop(within limit: Duration) -> Bool { true }

    /// Notes where a load balancer listens, and whether it is up.
    private func place(_ id: LoadBalancerID, _ service: ServiceState?, _ state: inout State, _ changed: inout Set<IPAddress>) {
        if let old = state.places.removeValue(forKey: id) {
            if state.services[old]?.removeValue(forKey: id) ?? false { state.upCounts[old, default: 0] -= 1 }
            changed.insert(old)
        }
        guard let service, let address = service.service.listener.address else { return }
        state.places[id] = address
        state.services[address, default: [:]][id] = service.isUp
        if service.isUp { state.upCounts[address, default: 0] += 1 }
        changed.insert(address)
    }

    private func change(_ body: (inout State, inout Set<IPAddress>) -> Void) {
        state.withLock { state in
            var changed: Set<IPAddress> = []
            body(&state, &changed)
            for address in changed where state.followed.contains(address) { judge(address, &state, isFirst: false) }
        }
    }

    /// Tells how an address is, where that is not what was told. Under the lock, so that changes are told in their order.
    private func judge(_ address: IPAddress, _ state: inout State, isFirst: Bool) {
        let count = state.services[address]?.count ?? 0
        let fails = count > 0 && state.upCounts[address] ?? 0 == 0
        if !isFirst, fails == state.failing.contains(address) { return }
        if fails { state.failing.insert(address) } else { state.failing.remove(address) }
        tell(address, fails ? "none of the \(count) load balancers that listen on it is up" : nil)
    }
}

import LBaaS
import Requests

// What requests want of the routes that routers are told.

extension Admission {
    /// The most addresses to which routes can be stopped singly.
    static let mostSilenced = 1024

    /// Decides on a change of the routes that are told.
    ///
    /// - Parameters:
    ///   - origin: who asks for it.
    ///   - routes: those that are stopped, with the changes decided on before.
    /// - Returns: those that are stopped then.
    /// - Throws: why it is refused.
    func decide(_ change: RouteChange, by origin: Origin, on routes: SilencedRoutes, now: Timestamp) throws(Refusal) -> SilencedRoutes {
        var routes = routes
        let stop = SilencedRoutes.Stop(time: now, origin: origin.name)
        switch change {
        case .stop(let address):
            if routes[address] != nil { break }
            if routes.addresses.count >= Self.mostSilenced {
                throw Refusal(.unsupported, "routes are stopped to \(Self.mostSilenced) addresses at most; stop all, or start some of them")
            }
            routes.addresses[address] = stop
        case .start(let address):
            if let all = routes.all {
                throw Refusal(.conflict, "no routes are told at all, since \(all.time.text) by \(all.origin); start all of them first")
            }
            routes.addresses[address] = nil
        case .stopAll: routes.all = routes.all ?? stop
        case .startAll: routes = SilencedRoutes()
        }
        return routes
    }
}

extension BaseState {
    /// The routes that are stopped.
    var silencedRoutes: SilencedRoutes { pending?.silencedRoutes ?? committed.read { $0.wanted.silencedRoutes } }

    /// Whether no route may be told to the address of a load balancer. Those of a cluster are told by others, if at all.
    func isSilenced(_ entry: WantedState.Entry?) -> Bool {
        guard let entry, let address = entry.inService?.address else { return false }
        if entry.source == .kubernetes { return true }
        return pending.map { $0.silencedRoutes[address] != nil } ?? committed.read { $0.wanted.silencedRoutes[address] != nil }
    }
}

extension Draft {
    /// Takes the routes that are to be stopped.
    ///
    /// - Returns: whether they are others than before.
    mutating func take(_ routes: SilencedRoutes) -> Bool {
        let old = changes.silencedRoutes
        if routes == old { return false }
        changes.silencedRoutes = routes
        changes.changesRoutes = true
        for id in ids {
            guard let address = self[id]?.inService?.address, (old[address] == nil) != (routes[address] == nil) else { continue }
            changes.rerouted.insert(id)
        }
        return true
    }
}

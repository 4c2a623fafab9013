/// Whether a service is to be told to the world as up, and why not: what routes and listeners of events go by.
public struct ServiceState: Hashable, Sendable {
    /// Which service.
    public let service: Service
    /// Whether it serves, and has its quorum.
    public private(set) var isUp: Bool
    /// The weight of its nodes in service.
    public let weight: UInt64
    /// The weight that it needs; nil for any.
    public let quorum: UInt32?
    /// Why it is down; nil where it is up.
    public private(set) var reason: String?

    /// The service as routers are told of it where routes to its address are stopped.
    var silenced: ServiceState {
        var state = self
        if isUp { (state.isUp, state.reason) = (false, "routes to it are stopped") }
        return state
    }

    /// The service of a load balancer.
    ///
    /// - Parameter health: how its nodes are; nil where nobody finds out, and what is enabled counts as up.
    public init(of wanted: LoadBalancer, health: ServiceHealth?) {
        service = Service(loadBalancer: wanted.id, listener: wanted.listener)
        quorum = wanted.quorum
        if wanted.isSuspended {
            (isUp, weight, reason) = (false, 0, "suspended")
            return
        }
        weight = (health ?? ServiceHealth()).weightInService(wanted)
        isUp = health?.isUp(wanted) ?? (weight > 0)
        if isUp {
            reason = nil
        } else if let health, health.hasQuorum {
            reason = "no check has found its nodes up yet"
        } else {
            let all = wanted.nodes.reduce(0) { $0 + UInt64($1.weight) }
            reason = "weight \(weight) of \(all)" + (wanted.quorum.map { ", quorum \($0)" } ?? "")
        }
    }

    /// The state as an event of this moment.
    public func event(at time: Timestamp) -> ServiceEvent {
        ServiceEvent(isUp ? .up : .down, service, reason: reason, weight: weight, quorum: quorum, time: time)
    }
}

extension ServiceState {
    /// What goes, and what comes, where a service becomes another.
    ///
    /// - Parameters:
    ///   - old: the service as it was; nil where there was none.
    ///   - new: the service as it is to be; nil where it is deleted.
    static func change(
        from old: ServiceState?, to new: ServiceState?, at time: Timestamp
    ) -> (down: ServiceEvent?, up: ServiceEvent?) {
        let isSame = old?.service.listener == new?.service.listener
        let (wasUp, isUp) = (old?.isUp ?? false, new?.isUp ?? false)
        let down: ServiceEvent? =
            if let old, wasUp, !(isSame && isUp) {
                ServiceEvent(
                    .down, old.service, reason: new.map { $0.reasonToEnd(old) } ?? "deleted", weight: isSame ? new?.weight ?? 0 : 0,
                    quorum: old.quorum, time: time)
            } else {
                nil
            }
        return (down, isUp && !(isSame && wasUp) ? new?.event(at: time) : nil)
    }

    private func reasonToEnd(_ old: ServiceState) -> String {
        if let reason, reason == "suspended" || service.listener == old.service.listener { return reason }
        return "moved to \(service.listener)"
    }
}

/// What the world is told of a change.
public struct ServiceEvents: Sendable {
    /// What goes, told before the appliance is changed.
    public private(set) var before: [ServiceEvent] = []
    /// What comes, told when the appliance serves it; then what goes as another service takes its listener over, so that an address
    /// which is never without a service is never withdrawn.
    public private(set) var after: [ServiceEvent] = []

    /// Whether any service goes, now or as another one takes its listener over.
    public var tellsDown: Bool { !before.isEmpty || after.contains { $0.kind == .down } }

    /// Nothing.
    public init() {}

    /// What the world is told where load balancers become others.
    ///
    /// - Parameter service: the service of a state, as those have it who are told.
    public init(_ changes: [EffectiveChange], at time: Timestamp, of service: (EffectiveState) -> ServiceState? = \.service) {
        let events = changes.map { ServiceState.change(from: service($0.old), to: service($0.new), at: time) }
        after = events.compactMap(\.up)
        let heirs = Set(after.map(\.service.listener))
        for down in events.compactMap(\.down) {
            if heirs.contains(down.service.listener) { after.append(down) } else { before.append(down) }
        }
    }
}

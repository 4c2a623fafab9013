/// One load balancer as it should be in force right now: what its layers of effects are to bring about.
///
/// It is a function of what is wanted and the facts, and of nothing else.
public struct EffectiveState: Hashable, Sendable {
    /// Whose.
    public let id: LoadBalancerID
    /// As the appliance should run it; nil where it should run nothing of it.
    public let appliance: LoadBalancer?
    private var wanted: LoadBalancer?
    private let health: ServiceHealth?
    /// Whether routers are not told of its service, though it may be up.
    public let isSilenced: Bool
    /// Addresses that are bound besides those that it needs.
    private var keptAddresses: Set<IPAddress> = []

    fileprivate init(
        id: LoadBalancerID, appliance: LoadBalancer?, wanted: LoadBalancer?, health: ServiceHealth?, isSilenced: Bool = false
    ) {
        self.isSilenced = isSilenced
        self.id = id
        self.appliance = appliance
        self.wanted = wanted
        self.health = health
    }

    /// The state while a change is prepared that is not made yet.
    ///
    /// - Parameters:
    ///   - addresses: what is bound for it already.
    ///   - isWithdrawn: whether the world was told already that its service goes.
    public func keeping(_ addresses: Set<IPAddress>, isWithdrawn: Bool) -> EffectiveState {
        var state = self
        state.keptAddresses = addresses
        if isWithdrawn { state.wanted = nil }
        return state
    }

    /// The same while routers were told already that its service goes.
    public var silenced: EffectiveState {
        var state = EffectiveState(id: id, appliance: appliance, wanted: wanted, health: health, isSilenced: true)
        state.keptAddresses = keptAddresses
        return state
    }

    /// A load balancer of which nothing is in force.
    public static func absent(_ id: LoadBalancerID) -> EffectiveState {
        EffectiveState(id: id, appliance: nil, wanted: nil, health: nil)
    }

    /// Its service, as the world is told of it; nil where there is none.
    public var service: ServiceState? { wanted.map { ServiceState(of: $0, health: health) } }

    /// Its service, as routers are told of it: down where routes to its address are stopped.
    public var routedService: ServiceState? { isSilenced ? service?.silenced : service }

    /// The addresses that must be bound for it: those of its listener, as long as the appliance runs anything of it. The layer of the
    /// addresses takes the virtual IPs among them.
    public var addresses: Set<IPAddress> {
        guard let appliance else { return keptAddresses }
        return keptAddresses.union(([appliance.listener] + appliance.leaving.map(\.listener)).compactMap(\.address))
    }

    /// The addresses that are to be told to routers: that of its listener, while its service is up and they are not stopped.
    public var routes: Set<IPAddress> {
        guard let routed = routedService, routed.isUp, let address = routed.service.listener.address else { return [] }
        return [address]
    }
}

/// How wanted state and facts become effective state: it depends on what the driver leaves to the worker.
public struct EffectiveRule: Hashable, Sendable {
    /// Whether the worker lets real servers drain that leave.
    public let drains: Bool
    /// Who finds out how nodes are.
    public let checking: NodeChecking

    /// The rule for a driver with this upkeep.
    public init(_ upkeep: Upkeep) {
        drains = upkeep.drainTimeout != nil
        checking = upkeep.checking
    }

    /// Whether what is wanted is what should run, whatever the facts are.
    public var isIdentity: Bool { !drains && checking == .nobody }

    /// A load balancer as it should be in force.
    ///
    /// - Parameters:
    ///   - wanted: as it is wanted; nil where it is deleted.
    ///   - health: how its nodes are; nil where nobody finds out.
    ///   - isSilenced: whether no route may be told to its address.
    public func state(
        of id: LoadBalancerID, wanted: LoadBalancer?, drains: DrainTable, health: ServiceHealth?, isSilenced: Bool = false
    ) -> EffectiveState {
        EffectiveState(
            id: id, appliance: appliance(wanted, id: id, drains, health), wanted: wanted, health: wanted == nil ? nil : health,
            isSilenced: isSilenced && wanted != nil)
    }

    private func appliance(
        _ wanted: LoadBalancer?, id: LoadBalancerID, _ drains: DrainTable, _ health: ServiceHealth?
    ) -> LoadBalancer? {
        let drained = self.drains ? drains.effective(wanted, id: id) : wanted
        guard wanted != nil, let drained, let health else { return drained }
        return switch checking {
        case .nobody: drained
        case .driver: health.effectiveWhereNodesAreChecked(drained)
        case .worker: health.effective(drained)
        }
    }
}

/// The difference of two effective states of one load balancer: what effects get.
public struct EffectiveChange: Sendable {
    /// As it was.
    public let old: EffectiveState
    /// As it is to be.
    public let new: EffectiveState

    /// A change.
    public init(from old: EffectiveState, to new: EffectiveState) {
        self.old = old
        self.new = new
    }
}

extension DrainTable {
    /// A load balancer as it should run right now: as it is wanted, with what drains. Nil where nothing of it should run.
    ///
    /// - Parameters:
    ///   - wanted: the load balancer as it is wanted; nil where it is deleted.
    ///   - id: its identity.
    public func effective(_ wanted: LoadBalancer?, id: LoadBalancerID) -> LoadBalancer? {
        var own: Set<Endpoint> = []
        var leaving: [Leaving] = []
        for (listener, drains) in drains(of: id) {
            let nodes = wanted.flatMap { $0.listener == listener ? Set($0.nodes.map(\.endpoint)) : nil } ?? []
            for drain in drains {
                if nodes.contains(drain.endpoint) {
                    own.insert(drain.endpoint)
                } else {
                    leaving.append(Leaving(listener: listener, endpoint: drain.endpoint))
                }
            }
        }
        guard var effective = wanted else { return LoadBalancer(id: id, leaving: leaving) }
        effective.leaving = leaving
        for index in effective.nodes.indices where effective.nodes[index].condition != .enabled {
            effective.nodes[index].condition = own.contains(effective.nodes[index].endpoint) ? .draining : .disabled
        }
        return effective
    }
}

extension LoadBalancer {
    /// What is left of a load balancer that is deleted: real servers that finish what they have. Nil where there is none.
    fileprivate init?(id: LoadBalancerID, leaving: [Leaving]) {
        guard let listener = leaving.first?.listener else { return nil }
        self.init(id: id, serviceProtocol: listener.transport.plainProtocol, address: listener.address, port: listener.port)
        isSuspended = true
        firewallMark = listener.mark
        self.leaving = leaving
    }

    /// Whether this looks like what is left of a load balancer that is deleted.
    public var isRest: Bool { isSuspended && nodes.isEmpty && !leaving.isEmpty }
}

extension Transport {
    /// What a load balancer carries of which no more is known.
    fileprivate var plainProtocol: ServiceProtocol {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        case .sctp: .sctp
        }
    }
}

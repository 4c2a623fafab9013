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

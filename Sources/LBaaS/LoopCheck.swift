/// Finds load balancers whose traffic would come back to them: whose node is a listener of this host, of their own or of another load
/// balancer that leads back.
///
/// Host names other than `localhost` are not resolved. The cost grows with the nodes of the load balancer that is asked about, and of
/// those that it leads to.
package struct LoopCheck {
    /// A way from a load balancer back to itself.
    package struct Loop: Hashable, Sendable {
        package init(node: Int?, loadBalancers: [LoadBalancerID]) {
            self.node = node
            self.loadBalancers = loadBalancers
        }

        /// The place of the node that it begins with; nil for the sorry server.
        package let node: Int?
        /// The load balancers on it, from the first to the one before it again.
        package let loadBalancers: [LoadBalancerID]

        /// What is wrong, without the path of the field.
        package var sentence: String {
            if loadBalancers.count == 1 { return "is where this load balancer listens itself: its traffic would go round in a loop" }
            return "leads back to this load balancer over \(loadBalancers.dropFirst().map { quoted($0.text) }.joined(separator: ", ")): "
                + "its traffic would go round in a loop"
        }

        /// The path of the field at fault, below the load balancer: `nodes[2].address`.
        package var field: String { node.map { "nodes[\($0)].address" } ?? "sorry_server.address" }
    }

    private let listeners: ListenerTable
    private let hostAddresses: Set<IPAddress>
    private let loadBalancer: (LoadBalancerID) -> LoadBalancer?

    /// A check of load balancers as they would be.
    ///
    /// - Parameters:
    ///   - listeners: where they would listen.
    ///   - hostAddresses: the addresses of the host. Loopback addresses need not be among them.
    ///   - loadBalancer: the load balancer of an identity.
    package init(
        listeners: ListenerTable, hostAddresses: Set<IPAddress>, loadBalancer: @escaping (LoadBalancerID) -> LoadBalancer?
    ) {
        self.listeners = listeners
        self.hostAddresses = hostAddresses
        self.loadBalancer = loadBalancer
    }

    /// The first loop that begins and ends at a load balancer; nil where there is none.
    package func loop(through id: LoadBalancerID) -> Loop? {
        guard let start = loadBalancer(id) else { return nil }
        var visited: Set<LoadBalancerID> = []
        for (node, endpoint) in start.targets {
            for next in takers(of: endpoint, over: start.listener.transport) {
                if next == id { return Loop(node: node, loadBalancers: [id]) }
                if let way = way(from: next, to: id, &visited) { return Loop(node: node, loadBalancers: [id] + way) }
            }
        }
        return nil
    }

    /// The load balancers from one to the one before another; nil where no way leads there.
    private func way(
        from start: LoadBalancerID, to end: LoadBalancerID, _ visited: inout Set<LoadBalancerID>
    ) -> [LoadBalancerID]? {
        // Not by recursion: a chain can be as long as there are load balancers.
        var ways = [(id: start, before: -1)]
        guard visited.insert(start).inserted else { return nil }
        var place = 0
        while place < ways.count {
            defer { place += 1 }
            guard let current = loadBalancer(ways[place].id) else { continue }
            for (_, endpoint) in current.targets {
                for next in takers(of: endpoint, over: current.listener.transport) {
                    if next == end {
                        var way: [LoadBalancerID] = []
                        var step = place
                        while step >= 0 {
                            way.append(ways[step].id)
                            step = ways[step].before
                        }
                        return way.reversed()
                    }
                    if visited.insert(next).inserted { ways.append((next, place)) }
                }
            }
        }
        return nil
    }

    /// The load balancers that take connections to an endpoint.
    private func takers(of endpoint: Endpoint, over transport: Transport) -> [LoadBalancerID] {
        endpoint.host.knownAddresses.compactMap { address in
            listeners.owner(
                of: Listener(address: address, port: endpoint.port, transport: transport),
                isOfHost: address.isLoopback || hostAddresses.contains(address))
        }
    }
}

extension LoadBalancer {
    /// Where its traffic goes: the nodes that may get any, and the sorry server.
    fileprivate var targets: [(node: Int?, endpoint: Endpoint)] {
        var targets = nodes.enumerated().filter { $0.element.condition != .disabled }.map {
            (node: Int?($0.offset), endpoint: $0.element.endpoint)
        }
        if let sorryServer { targets.append((nil, sorryServer)) }
        return targets
    }
}

extension HostAddress {
    /// The addresses that it surely is. A connection to `0.0.0.0` or `::` goes to the loopback address.
    fileprivate var knownAddresses: [IPAddress] {
        switch self {
        case .address(.v4(0)): [.loopbackV4]
        case .address(.v6(high: 0, low: 0)): [.loopbackV6]
        case .address(let address): [address]
        case .name(let name): name.lowercased() == "localhost" ? [.loopbackV4, .loopbackV6] : []
        }
    }
}

extension IPAddress {
    fileprivate static let loopbackV4 = IPAddress.v4(0x7F00_0001)
    fileprivate static let loopbackV6 = IPAddress.v6(high: 0, low: 1)

    /// Whether it is `127.0.0.0/8` or `::1`.
    fileprivate var isLoopback: Bool {
        switch self {
        case .v4(let bits): bits >> 24 == 127
        case .v6: self == .loopbackV6
        }
    }
}

extension LoadBalancer {
    /// Whether any of its traffic goes to one of these addresses of this host, so that it may come back. The cheap question before
    /// `LoopCheck`.
    ///
    /// - Parameter old: what it was, where it listens as it did: what was asked about its nodes then is not asked again.
    package func mayLoop(hostAddresses: Set<IPAddress>, since old: LoadBalancer?) -> Bool {
        if let sorryServer, sorryServer.host.mayBe(among: hostAddresses) { return true }
        let (nodes, known) = (nodes, old?.nodes ?? [])
        for index in nodes.indices where nodes[index].condition != .disabled {
            if index < known.count, known[index].condition != .disabled, known[index].address == nodes[index].address,
                known[index].port == nodes[index].port
            {
                continue
            }
            if nodes[index].address.mayBe(among: hostAddresses) { return true }
        }
        return false
    }
}

extension HostAddress {
    /// Whether it is one of these addresses of the host, or loopback.
    fileprivate func mayBe(among hostAddresses: Set<IPAddress>) -> Bool {
        if case .address(let address) = self { return address.isUnspecified || address.isLoopback || hostAddresses.contains(address) }
        return !knownAddresses.isEmpty
    }
}

import LBaaS
import TestSupport

extension Lab {
    /// A load balancer at the virtual address, with a node for each real server, of its name.
    ///
    /// - Parameters:
    ///   - outer: the family of the nodes' addresses; that of the virtual address if none is given.
    ///   - realPort: the port of the nodes; that of the load balancer if none is given.
    func balancer(
        _ id: LoadBalancerID = "web", as carried: ServiceProtocol = .tcp, _ family: Family = .v4, port: UInt16 = 80,
        through outer: Family? = nil, realPort: UInt16? = nil, _ change: (inout LoadBalancer) throws -> Void = { _ in }
    ) throws -> LoadBalancer {
        var balancer = LoadBalancer(id: id, serviceProtocol: carried, address: try Lab.virtualAddress(family), port: port)
        balancer.nodes = try realServers.map {
            Node(id: NodeID($0.name), address: .address(try $0.address(outer ?? family)), port: realPort ?? port)
        }
        try change(&balancer)
        return balancer
    }

    /// Starts a server for a load balancer on every real server.
    func serve(_ balancer: LoadBalancer, port: UInt16? = nil) throws {
        try serve(try balancer.service.transport, port: port ?? balancer.port)
    }

    /// Connects the client to a load balancer.
    func connect(_ balancer: LoadBalancer, from source: UInt16? = nil, within seconds: Double = 5) throws -> Connection {
        try connect(try balancer.service, from: source, within: seconds)
    }

    /// Connects the client again and again; how many connections each real server took.
    func share(of connections: Int, to balancer: LoadBalancer) throws -> [String: Int] {
        try share(of: connections, to: try balancer.service)
    }

    /// Connects the client until the real server of a name takes it.
    func connect(_ balancer: LoadBalancer, reaching name: String) throws -> Connection {
        try connect(try balancer.service, reaching: name)
    }
}

extension LoadBalancer {
    /// Its virtual service, for who connects.
    fileprivate var service: Service {
        get throws {
            guard let address else { throw Failure("\(id) listens on every address") }
            let family: Family = if case .v4 = address { .v4 } else { .v6 }
            let transport: Transport = serviceProtocol == .udp ? .udp : serviceProtocol == .sctp ? .sctp : .tcp
            return Service(transport: transport, family: family, port: port)
        }
    }

    /// The load balancer with a change.
    func with(_ change: (inout LoadBalancer) -> Void) -> LoadBalancer {
        var changed = self
        change(&changed)
        return changed
    }

    /// The node of a name.
    subscript(name: String) -> Node {
        get { nodes[place(name)] }
        set { nodes[place(name)] = newValue }
    }

    private func place(_ name: String) -> Int {
        guard let place = nodes.firstIndex(where: { $0.id.text == name }) else { preconditionFailure("\(id) has no node \(name)") }
        return place
    }

    /// The load balancer with a node that it had before and that finishes what it has.
    func letting(_ name: String, of former: LoadBalancer) -> LoadBalancer {
        with { $0.leaving.append(Leaving(listener: listener, endpoint: former[name].endpoint)) }
    }
}

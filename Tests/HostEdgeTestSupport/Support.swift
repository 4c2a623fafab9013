package import HostEdge
package import LBaaS
package import TestSupport

/// An address that a test knows to be one.
package func ip(_ text: String) -> IPAddress { IPAddress(text) ?? .v4(0) }

/// A range that a test knows to be one.
package func range(_ text: String) -> AddressRange { AddressRange(text) ?? AddressRange(.v4(0)) }

/// A listener of a cluster.
package func listener(_ address: String, _ port: UInt16, _ transport: LBaaS.Transport = .tcp) -> Listener {
    Listener(address: ip(address), port: port, transport: transport)
}

/// A load balancer of a cluster that runs at an address; nil where it does not run.
package func effective(_ id: String, at address: String?, draining: Bool = false) -> EffectiveState {
    guard let address else { return .absent(LoadBalancerID(id)) }
    var loadBalancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: .tcp, address: ip(address), port: 80)
    loadBalancer.nodes = [Node(id: "a", address: .address(ip("10.244.1.5")), port: 8080)]
    var drains = DrainTable()
    if draining {
        let drain = Drain(endpoint: loadBalancer.nodes[0].endpoint, deadline: Timestamp(microseconds: 1))
        drains[loadBalancer.listener] = DrainTable.Entry(owner: loadBalancer.id, drains: [drain])
    }
    let rule = EffectiveRule(Upkeep(drainTimeout: .seconds(30)))
    return rule.state(of: loadBalancer.id, wanted: draining ? nil : loadBalancer, drains: drains, health: nil)
}

extension Namespace {
    /// A host with an address of each family.
    package static func withAddresses() throws -> Namespace {
        let namespace = try Namespace()
        try namespace.ip(
            """
            link set lo up
            link add eth0 type veth peer name other
            addr add 192.0.2.11/24 dev eth0
            addr add 2001:db8::11/64 dev eth0 nodad
            link set eth0 up
            link set other up
            """)
        return namespace
    }

    /// What `nft` lists, without what changes from one table to another of the same contents.
    package func nft(_ arguments: String...) throws -> String { try run { try runProgram("/usr/sbin/nft", arguments) } }

    /// The lines of `ip` for a command.
    package func ipLines(_ arguments: String...) throws -> [String] {
        try run { try runProgram("/sbin/ip", arguments) }.split(separator: "\n").map {
            $0.split(separator: " ").joined(separator: " ")
        }
    }

    /// Our local routes, each as `ip` shows it.
    package func ownRoutes() throws -> [String] {
        try ipLines("-4", "route", "show", "table", "local", "proto", "76")
            + ipLines("-6", "route", "show", "table", "local", "proto", "76").map { $0.replacing(" pref medium", with: "") }
    }

    /// An edge in this namespace.
    ///
    /// - Parameter interval: how often everything is looked at.
    package func edge(
        filters: Bool = true, binding: AddressBinding = .routes, interval: Duration = .seconds(1), log: Log = .silent
    ) throws -> HostEdge {
        try run {
            try HostEdge(HostEdge.Options(filters: filters, binding: binding, interval: interval), log: log) { $0.text.hasPrefix("k8s:") }
        }
    }

    /// Has an edge without a packet filter at work in this namespace.
    package func withEdge(
        _ binding: AddressBinding = .routes, interval: Duration = .seconds(1), log: Log = .silent, _ body: (HostEdge) throws -> Void
    ) throws {
        let edge = try edge(filters: false, binding: binding, interval: interval, log: log)
        try run { edge.begin([EffectiveState]()) }
        let outcome = Result { try body(edge) }
        let isStopped = edge.stop(within: .seconds(30))
        try outcome.get()
        if !isStopped { throw Failure("the edge does not stop") }
    }

    /// The addresses of an interface, each with the length of its prefix, in their order; none where there is no such interface.
    package func addresses(of interface: String = "lbaas0") throws -> [String] {
        let lines = try ipLines("-o", "address", "show").map { $0.split(separator: " ") }
        return lines.filter { $0.count > 3 && $0[1] == interface }.map { String($0[3]) }.sorted()
    }

    /// Whether there is an interface of this name.
    package func hasLink(_ name: String = "lbaas0") throws -> Bool {
        try ipLines("-o", "link", "show").contains { $0.split(separator: " ").dropFirst().first == "\(name):" }
    }
}

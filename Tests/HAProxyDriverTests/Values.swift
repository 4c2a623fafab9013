import LBaaS

@testable import HAProxyDriver

extension BaseConfiguration {
    /// A configuration whose files nobody makes.
    static let example = BaseConfiguration(
        runFolder: "/run/example", configurationFile: "/etc/example.cfg", masterSocket: "/run/example/master.sock")
}

func balancer(
    _ id: String = "shop", _ serviceProtocol: ServiceProtocol = .http, port: UInt16 = 80, _ change: (inout LoadBalancer) -> Void = { _ in }
) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: serviceProtocol, port: port)
    balancer.nodes = [node("n1"), node("n2", "10.0.0.2")]
    change(&balancer)
    return balancer
}

func node(_ id: String, _ address: String = "10.0.0.1", port: UInt16 = 8080, _ change: (inout Node) -> Void = { _ in }) -> Node {
    var node = Node(id: NodeID(id), address: HostAddress(address) ?? .name("invalid"), port: port)
    change(&node)
    return node
}

func monitor(_ kind: Monitor.Kind, _ change: (inout Monitor) -> Void = { _ in }) -> Monitor {
    var monitor = Monitor(kind: kind)
    change(&monitor)
    return monitor
}

/// A load balancer on loopback in front of real servers, whose ids are their names. It is checked every second.
func balancer(
    _ id: String = "shop", _ serviceProtocol: ServiceProtocol = .http, port: UInt16, to servers: RealServer...,
    change: (inout LoadBalancer) -> Void = { _ in }
) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: serviceProtocol, address: .v4(0x7F00_0001), port: port)
    balancer.nodes = servers.map { node($0.name, "127.0.0.1", port: $0.port) }
    // A connection that waits for a busy machine is not ended for being silent.
    (balancer.timeouts.client, balancer.timeouts.server) = (300_000, 300_000)
    // A server that is gone is found out at once, and none is taken for gone because the machine is busy.
    balancer.monitor = monitor(.connect) { ($0.delay, $0.timeout, $0.attempts) = (1, 20, 1) }
    change(&balancer)
    return balancer
}

import IPVSDriver
import LBaaS

/// A load balancer at 10.0.0.9, changed as wanted.
func balancer(
    _ id: String, _ nodes: [Node] = [node(1), node(2)], at address: String = "10.0.0.9", port: UInt16 = 80,
    as carried: ServiceProtocol = .tcp,
    _ change: (inout LoadBalancer) -> Void = { _ in }
) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: carried, address: IPAddress(address), port: port)
    balancer.nodes = nodes
    change(&balancer)
    return balancer
}

/// The node 10.1.0.`host`:80, or fd01::`host`.
func node(
    _ host: UInt32, port: UInt16 = 80, weight: UInt16 = 1, isBackup: Bool = false, _ condition: Node.Condition = .enabled,
    isV6: Bool = false
) -> Node {
    Node(
        id: NodeID("n\(host)"), address: .address(isV6 ? .v6(high: 0xFD01 << 48, low: UInt64(host)) : .v4(0x0A01_0000 + host)), port: port,
        weight: weight, isBackup: isBackup, condition: condition)
}

func suspended(_ balancer: LoadBalancer) -> LoadBalancer {
    var suspended = balancer
    suspended.isSuspended = true
    return suspended
}

extension LoadBalancer {
    /// Its virtual service.
    var key: ServiceKey {
        guard let key = ServiceKey(listener) else { preconditionFailure("\(id) listens on every address") }
        return key
    }

    /// A real server of it that leaves.
    func leaving(_ host: UInt32) -> Leaving { Leaving(listener: listener, endpoint: node(host).endpoint) }
}

/// The real server 10.1.0.`host`:80.
func place(_ host: UInt32, port: UInt16 = 80) -> DestinationKey { DestinationKey(.v4(0x0A01_0000 + host), port) }

/// A real server reached by NAT.
func nat(_ weight: UInt32) -> Destination { Destination(forwarding: .nat, weight: weight) }

/// Why something fails; nil where it does not.
func message<Answer>(_ body: () throws -> Answer) -> String? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? DriverError)?.message ?? "\(error)"
    }
}

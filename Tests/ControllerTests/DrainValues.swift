import LBaaS

/// A load balancer on a port of 10.0.0.9 with these nodes, 10.0.0.`node`:80 each.
func balancer(_ id: String, _ port: UInt16, _ nodes: [Node], as carried: ServiceProtocol = .tcp) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: carried, address: .v4(0x0A00_0009), port: port)
    balancer.nodes = nodes
    return balancer
}

func node(_ host: UInt32, _ condition: Node.Condition = .enabled, weight: UInt16 = 1) -> Node {
    Node(id: NodeID("\(host)"), address: .address(.v4(0x0A00_0000 + host)), port: 80, weight: weight, condition: condition)
}

/// How a load balancer runs: its nodes with their conditions, `1 2- 3~` for enabled, disabled and draining, and what leaves, `9@80`.
func text(_ balancer: LoadBalancer?) -> String? {
    balancer.map { balancer in
        let marks: [Node.Condition: String] = [.enabled: "", .disabled: "-", .draining: "~"]
        let nodes = balancer.nodes.map { "\($0.id)\(marks[$0.condition] ?? "")" }
        let leaving = balancer.leaving.map { leaving -> String in
            let host = if case .address(.v4(let bits)) = leaving.endpoint.host { bits & 255 } else { 0 as UInt32 }
            return "\(host)@\(leaving.listener.port)"
        }
        return (nodes + leaving.sorted()).joined(separator: " ") + (balancer.isSuspended ? " suspended" : "")
    }
}

import LBaaS
import Testing

/// A load balancer for HTTP on every address, changed as wanted.
func balancer(_ id: String, port: UInt16 = 80, _ change: (inout LoadBalancer) -> Void = { _ in }) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: .http, port: port)
    change(&balancer)
    return balancer
}

/// A node at 10.0.0.`host`, port 8080.
func node(_ id: String, host: UInt8 = 1, weight: UInt16 = 1, isBackup: Bool = false, condition: Node.Condition = .enabled) -> Node {
    let address = IPAddress.v4(0x0A00_0000 | UInt32(host))
    return Node(id: NodeID(id), address: .address(address), port: 8080, weight: weight, isBackup: isBackup, condition: condition)
}

/// The step of this load balancer.
func step(from old: LoadBalancer?, to new: LoadBalancer?) throws -> LoadBalancerPatch {
    try #require(LoadBalancerPatch(from: old, to: new))
}

import LBaaS
import TestSupport

/// A few load balancers on a few listeners, so that listeners move from one to another.
struct RandomBalancers {
    private static let names = ["a", "b", "c", "d", "e"]
    private static let listeners: [Listener] = ["10.0.0.9", "10.0.0.8", "fd00::9"].flatMap { address in
        [
            Listener(address: IPAddress(address), port: 80, transport: .tcp),
            Listener(address: IPAddress(address), port: 53, transport: .udp),
        ]
    }

    /// Load balancers as they can be at a time: no two on one listener; what leaves one belongs to who listens there or, where nobody
    /// does, to anybody.
    static func next(using generator: inout SeededGenerator) -> [LoadBalancer] {
        var free = listeners.shuffled(using: &generator)
        var balancers: [LoadBalancer] = []
        for name in names where Int.random(in: 0..<4, using: &generator) > 0 {
            balancers.append(balancer(name, on: free.removeLast(), using: &generator))
        }
        for listener in free where Bool.random(using: &generator) {
            // What is left of one that is gone, or of one that has moved.
            let name = names.randomElement(using: &generator) ?? "a"
            let leaving = places(on: listener, using: &generator)
            if leaving.isEmpty { continue }
            if let index = balancers.firstIndex(where: { $0.id.text == name }) {
                balancers[index].leaving += leaving
            } else {
                var rest = LoadBalancer(
                    id: LoadBalancerID(name), serviceProtocol: listener.transport == .udp ? .udp : .tcp, address: listener.address,
                    port: listener.port)
                rest.isSuspended = true
                rest.leaving = leaving
                balancers.append(rest)
            }
        }
        return balancers
    }

    private static func balancer(_ name: String, on listener: Listener, using generator: inout SeededGenerator) -> LoadBalancer {
        let carried: ServiceProtocol = listener.transport == .udp ? .udp : Bool.random(using: &generator) ? .http : .galera
        var balancer = LoadBalancer(id: LoadBalancerID(name), serviceProtocol: carried, address: listener.address, port: listener.port)
        balancer.algorithm = [.roundRobin, .roundRobin, .sourceIP].randomElement(using: &generator) ?? .roundRobin
        balancer.isSuspended = Int.random(in: 0..<5, using: &generator) == 0
        balancer.sessionPersistence = Int.random(in: 0..<4, using: &generator) == 0 ? .sourceIP(timeout: 300) : nil
        var leaving: [Leaving] = []
        for place in places(on: listener, using: &generator) {
            switch Int.random(in: 0..<6, using: &generator) {
            case 0 where !balancer.isSuspended: leaving.append(place)
            case 1: balancer.nodes.append(node(place, .disabled, using: &generator))
            case 2: balancer.nodes.append(node(place, .draining, using: &generator))
            default: balancer.nodes.append(node(place, .enabled, using: &generator))
            }
        }
        balancer.leaving = leaving
        return balancer
    }

    private static func node(_ place: Leaving, _ condition: Node.Condition, using generator: inout SeededGenerator) -> Node {
        Node(
            id: NodeID(place.endpoint.description), address: place.endpoint.host, port: place.endpoint.port,
            weight: .random(in: 0...2, using: &generator), isBackup: Int.random(in: 0..<4, using: &generator) == 0, condition: condition)
    }

    private static func places(on listener: Listener, using generator: inout SeededGenerator) -> [Leaving] {
        (1...5 as ClosedRange<UInt32>).shuffled(using: &generator).prefix(.random(in: 0...4, using: &generator)).map { host in
            let isV4 = if case .v4? = listener.address { true } else { false }
            let address: IPAddress = isV4 ? .v4(0x0A01_0000 + host) : .v6(high: 0xFD01 << 48, low: UInt64(host))
            return Leaving(listener: listener, endpoint: Endpoint(host: .address(address), port: listener.port))
        }
    }
}

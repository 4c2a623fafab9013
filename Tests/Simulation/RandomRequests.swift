import LBaaS
import Requests
import TestSupport

/// Random requests over a few identities and listeners, so that they meet.
struct RandomRequests {
    var generator: SeededGenerator
    let checking: NodeChecking

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    mutating func jobID() -> LoadBalancerID { LoadBalancerID("\(["a", "b", "c", "d"][number(0...3)])") }

    mutating func nodeID() -> NodeID { NodeID("n\(number(1...4))") }

    mutating func loadBalancer(_ id: LoadBalancerID) -> LoadBalancer {
        let address: IPAddress? = chance(70) ? .v4(0x0A00_0000 + UInt32(number(1...2))) : nil
        var loadBalancer = LoadBalancer(id: id, serviceProtocol: .tcp, address: address, port: UInt16(number(1...3)))
        if checking != .nobody, chance(60) {
            var monitor = Monitor(kind: .connect)
            (monitor.delay, monitor.timeout, monitor.attempts) = (UInt32(number(1...4)), 1, UInt32(number(1...2)))
            if chance(30) { monitor.slowStart = 20 }
            if chance(40) { monitor.address = .v4(0x0A02_0001) }
            loadBalancer.monitor = monitor
        }
        if checking != .nobody, chance(30) { loadBalancer.quorum = UInt32(number(1...3)) }
        if checking != .nobody, chance(20) { loadBalancer.sorryServer = Endpoint(host: .address(.v4(0x0A00_0909)), port: 80) }
        for place in 1...number(1...3) {
            var node = Node(
                id: NodeID("n\(place)"), address: .address(.v4(0x0A01_0000 + UInt32(number(1...4)))), port: 80,
                weight: UInt16(number(0...3)))
            if chance(20) { node.condition = [.disabled, .draining][number(0...1)] }
            if loadBalancer.nodes.allSatisfy({ $0.endpoint != node.endpoint }) { loadBalancer.nodes.append(node) }
        }
        return loadBalancer
    }

    mutating func selection() -> Selection {
        if chance(20) { return .all }
        return .named(Array(Set((0...number(0...1)).map { _ in jobID() })).sorted())
    }

    mutating func change() -> WantedChange {
        switch number(0...9) {
        case 0...4: return .create(distinct((0...number(0...1)).map { _ in loadBalancer(jobID()) }))
        case 5: return .update(distinct((0..<number(0...3)).map { _ in loadBalancer(jobID()) }))
        case 6: return .suspend(selection())
        case 7: return .enable(selection())
        default: return .delete(selection())
        }
    }

    /// A load balancer with one thing of it changed: a node that moves, another weight, another monitor, one node less.
    mutating func edited(_ loadBalancer: LoadBalancer) -> LoadBalancer {
        var edited = loadBalancer
        let place = number(0...edited.nodes.count - 1)
        switch number(0...4) {
        case 0...1:
            edited.nodes[place].address = .address(.v4(0x0A01_0000 + UInt32(number(1...4))))
            if Set(edited.nodes.map(\.endpoint)).count < edited.nodes.count { return loadBalancer }
        case 2: edited.nodes[place].weight = UInt16(number(0...3))
        case 3: edited.monitor?.attempts = UInt32(number(1...2))
        default: if edited.nodes.count > 1 { edited.nodes.remove(at: place) }
        }
        return edited
    }

    /// The entries of the configuration file.
    mutating func fileEntries() -> [LoadBalancer] {
        distinct(
            (0..<number(0...2)).map { place in
                var entry = loadBalancer(LoadBalancerID("file\(place)"))
                if chance(20) { entry.id = jobID() }
                return entry
            })
    }

    private func distinct(_ list: [LoadBalancer]) -> [LoadBalancer] {
        var ids: Set<LoadBalancerID> = []
        return list.filter { ids.insert($0.id).inserted }
    }
}

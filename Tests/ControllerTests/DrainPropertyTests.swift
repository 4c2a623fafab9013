import LBaaS
import Requests
import TestSupport
import Testing

@testable import Controller

extension DrainTests {
    /// A few load balancers on a few listeners, so that they take them from each other.
    private func change(_ generator: inout SeededGenerator) -> WantedChange {
        let names = ["a", "b", "c", "d"].shuffled(using: &generator).prefix(.random(in: 1...3, using: &generator))
        let selection = Selection.named(names.map { LoadBalancerID($0) })
        let balancers = zip(names, ([80, 81, 82, 83] as [UInt16]).shuffled(using: &generator)).map { name, port in
            let nodes = (1...4 as ClosedRange<UInt32>).filter { _ in Bool.random(using: &generator) }.map { host in
                node(host, [.enabled, .enabled, .draining, .disabled].randomElement(using: &generator) ?? .enabled)
            }
            return balancer(name, port, nodes)
        }
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: return .update(balancers)
        case 1: return .suspend(selection)
        case 2: return .enable(selection)
        case 3: return .delete(selection)
        default: return .create(balancers)
        }
    }

    @Test("has an owner for each listener, whatever moves where, goes on after restarts, and ends", arguments: 0..<8 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for step in 0..<50 {
            let isForced = Int.random(in: 0..<10, using: &generator) == 0
            _ = commit(change(&generator), isForced: isForced)
            if Int.random(in: 0..<5, using: &generator) == 0 { bench.driver.fail { _ in .partly } }
            _ = commit(change(&generator))
            bench.driver.fail(nil)
            bench.clock.advance(seconds: .random(in: 0...20, using: &generator))
            bench.pipeline.endDrains()
            bench.clock.advance(seconds: 6)
            #expect(commit(.enable(.named([]))))
            let running = try bench.driver.running
            var owners: [Listener: String] = [:]
            for (id, balancer) in running where !balancer.isRest { owners[balancer.listener] = id }
            for (id, balancer) in running {
                for place in balancer.leaving {
                    #expect(owners[place.listener, default: id] == id, "seed \(seed), step \(step): \(place.listener)")
                    owners[place.listener] = id
                    guard place.listener == balancer.listener else { continue }
                    #expect(!balancer.nodes.contains { $0.endpoint == place.endpoint }, "seed \(seed), step \(step): \(place.endpoint)")
                }
            }
            if step % 8 > 0 { continue }
            try bench.restart()
            #expect(try bench.driver.running == running, "seed \(seed), step \(step)")
        }
        bench.clock.advance(seconds: 31)
        bench.pipeline.endDrains()
        let wanted = try bench.committed.mapValues { balancer in
            var balancer = balancer
            for index in balancer.nodes.indices where balancer.nodes[index].condition == .draining {
                balancer.nodes[index].condition = .disabled
            }
            return balancer
        }
        #expect(try bench.driver.running == wanted)
    }
}

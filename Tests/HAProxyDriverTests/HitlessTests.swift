import Foundation
import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import HAProxyDriver

/// That clients feel nothing of changes and loads.
@Suite struct HitlessTests {
    /// Clients that ask again and again until they are told to stop.
    private final class Clients: Sendable {
        private let isOver = Atomic<Bool>(false)
        private let running = Atomic<Int>(0)
        private let answers = Atomic<Int>(0)
        private let failures = Record<String>()

        init(_ count: Int, port: UInt16) {
            running.store(count, ordering: .sequentiallyConsistent)
            for _ in 0..<count {
                Thread.detachNewThread { [self] in
                    while !isOver.load(ordering: .sequentiallyConsistent) {
                        do {
                            let page = try Page(port)
                            if page.status != 200 { failures.add("status \(page.status)") }
                            answers.add(1, ordering: .sequentiallyConsistent)
                        } catch {
                            failures.add("\(error)")
                        }
                    }
                    running.subtract(1, ordering: .sequentiallyConsistent)
                }
            }
        }

        /// Stops them; how many answers they got, and what failed.
        func stop() throws -> (answers: Int, failures: [String]) {
            isOver.store(true, ordering: .sequentiallyConsistent)
            try waitUntil("the clients stop") { running.load(ordering: .sequentiallyConsistent) == 0 }
            return (answers.load(ordering: .sequentiallyConsistent), failures.all)
        }
    }

    @Test func noRequestFailsWhileEverythingChanges() async throws {
        try await withBench { bench in
            let (one, two, three) = (try bench.server("one"), try bench.server("two"), try bench.server("three"))
            let (port, second) = (try freePort(), try freePort())
            var shop = balancer(port: port, to: one, two)
            bench.run(shop)
            bench.forget()
            let clients = Clients(3, port: port)
            for turn in 1...40 {
                switch turn % 4 {
                case 0: shop.nodes[1].weight = UInt16(turn)
                case 1: shop.nodes.append(node("three", "127.0.0.1", port: three.port))
                case 2: shop.nodes[0].condition = shop.nodes[0].condition == .enabled ? .draining : .enabled
                default: shop.nodes.removeLast()
                }
                bench.run(shop)
            }
            for turn in 1...10 {
                let other = balancer("other", port: second, to: one) { $0.timeouts.client += UInt32(turn) }
                if turn % 3 == 0 { bench.run(shop) } else { bench.run(shop, other) }
            }
            // A port that is taken, too, is nobody else's business.
            #expect(bench.tryToRun([shop, balancer("bad", port: one.port, to: one)]).count == 1)
            let (answers, failures) = try clients.stop()
            #expect(failures == [])
            #expect(answers > 50)
            #expect(bench.loads >= 10)
        }
    }

    @Test func manyLoadBalancersAreOneLoad() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let balancers = try (1...50).map { balancer("b\($0)", port: try freePort(), to: one) }
            #expect(bench.tryToRun(balancers) == [])
            #expect(bench.loads == 1)
            bench.forget()
            #expect(
                bench.tryToRun(
                    balancers.map { old in
                        var new = old
                        new.nodes[0].weight = 5
                        return new
                    }) == [])
            #expect(bench.taken.prefix(1) == [.commandsDone])
            #expect(bench.loads == 0)
            for balancer in balancers { #expect(try Page(balancer.port).body == "one") }
        }
    }

    @Test func aPlanSaysHowAndWhy() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let shop = balancer(port: try freePort(), to: one)
            func plan(_ old: LoadBalancer?, _ new: LoadBalancer?) -> String? {
                LoadBalancerPatch(from: old, to: new).flatMap { bench.driver.plan([PatchGroup([$0])]).last }
            }
            #expect(plan(nil, shop) == "start haproxy: it does not run")
            bench.run(shop)
            var changed = shop
            changed.nodes[0].weight = 9
            #expect(plan(shop, changed) == "while haproxy runs: 1 command, no load")
            changed.algorithm = .leastConnections
            #expect(plan(shop, changed) == "load haproxy's configuration once: the settings of load balancer 'shop' change")
            changed = shop
            changed.nodes[0].address = .name("web.example")
            #expect(plan(shop, changed)?.hasSuffix("has a host name, which haproxy resolves when it loads") == true)
            #expect(plan(nil, balancer("b", port: 1)) == "load haproxy's configuration once: load balancer 'b' is new")
            #expect(plan(shop, nil) == "end haproxy: no load balancer is left")
            bench.forget()
            bench.run(changed)
            #expect(bench.logged.contains { $0.contains("haproxy loaded its configuration") && $0.contains("has a host name") })
        }
    }
}

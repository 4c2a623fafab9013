import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// What a forced change takes out is cut off at once.
@Suite struct ForcedTests {
    /// What a change takes out.
    struct Kind: CustomTestStringConvertible {
        let testDescription: String
        /// The load balancers behind the change.
        let change: @Sendable (LoadBalancer, RealServer) -> [LoadBalancer]

        init(_ name: String, _ change: @escaping @Sendable (LoadBalancer, RealServer) -> [LoadBalancer]) {
            (testDescription, self.change) = (name, change)
        }
    }

    static let kinds = [
        Kind("its node is removed") { shop, _ in [shop.changed { $0.nodes.removeFirst() }] },
        Kind("its node is disabled") { shop, _ in [shop.changed { $0.nodes[0].condition = .disabled }] },
        Kind("its node moves") { shop, spare in [shop.changed { $0.nodes[0].port = spare.port }] },
        Kind("its node is removed by a load") { shop, _ in
            [
                shop.changed {
                    $0.nodes.removeFirst()
                    $0.timeouts.connect += 1
                }
            ]
        },
        Kind("its node is disabled by a load") { shop, _ in
            [
                shop.changed {
                    $0.nodes[0].condition = .disabled
                    $0.timeouts.connect += 1
                }
            ]
        },
        Kind("the listener moves") { shop, _ in [shop.changed { $0.address = .v4(0x7F00_0002) }] },
        Kind("the load balancer is deleted") { _, _ in [] },
    ]

    /// How many times haproxy has loaded its file since the connection was made.
    @Test(arguments: kinds, [0, 2])
    func aConnectionEnds(_ kind: Kind, afterLoads loads: Int) async throws {
        try await withBench { bench in
            let (one, two, spare) = (try bench.server("one"), try bench.server("two"), try bench.server("spare"))
            let (port, other) = (try freePort(), try freePort())
            let shop = balancer("shop", .tcp, port: port, to: one, two) { $0.sessionPersistence = SessionPersistence.none }
            var rest = balancer("rest", .tcp, port: other, to: one)
            bench.run(shop, rest)
            let gone = try bench.connection(to: port, at: "one")
            let (kept, neighbour) = (try bench.connection(to: port, at: "two"), try bench.connection(to: other, at: "one"))
            for _ in 0..<loads {
                rest.timeouts.connect += 1
                bench.run(shop, rest)
            }
            let new = kind.change(shop, spare)
            #expect(bench.tryToRun(new + [rest], isForced: true) == [])
            #expect(try gone.rest() == "")
            #expect(try neighbour.ask("still") == "one still")
            if new.first?.listener == shop.listener {
                #expect(try kept.ask("still") == "two still")
            } else {
                #expect(try kept.rest() == "")
            }
            #expect(!bench.logged.contains { $0.contains("may go on") })
            #expect(try bench.settle() == [])
        }
    }

    @Test(arguments: [0, 1])
    func theLastLoadBalancerTakesItsConnectionsAlong(afterLoads loads: Int) async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            var shop = balancer("shop", .tcp, port: port, to: one)
            bench.run(shop)
            let connection = try bench.connection(to: port, at: "one")
            for _ in 0..<loads {
                shop.timeouts.connect += 1
                bench.run(shop)
            }
            #expect(bench.tryToRun([], isForced: true) == [])
            #expect(try connection.rest() == "")
            #expect(bench.serving == nil)
        }
    }

    @Test func whatDrainsSinceAnEarlierChangeEndsWithAForcedOne() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            let shop = balancer("shop", .tcp, port: port, to: one, two) { $0.sessionPersistence = SessionPersistence.none }
            bench.run(shop)
            let connection = try bench.connection(to: port, at: "one")
            let single = shop.changed { $0.nodes.removeFirst() }
            bench.run(single)
            #expect(try connection.ask("still") == "one still")
            #expect(bench.tryToRun([single.changed { $0.nodes[0].weight = 2 }], isForced: true) == [])
            #expect(try connection.rest() == "")
        }
    }

    @Test func aDryRunSaysSo() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let shop = balancer("shop", .tcp, port: try freePort(), to: one)
            bench.run(shop)
            func plan(isForced: Bool) -> [String] {
                bench.driver.plan([PatchGroup([LoadBalancerPatch(.delete(shop), isForced: isForced)])])
            }
            #expect(plan(isForced: true).contains("end the connections of what leaves load balancer 'shop' at once"))
            #expect(!plan(isForced: false).contains { $0.contains("connections") })
        }
    }

    @Test func sessionsAreRead() {
        let text = """
            0x55d1: proto=tcpv4 src=127.0.0.1:4 fe=shop be=shop srv=one ts=00 epoch=0 age=1s calls=2 rate=0 cpu=0 lat=0
            0x55d2: proto=tcpv4 src=127.0.0.1:5 fe=shop be=shop srv=<none> ts=00 epoch=0 age=1s
            0x55d3: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 age=0s
            nonsense

            """
        let sessions = Session.sessions(text)
        #expect(sessions.map(\.id) == ["0x55d1", "0x55d2", "0x55d3"])
        #expect(sessions.map(\.server) == ["one", "<none>", "<none>"])
        let some = SessionSelection(proxy: "shop", kept: ["two"])
        #expect(sessions.map(some.contains) == [true, false, false])
        #expect(sessions.map(SessionSelection(proxy: "shop", kept: nil).contains) == [true, true, false])
        #expect(sessions.map(SessionSelection(proxy: "shop", kept: ["one"]).contains) == [false, false, false])
    }
}

extension LoadBalancer {
    /// It with a change.
    func changed(_ change: (inout LoadBalancer) -> Void) -> LoadBalancer {
        var changed = self
        change(&changed)
        return changed
    }
}

import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// Connections that run through every kind of change.
@Suite struct SurvivalTests {
    /// A kind of change to a load balancer through which a connection runs, and whether haproxy loads its configuration for it.
    struct Kind: CustomTestStringConvertible {
        let testDescription: String
        let loads: Int
        let change: @Sendable (inout LoadBalancer, RealServer) -> Void

        init(_ name: String, loads: Int = 0, _ change: @escaping @Sendable (inout LoadBalancer, RealServer) -> Void) {
            (testDescription, self.loads, self.change) = (name, loads, change)
        }
    }

    @Test(arguments: [
        Kind("weight") { lb, _ in lb.nodes[0].weight = 9 },
        Kind("weight 0") { lb, _ in lb.nodes[0].weight = 0 },
        Kind("disabled") { lb, _ in lb.nodes[0].condition = .disabled },
        Kind("draining") { lb, _ in lb.nodes[0].condition = .draining },
        Kind("address") { lb, spare in lb.nodes[0].port = spare.port },
        Kind("another node added") { lb, spare in lb.nodes.append(node("spare", "127.0.0.1", port: spare.port)) },
        Kind("another node removed") { lb, _ in lb.nodes.removeLast() },
        Kind("its node removed") { lb, _ in lb.nodes.removeFirst() },
        Kind("its node exchanged") { lb, spare in lb.nodes[0] = node("spare", "127.0.0.1", port: spare.port) },
        Kind("its node a backup", loads: 1) { lb, _ in lb.nodes[0].isBackup = true },
        Kind("algorithm", loads: 1) { lb, _ in lb.algorithm = .leastConnections },
        Kind("monitor", loads: 1) { lb, _ in lb.monitor = monitor(.connect) { $0.attempts = 7 } },
        Kind("timeouts", loads: 1) { lb, _ in lb.timeouts.server = 40_000 },
        Kind("stickiness", loads: 1) { lb, _ in lb.sessionPersistence = .sourceIP(timeout: 9) },
        Kind("sorry server", loads: 1) { lb, spare in lb.sorryServer = Endpoint(host: .address(.v4(0x7F00_0001)), port: spare.port) },
        Kind("suspended", loads: 1) { lb, _ in lb.isSuspended = true },
    ])
    func aConnectionSurvives(_ kind: Kind) async throws {
        try await withBench { bench in
            let (one, two, spare) = (try bench.server("one"), try bench.server("two"), try bench.server("spare"))
            let port = try freePort()
            let before = balancer("shop", .tcp, port: port, to: one, two) { $0.sessionPersistence = SessionPersistence.none }
            bench.run(before)
            let connection = try bench.connection(to: port, at: "one")
            var after = before
            kind.change(&after, spare)
            bench.forget()
            bench.run(after)
            #expect(bench.loads == kind.loads)
            #expect(try connection.ask("still") == "one still")
            #expect(try bench.settle() == [])
            #expect(try connection.ask("still") == "one still")
            // And back again, and through a restart of the worker.
            bench.run(before)
            #expect(try connection.ask("back") == "one back")
            try bench.restart()
            // The worker may have ended before the file followed what runs.
            try bench.settle()
            #expect(try bench.settle() == [])
            #expect(try connection.ask("again") == "one again")
            #expect(try Page(port).status == 200)
            // And through its end.
            bench.run()
            #expect(try connection.ask("end") == "one end")
        }
    }

    @Test func aConnectionSurvivesSixtyLoads() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            let shop = balancer("shop", .tcp, port: port, to: one)
            bench.run(shop)
            let connection = try bench.connection(to: port, at: "one")
            for round in 1...60 {
                bench.run(shop, balancer("other", port: try freePort(), to: one) { $0.timeouts.client += UInt32(round) })
                #expect(try connection.ask("still") == "one still")
            }
            #expect(bench.loads == 61)
        }
    }

    @Test func aServerThatWasTakenOutGoesWithItsLastConnection() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            let both = balancer("shop", .tcp, port: port, to: one, two) { $0.sessionPersistence = SessionPersistence.none }
            var single = both
            single.nodes.removeFirst()
            bench.run(both)
            let connection = try bench.connection(to: port, at: "one")
            bench.run(single)
            #expect(try bench.ask("show servers state").contains(" one "))
            #expect(try bench.share(port, of: "one") == 0)
            // What has not gone yet can come back.
            bench.run(both)
            #expect(try bench.share(port, of: "one") == 20)
            bench.run(single)
            #expect(try bench.settle() == [])
            #expect(try connection.ask("still") == "one still")
            connection.shut()
            try waitUntil("it goes") {
                try bench.settle()
                return try !bench.ask("show servers state").contains(" one ")
            }
            bench.run(both)
            #expect(try bench.share(port, of: "one") == 20)
            #expect(bench.loads == 1)
        }
    }

    @Test func aLoadForgetsNeitherFailuresNorDrains() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            let shop = balancer("shop", port: port, to: one, two) {
                $0.monitor = monitor(.connect) { ($0.delay, $0.timeout, $0.attempts, $0.rise) = (1, 20, 1, 1000) }
            }
            bench.run(shop)
            one.stop()
            try waitUntil("it is down") { try bench.status("shop") == ["one": false, "two": true] }
            let again = try RealServer("one", port: one.port)
            defer { again.stop() }
            bench.run(shop, balancer("other", port: try freePort(), to: two))
            // It would be up had the new process begun from nothing.
            #expect(try bench.status("shop") == ["one": false, "two": true])
            #expect(try bench.share(port, of: "two") == 40)
        }
    }
}

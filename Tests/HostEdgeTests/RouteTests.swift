import Glibc
import HostEdgeTestSupport
import LBaaS
import TestSupport
import Testing

@testable import HostEdge

@Suite("Routes to addresses of services in a network namespace", .enabled(if: geteuid() == 0, "needs root"))
struct RouteTests {
    @Test("are there for ranges at once, and for an address as long as something runs or drains there")
    func life() throws {
        let namespace = try Namespace.withAddresses()
        try namespace.withEdge { edge throws in
            edge.setSources([ip("192.0.2.11"), ip("2001:db8::11")])
            let elements: Set<EdgeElement> = [
                .address(range("10.96.0.0/12")), .address(range("fd00:96::/112")), .address(range("203.0.113.7/32")),
            ]
            #expect(edge.prepare(elements) == nil)
            #expect(edge.finish([]) == nil)
            #expect(edge.flush(within: .seconds(60)))
            let ranges = [
                "local 10.96.0.0/12 dev lo scope host src 192.0.2.11", "local fd00:96::/112 dev lo src 2001:db8::11 metric 1024",
            ]
            #expect(try namespace.ownRoutes() == ranges)

            let (absent, up) = (effective("k8s:a", at: nil), effective("k8s:a", at: "203.0.113.7"))
            let draining = effective("k8s:a", at: "203.0.113.7", draining: true)
            edge.add([EffectiveChange(from: absent, to: up)])
            #expect(edge.flush(within: .seconds(60)))
            let withAddress = [ranges[0], "local 203.0.113.7 dev lo scope host src 192.0.2.11", ranges[1]]
            #expect(try namespace.ownRoutes() == withAddress)

            // It is not asked for any more, and a connection of it goes on.
            edge.remove([EffectiveChange(from: up, to: draining)])
            edge.add([EffectiveChange(from: up, to: draining)])
            #expect(edge.finish([.address(range("203.0.113.7/32"))]) == nil)
            #expect(edge.flush(within: .seconds(60)))
            #expect(try namespace.ownRoutes() == withAddress)
            edge.add([EffectiveChange(from: draining, to: absent)])
            #expect(edge.flush(within: .seconds(60)))
            #expect(try namespace.ownRoutes() == ranges)

            // What jobs run is none of its business.
            edge.add([EffectiveChange(from: effective("shop", at: nil), to: effective("shop", at: "203.0.113.9"))])
            #expect(edge.prepare([.address(range("203.0.113.9/32"))]) == nil)
            #expect(edge.flush(within: .seconds(60)))
            #expect(try namespace.ownRoutes() == ranges)
        }
        // The next worker takes them over, and removes what is not needed when it knows what is.
        try namespace.withEdge { edge throws in
            edge.setSources([ip("192.0.2.11"), ip("2001:db8::11")])
            #expect(edge.prepare([.address(range("10.96.0.0/12"))]) == nil)
            #expect(edge.flush(within: .seconds(60)))
            #expect(try namespace.ownRoutes().count == 2)
            #expect(edge.finish([]) == nil)
            #expect(edge.flush(within: .seconds(60)))
            #expect(try namespace.ownRoutes() == ["local 10.96.0.0/12 dev lo scope host src 192.0.2.11"])
        }
    }

    @Test("come back where somebody removes them, and leave routes and addresses of others alone")
    func repair() throws {
        let namespace = try Namespace.withAddresses()
        try namespace.ip("route add local 198.51.100.1 dev lo table local\naddr add 203.0.113.8/32 dev lo")
        let others = try Set(namespace.ipLines("route", "show", "table", "local"))
        let log = LogRecord()
        try namespace.withEdge(log: log.log) { edge throws in
            let wanted: Set<EdgeElement> = [.address(range("10.96.0.0/12")), .address(range("203.0.113.8/32"))]
            #expect(edge.prepare(wanted) == nil)
            #expect(edge.finish([]) == nil)
            edge.add([EffectiveChange(from: effective("k8s:b", at: nil), to: effective("k8s:b", at: "203.0.113.8"))])
            try waitUntil("a route") { try namespace.ownRoutes().count == 1 }
            try namespace.ip("route del local 10.96.0.0/12 dev lo table local")
            try waitUntil("the route again") { try namespace.ownRoutes() == ["local 10.96.0.0/12 dev lo scope host"] }
            try waitUntil("the log") { log.contains("somebody else has a local route to it") }
            // What is refused is tried again in its own time, and nobody waits for it meanwhile.
            let start = ContinuousClock.now
            #expect(edge.flush(within: .seconds(600)))
            #expect(ContinuousClock.now - start < .seconds(300))
        }
        #expect(try namespace.run { try HostEdge.removeLeftover() } == ["1 local routes"])
        #expect(try Set(namespace.ipLines("route", "show", "table", "local")) == others)
    }
}

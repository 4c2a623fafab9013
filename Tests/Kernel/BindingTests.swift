import HostEdge
import HostEdgeTestSupport
import LBaaS
import TestSupport
import Testing

extension OnKernel {
    @Suite("Addresses of services that are bound")
    struct BindingTests {
        private let elements: Set<EdgeElement> = [
            .address(range("10.96.0.0/12")), .address(range("10.96.0.10/32")), .address(range("203.0.113.7/32")),
            .address(range("fd00:96::1/128")),
        ]
        private let bound = ["10.96.0.10/32", "203.0.113.7/32", "fd00:96::1/128"]

        /// Serves services at all of these addresses.
        private func serve(_ edge: HostEdge) {
            #expect(edge.prepare(elements) == nil)
            for (id, address) in [("k8s:a", "10.96.0.10"), ("k8s:b", "203.0.113.7"), ("k8s:c", "fd00:96::1")] {
                edge.add([EffectiveChange(from: effective(id, at: nil), to: effective(id, at: address))])
            }
            #expect(edge.finish([]) == nil)
            #expect(edge.flush(within: .seconds(60)))
        }

        @Test("are there as long as something runs or drains on them, and no route to a range is")
        func life() throws {
            let namespace = try Namespace.withAddresses()
            try namespace.withEdge(.addresses) { edge throws in
                serve(edge)
                #expect(try namespace.addresses() == bound)
                #expect(try namespace.ownRoutes() == [])
                // Turned off, and found all the same.
                #expect(try namespace.ipLines("-o", "link", "show", "dev", "lbaas0").first?.contains("state DOWN") ?? false)
                #expect(try namespace.ipLines("route", "get", "203.0.113.7").first?.hasPrefix("local 203.0.113.7") ?? false)

                let (up, draining) = (effective("k8s:b", at: "203.0.113.7"), effective("k8s:b", at: "203.0.113.7", draining: true))
                edge.add([EffectiveChange(from: up, to: draining)])
                #expect(edge.finish([.address(range("203.0.113.7/32"))]) == nil)
                #expect(edge.flush(within: .seconds(60)))
                #expect(try namespace.addresses() == bound)
                edge.add([EffectiveChange(from: draining, to: effective("k8s:b", at: nil))])
                #expect(edge.flush(within: .seconds(60)))
                #expect(try namespace.addresses() == ["10.96.0.10/32", "fd00:96::1/128"])
            }
            // At the end all stays; the next worker takes it over, and removes what is not needed when it knows what is.
            try namespace.withEdge(.addresses) { edge throws in
                #expect(edge.prepare([.address(range("10.96.0.10/32"))]) == nil)
                edge.add([EffectiveChange(from: effective("k8s:a", at: nil), to: effective("k8s:a", at: "10.96.0.10"))])
                #expect(edge.flush(within: .seconds(60)))
                #expect(try namespace.addresses() == ["10.96.0.10/32", "fd00:96::1/128"])
                #expect(edge.finish([]) == nil)
                #expect(edge.flush(within: .seconds(60)))
                #expect(try namespace.addresses() == ["10.96.0.10/32"])
            }
        }

        @Test("come back where somebody removes one, or all with the interface, and one of somebody else goes")
        func repair() throws {
            let namespace = try Namespace.withAddresses()
            // So seldom that only what is told of addresses can bring them back.
            try namespace.withEdge(.addresses, interval: .seconds(3600)) { edge throws in
                let watch = try namespace.run { try HostWatch(log: .silent, lost: { edge.noticeLoss(of: $0) }) { _ in } }
                defer {
                    watch.cancel()
                    #expect(watch.join(within: .seconds(60)))
                }
                serve(edge)
                for damage in ["addr del 203.0.113.7/32 dev lbaas0", "addr del fd00:96::1/128 dev lbaas0", "link del lbaas0"] {
                    try namespace.ip(damage)
                    try waitUntil("repaired after: \(damage)") { try namespace.addresses() == bound }
                }
            }
            try namespace.ip("addr add 198.51.100.9/24 dev lbaas0")
            try namespace.withEdge(.addresses) { edge throws in
                serve(edge)
                #expect(try namespace.addresses() == bound)
            }
        }

        @Test("take the place of routes, and routes take theirs, over a restart")
        func change() throws {
            let namespace = try Namespace.withAddresses()
            let routes = [
                "local 10.96.0.0/12 dev lo scope host", "local 10.96.0.10 dev lo scope host", "local 203.0.113.7 dev lo scope host",
                "local fd00:96::1 dev lo metric 1024",
            ]
            for _ in 0..<2 {
                try namespace.withEdge { edge throws in
                    serve(edge)
                    #expect(try namespace.ownRoutes() == routes)
                    #expect(try !namespace.hasLink())
                }
                try namespace.withEdge(.addresses) { edge throws in
                    serve(edge)
                    #expect(try namespace.ownRoutes() == [])
                    #expect(try namespace.addresses() == bound)
                }
            }
        }

        @Test("are removed with their interface at cleanup, and an interface of somebody else is left alone and not used")
        func cleanup() throws {
            let namespace = try Namespace.withAddresses()
            let others = try namespace.addresses(of: "eth0")
            try namespace.withEdge(.addresses) { edge throws in serve(edge) }
            #expect(try namespace.run { try HostEdge.removeLeftover() } == ["the interface lbaas0 with 3 addresses"])
            #expect(try !namespace.hasLink())
            #expect(try namespace.addresses(of: "eth0") == others)
            try namespace.ip("link add lbaas0 type dummy\naddr add 198.51.100.9/24 dev lbaas0")
            #expect(try namespace.run { try HostEdge.removeLeftover() } == [])
            #expect(throws: EdgeError.self) { try namespace.edge(filters: false, binding: .addresses) }
            #expect(try namespace.addresses() == ["198.51.100.9/24"])
        }

        @Test("are not this host's own, whatever state their interface is in")
        func facts() throws {
            let namespace = try Namespace.withAddresses()
            try namespace.withEdge(.addresses) { edge throws in serve(edge) }
            try namespace.ip("link set lbaas0 up")
            let facts = try namespace.run { try HostWatch.read() }
            #expect(facts.addresses.contains(ip("192.0.2.11")) && facts.addresses.isDisjoint(with: [ip("10.96.0.10"), ip("203.0.113.7")]))
        }
    }
}

import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// Nodes by host name.
@Suite struct ResolverTests {
    /// Runs a test with a name server that haproxy asks every second.
    private func withNames(_ body: @escaping @Sendable (Bench, NameServer) throws -> Void) async throws {
        let names = try NameServer()
        defer { names.stop() }
        try await withBench(["resolvers": "127.0.0.1:\(names.port)"]) { bench in try body(bench, names) }
    }

    private func named(_ id: String, _ name: String, _ port: UInt16) -> Node { Node(id: NodeID(id), address: .name(name), port: port) }

    @Test func oneNameWithTwoPortsIsTwoNodes() async throws {
        try await withNames { bench, names in
            names.set("both.test", 1)
            names.set("alias.test", 1)
            let (one, two, three) = (try bench.server("one"), try bench.server("two"), try bench.server("three"))
            let port = try freePort()
            bench.run(
                balancer(port: port, to: one) {
                    $0.nodes = [
                        named("one", "both.test", one.port), named("two", "both.test", two.port), named("three", "alias.test", three.port),
                    ]
                })
            try waitUntil("all are up") { try bench.status("shop") == ["one": true, "two": true, "three": true] }
            let bodies = try (0..<12).map { _ in try Page(port).body }
            #expect(Set(bodies) == ["one", "two", "three"])
            #expect(try bench.settle() == [])
        }
    }

    @Test func twoNodesOfOneNameAndPortHaveAnAddressEach() async throws {
        try await withNames { bench, names in
            names.set("both.test", 1, 2)
            let one = try bench.server("one")
            bench.run(
                balancer(port: try freePort(), to: one) {
                    $0.nodes = [named("one", "both.test", one.port), named("two", "both.test", one.port)]
                })
            try waitUntil("both have an address") {
                let addresses = try bench.ask("show servers state").split(separator: "\n").compactMap { line -> Substring? in
                    let words = line.split(separator: " ")
                    return words.count > 4 && words[1] == "shop" ? words[4] : nil
                }
                return Set(addresses) == ["127.0.0.1", "127.0.0.2"]
            }
        }
    }

    @Test(arguments: [true, false])
    func aNodeThatMovesFromANameToAnAddressHasDoneWithTheName(asAnother isReplaced: Bool) async throws {
        try await withNames { bench, names in
            names.set("one.test", 1)
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            let shop = balancer(.init("shop"), .tcp, port: port, to: one) { $0.sessionPersistence = SessionPersistence.none }
            let byName = shop.changed { $0.nodes = [named("one", "one.test", one.port)] }
            bench.run(byName)
            try waitUntil("it is up") { try bench.status("shop") == ["one": true] }
            if isReplaced {
                // It is taken out while it has a connection, so it is still there when another one of its name comes.
                let connection = try bench.connection(to: port, at: "one")
                bench.run(shop.changed { $0.nodes = [node("two", "127.0.0.1", port: two.port)] })
                #expect(try connection.ask("still") == "one still")
            }
            bench.run(shop)
            #expect(try bench.settle() == [])
            names.set("one.test")
            let state = try #require(ServerState.states(bench.ask("show servers state")).first { $0.server == "one" })
            #expect(state.endpoint == shop.nodes[0].endpoint)
            #expect(try bench.status("shop") == ["one": true])
            #expect(try bench.share(port, of: "one") == 40)
        }
    }

    @Test func withoutResolversANodeThatMovesFromANameToAnAddressIsFoundRight() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let shop = balancer(port: try freePort(), to: one)
            bench.run(shop.changed { $0.nodes[0].address = .name("localhost") })
            bench.run(shop)
            #expect(try bench.settle() == [])
            #expect(try bench.settle() == [])
        }
    }
}

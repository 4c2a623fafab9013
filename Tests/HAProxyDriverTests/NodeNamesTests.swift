import Dispatch
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// Host names that the worker looks up for haproxy.
@Suite struct NodeNamesTests {
    /// Knows every name but `wrong.test`, and answers nothing for `silent.test` until it is opened.
    private final class Resolver: Sendable {
        private let gate = DispatchSemaphore(value: 0)

        func open() { gate.signal() }

        @Sendable func lookUp(_ name: String) -> IPAddress? {
            if name == "silent.test" {
                gate.wait()
                gate.signal()
            }
            return name == "wrong.test" ? nil : .v4(0x7F00_0001)
        }
    }

    @Test func aNameThatNobodyAnswersForHoldsUpNoOther() async throws {
        let resolver = Resolver()
        defer { resolver.open() }
        try await onThread {
            let names = NodeNames(resolver.lookUp)
            let all: Set = ["one.test", "silent.test", "wrong.test"]
            #expect(names.addresses(of: all, within: .seconds(1)) == ["one.test": .v4(0x7F00_0001)])
            resolver.open()
            try waitUntil("the name is resolved") {
                names.addresses(of: all, within: .zero) == ["one.test": .v4(0x7F00_0001), "silent.test": .v4(0x7F00_0001)]
            }
        }
    }

    @Test func aNodeWhoseNameNobodyAnswersForIsAloneDownAndComesWhenItHasAnAddress() async throws {
        try await withBench { bench in
            let resolver = Resolver()
            defer { resolver.open() }
            try bench.restart(lookUp: resolver.lookUp)
            let one = try bench.server("one")
            let port = try freePort()
            let shop = balancer("shop", port: port, to: one) {
                for (id, name) in [("named", "one.test"), ("silent", "silent.test"), ("wrong", "wrong.test")] {
                    $0.nodes.append(Node(id: NodeID(id), address: .name(name), port: one.port))
                }
            }
            bench.run(shop)
            try waitUntil("those with an address are up") {
                try bench.status("shop") == ["one": true, "named": true, "silent": false, "wrong": false]
            }
            bench.run(shop, balancer("other", port: try freePort(), to: one))
            #expect(try Page(port).body == "one")
            resolver.open()
            let all = ["one": true, "named": true, "silent": true, "wrong": false]
            try waitUntil("the other has an address") {
                try bench.settle()
                return try bench.status("shop") == all
            }
            #expect(try bench.settle() == [])
            try bench.killHAProxy()
            try bench.settle()
            try waitUntil("all are as they were") { try bench.status("shop") == all }
        }
    }
}

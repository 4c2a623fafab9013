import LBaaS
import Testing

@testable import HAProxyDriver

/// A real haproxy with real connections through it.
@Suite struct ServingTests {
    /// Who answers so many requests over HTTP, and how often.
    static func counts(_ port: UInt16, _ requests: Int) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for _ in 0..<requests { counts[try Page(port).body, default: 0] += 1 }
        return counts
    }

    @Test func itIsStartedChangedAndEnded() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            #expect(try Page(port).body == "one")
            #expect(bench.taken.contains(.loaded))
            let pid = bench.serving
            #expect(pid != nil)
            bench.run()
            #expect(bench.serving == nil)
            #expect(throws: Failure.self) { try Page(port) }
        }
    }

    @Test func weightsShareTheRequests() async throws {
        try await withBench { bench in
            let (one, two) = (try bench.server("one"), try bench.server("two"))
            let port = try freePort()
            bench.run(balancer(port: port, to: one, two) { $0.nodes[0].weight = 3 })
            #expect(try Self.counts(port, 40) == ["one": 30, "two": 10])
            bench.forget()
            bench.run(balancer(port: port, to: one, two) { $0.nodes[1].weight = 3 })
            #expect(bench.taken == [.commandsDone])
            #expect(try Self.counts(port, 40) == ["one": 10, "two": 30])
        }
    }
}

import HealthChecks
import HostSystem
import LBaaS
import TestSupport
import Testing

@testable import lbaas_worker

/// Facts about nodes as they are committed, and as checks find them.
@Suite("Checks and the facts that are committed", .timeLimit(.minutes(2)))
struct NodeChecksTests {
    private struct Report: Sendable {
        let node: NodeID
        let endpoint: Endpoint
        let health: NodeHealth
    }

    private let reports = Record<Report>()
    private let checks: NodeChecks
    private let server: Socket

    init() throws {
        server = try Socket(.tcp, for: .v4(0x7F00_0001))
        try server.bind(to: .v4(0x7F00_0001), port: 0)
        try server.listen()
        checks = try NodeChecks(HealthChecker.Configuration(), log: .silent, now: Clock.now) { [reports] findings in
            for (node, finding) in findings["a"] ?? [:] {
                reports.add(Report(node: node, endpoint: finding.endpoint, health: finding.health))
            }
        }
    }

    /// A load balancer whose node is here, and whose checks go to the server all the same.
    private func loadBalancer(node: UInt32, delay: UInt32 = 1) -> LoadBalancer {
        var monitor = Monitor(kind: .connect)
        (monitor.delay, monitor.timeout, monitor.attempts) = (delay, 1, 1)
        (monitor.address, monitor.port) = (.v4(0x7F00_0001), server.port)
        var loadBalancer = LoadBalancer(id: "a", serviceProtocol: .tcp, port: 80)
        loadBalancer.nodes = [Node(id: "n", address: endpoint(node).host, port: 80)]
        loadBalancer.monitor = monitor
        return loadBalancer
    }

    /// Has it checked with what was committed of its node.
    private func check(_ loadBalancer: LoadBalancer?, isUp: Bool = false) {
        checks.check("a", loadBalancer, health: ["n": NodeHealth(isUp: isUp, since: Timestamp(microseconds: 0))])
    }

    /// Where the node with this number is.
    private func endpoint(_ node: UInt32) -> Endpoint { Endpoint(host: .address(.v4(0x0A00_0000 + node)), port: 80) }

    private func wait(for node: UInt32, isUp: Bool) async throws {
        try await eventually("a report that \(endpoint(node)) is \(isUp ? "up" : "down")", within: 20) {
            reports.all.last.map { $0.endpoint == endpoint(node) && $0.health.isUp == isUp } ?? false
        }
    }

    @Test("A node that moves is reported anew, though its checks go to the same place")
    func move() async throws {
        check(loadBalancer(node: 1))
        try await wait(for: 1, isUp: true)
        reports.clear()
        check(loadBalancer(node: 2))
        try await wait(for: 2, isUp: true)
        #expect(reports.all.allSatisfy { $0.endpoint == endpoint(2) })
    }

    @Test("A fact that was made anew while the same check goes on is brought up to what the check found")
    func anew() async throws {
        // Once in an hour: no other check begins meanwhile.
        check(loadBalancer(node: 1, delay: 3600))
        try await wait(for: 1, isUp: true)
        let found = try #require(reports.all.last?.health)
        reports.clear()
        checks.check("a", loadBalancer(node: 1, delay: 3600), health: ["n": found])
        check(loadBalancer(node: 1, delay: 3600))
        try await wait(for: 1, isUp: true)
        #expect(reports.all.count == 1 && reports.all[0].health == found)
    }

    @Test("Nothing is reported of a node that is gone, and one that is back begins anew")
    func gone() async throws {
        check(loadBalancer(node: 1, delay: 3600))
        try await wait(for: 1, isUp: true)
        check(nil)
        reports.clear()
        check(loadBalancer(node: 1), isUp: false)
        try await wait(for: 1, isUp: true)
        #expect(checks.stop())
    }
}

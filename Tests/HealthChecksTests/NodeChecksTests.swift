import HealthChecks
import HostSystem
import LBaaS
import TestSupport
import Testing

/// Facts about nodes as they are committed, and as checks find them.
@Suite("Checks and the facts that are committed", .timeLimit(.minutes(15)))
struct NodeChecksTests {
    private let reports = Record<NodeFinding>()
    private let others = Record<NodeFinding>()
    private let checks: NodeChecks
    private let server: Socket

    init() throws {
        server = try Socket(.tcp, for: .v4(0x7F00_0001))
        try server.bind(to: .v4(0x7F00_0001), port: 0)
        try server.listen()
        checks = try NodeChecks(HealthChecker.Configuration(), log: .silent, now: Clock.now) { [reports, others] findings in
            for finding in (findings["a"] ?? [:]).values { reports.add(finding) }
            for finding in (findings["b"] ?? [:]).values { others.add(finding) }
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
    private func check(_ loadBalancer: LoadBalancer?, version: UInt64 = 1, isUp: Bool = false) {
        let endpoint = loadBalancer?.nodes[0].endpoint ?? endpoint(1)
        let health = NodeHealth(isUp: isUp, since: Timestamp(microseconds: 0))
        checks.check("a", loadBalancer, facts: ["n": ServiceHealth.NodeFact(endpoint: endpoint, health: health, version: version)])
    }

    /// Where the node with this number is.
    private func endpoint(_ node: UInt32) -> Endpoint { Endpoint(host: .address(.v4(0x0A00_0000 + node)), port: 80) }

    /// Waits until the fact of this version is said to be up.
    private func waitUntilUp(_ version: UInt64) async throws {
        try await eventually("a report that version \(version) is up") {
            reports.all.last.map { $0.version == version && $0.health.isUp } ?? false
        }
    }

    @Test("A node that moves is reported anew, though its checks go to the same place")
    func move() async throws {
        check(loadBalancer(node: 1))
        try await waitUntilUp(1)
        reports.clear()
        check(loadBalancer(node: 2), version: 2)
        try await waitUntilUp(2)
        #expect(reports.all.allSatisfy { $0.version == 2 })
    }

    @Test("A fact that was made anew is judged anew by an equal check")
    func anew() async throws {
        // Once in an hour: no other check begins meanwhile.
        check(loadBalancer(node: 1, delay: 3600))
        try await waitUntilUp(1)
        check(loadBalancer(node: 1, delay: 3600), version: 2)
        try await waitUntilUp(2)
        #expect(reports.all.map(\.version) == [1, 2])
    }

    @Test("A change that leaves the fact and the check as they are leaves the check going on")
    func unchanged() async throws {
        check(loadBalancer(node: 1, delay: 3600))
        try await waitUntilUp(1)
        check(loadBalancer(node: 1, delay: 3600))
        // Another load balancer's report is told after what this change would begin.
        checks.check(
            "b", loadBalancer(node: 1, delay: 3600),
            facts: ["n": ServiceHealth.NodeFact(endpoint: endpoint(1), health: NodeHealth(isUp: false, since: Timestamp(microseconds: 0)))])
        try await eventually("a report of the other load balancer") { others.all.count == 1 }
        #expect(reports.all.count == 1)
    }

    @Test("Findings are numbered in their order, also over a time in which the node is not checked")
    func numbers() async throws {
        check(loadBalancer(node: 1, delay: 3600))
        try await waitUntilUp(1)
        check(nil)
        check(loadBalancer(node: 1, delay: 3600))
        try await eventually("a second report") { reports.all.count == 2 }
        #expect(reports.all.map(\.sequence) == [1, 2])
    }

    @Test("Nothing is reported of a node that is gone, and one that is back begins anew")
    func gone() async throws {
        check(loadBalancer(node: 1, delay: 3600))
        try await waitUntilUp(1)
        check(nil)
        reports.clear()
        check(loadBalancer(node: 1), version: 2)
        try await waitUntilUp(2)
        #expect(checks.stop())
    }
}

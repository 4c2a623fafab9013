import LBaaS
import Requests
import Testing

@testable import Controller

/// What is explained of a load balancer `shop` with the nodes `a`, `b` of weight 2 and a backup `c`.
@Suite struct ExplanationTests {
    private static let now = Timestamp(microseconds: 100_000_000)

    private static func node(_ id: NodeID, _ number: UInt32) -> Node {
        Node(id: id, address: .address(.v4(0x0A00_0000 + number)), port: 80, weight: 2, isBackup: id == "c")
    }

    /// How a node is whose last checks had these results, where three of them count.
    private static func health(_ results: CheckResult..., isUp: Bool = true) -> NodeHealth {
        var health = NodeHealth(isUp: isUp, since: Timestamp(microseconds: 0))
        for (second, result) in results.enumerated() {
            _ = health.take(result, rise: 2, fall: 3, now: Timestamp(microseconds: Int64(second + 1) * 1_000_000))
        }
        return health
    }

    private func explain(
        _ node: NodeID? = "a", a health: NodeHealth? = nil, isHeld: Bool = false, share: UInt16 = 1000,
        report: Result<ApplianceReport?, DriverError>? = nil, virtualIP: VirtualIPReport? = nil, hasFacts: Bool = true,
        change: (inout LoadBalancer) -> Void = { _ in }
    ) throws -> Explanation {
        var shop = LoadBalancer(id: "shop", serviceProtocol: .tcp, port: 80)
        shop.nodes = [Self.node("a", 1), Self.node("b", 2), Self.node("c", 3)]
        shop.monitor = Monitor(kind: .connect)
        shop.monitor?.attempts = 3
        shop.monitor?.rise = 2
        change(&shop)
        let facts = Dictionary(
            uniqueKeysWithValues: shop.nodes.map { node in
                let known = node.id == "a" ? health ?? Self.health(.passed) : Self.health(.passed)
                let isA = node.id == "a"
                return (
                    node.id,
                    ServiceHealth.NodeFact(
                        endpoint: node.endpoint, health: known, isHeld: isA && isHeld, share: isA ? share : 1000)
                )
            })
        let known = hasFacts ? ServiceHealth(nodes: facts, hasQuorum: true) : nil
        let effective = EffectiveRule(Upkeep(checking: .worker)).state(of: "shop", wanted: shop, drains: DrainTable(), health: known)
        let circumstances = Circumstances(
            entry: WantedState.Entry(loadBalancer: shop, createdAt: Timestamp(microseconds: 0), revision: 3), revision: 9,
            virtualIP: virtualIP, health: known, drains: [], effective: effective, silence: nil, checking: .worker, change: nil,
            refusals: [],
            operation: nil, start: Timestamp(microseconds: 0),
            report: report ?? .success(ApplianceReport(words: "it runs", nodes: [])), driver: "fake",
            now: Moment(steady: Self.now, wall: Self.now))
        return try Explanation(circumstances, node: node)
    }

    private func facts(_ health: NodeHealth, isHeld: Bool = false, share: UInt16 = 1000) throws -> String {
        try explain(a: health, isHeld: isHeld, share: share).steps[2].statement.what
    }

    @Test func whatChecksFoundOfANodeIsCounted() throws {
        let (failed, refused) = (CheckResult.failed("connect: refused"), "failed: connect: refused, since 1970-01-01T00:00:0")
        #expect(try facts(Self.health(.passed)) == "is up: its checks pass, since 1970-01-01T00:00:00.000Z")
        #expect(try facts(Self.health(.passed, failed)) == "is up: check 1 of 3 \(refused)0.000Z")
        #expect(try facts(Self.health(.passed, failed, failed)) == "is up: check 2 of 3 \(refused)0.000Z")
        #expect(try facts(Self.health(.passed, failed, failed, failed)) == "is down: check 3 of 3 \(refused)4.000Z")
        let back = Self.health(.passed, failed, failed, failed, .passed)
        #expect(try facts(back) == "is down: check 1 of 2 passed, since 1970-01-01T00:00:04.000Z")
        #expect(try facts(Self.health(isUp: false)) == "is down: no check of it has passed yet, since 1970-01-01T00:00:00.000Z")
        #expect(try facts(Self.health(.passed), share: 250).hasSuffix("; it comes back with 25 % of its weight so far"))
        #expect(try facts(Self.health(failed, failed, failed), isHeld: true).contains("; it is kept in service, for more"))
    }

    @Test func theSummaryIsTheFirstCauseThatKeepsANodeFromTraffic() throws {
        let down = Self.health(.failed("x"), .failed("x"), .failed("x"))
        #expect(try explain(a: down).summary.hasPrefix("node 'a' gets nothing: it is down: check 3 of 3 failed: x, since "))
        #expect(try explain(a: down) { $0.isSuspended = true }.summary == "node 'a' gets nothing: its load balancer is suspended")
        #expect(try explain(a: down) { $0.nodes[0].condition = .disabled }.summary == "node 'a' gets nothing: it is DISABLED")
        #expect(try explain { $0.nodes[0].condition = .draining }.summary == "node 'a' gets nothing new: it is DRAINING")
        #expect(try explain { $0.nodes[0].weight = 0 }.summary == "node 'a' gets nothing new: its weight is 0")
        #expect(try explain("c").summary == "node 'c' stands by: it is a backup, and others serve")
        #expect(try explain().summary == "node 'a' gets traffic with weight 2")
        #expect(try explain(report: .success(nil)).summary == "node 'a' gets nothing: the appliance does not run it")
        #expect(try explain(nil).summary == "'shop': the service is up: weight 4")
        #expect(try explain(nil, a: down).summary.hasPrefix("'shop': the service is up: weight 2; node 'a' gets nothing: it is down: "))
    }

    @Test(arguments: [true, false]) func whatTheApplianceFoundIsWhatTheServiceIsWhereNobodyElseKnows(hasMonitor: Bool) throws {
        func summaries(_ up: String...) throws -> (service: String, effective: String, node: String) {
            let nodes = ["a", "b", "c"].map { id in
                ApplianceReport.Node(
                    id: NodeID(id), endpoint: Self.node(NodeID(id), 1).endpoint, words: up.contains(id) ? "UP" : "DOWN",
                    status: NodeStatus(id: NodeID(id), isUp: up.contains(id)))
            }
            let report: Result<ApplianceReport?, DriverError> = .success(ApplianceReport(words: "it runs", nodes: nodes))
            let change = { (shop: inout LoadBalancer) in if !hasMonitor { shop.monitor = nil } }
            let service = try explain(nil, report: report, hasFacts: false, change: change)
            return (service.summary, service.steps[3].statement.what, try explain(report: report, hasFacts: false, change: change).summary)
        }
        let (all, some, none) = (try summaries("a", "b", "c"), try summaries("b", "c"), try summaries())
        #expect(all.service == "'shop': the service is up: weight 4" && all.node.hasPrefix("node 'a' gets traffic"))
        #expect(some.service.hasPrefix("'shop': the service is up: 2 of 3 nodes serve, as the appliance says; node 'a' gets nothing"))
        #expect(none.service.hasPrefix("'shop': the service is down: no node serves, as the appliance says; node 'a' gets nothing"))
        for found in [some, none] {
            #expect(found.effective.hasSuffix("should get traffic on *:80/tcp, as far as its own checks let them"))
            #expect(found.node.hasPrefix("node 'a' gets nothing: " + (hasMonitor ? "it is down: " : "the appliance says: DOWN")))
        }
    }

    @Test func whatTheApplianceSaysIsComparedWithWhatShouldRun() throws {
        let found = ApplianceReport.Node(
            id: "a", endpoint: Self.node("a", 1).endpoint, weight: 1, connections: 1, words: "NAT")
        let report = ApplianceReport(words: "virtual service", nodes: [found], deviations: ["set real server a"])
        let explanation = try explain(report: .success(report))
        #expect(explanation.deviations == ["set real server a"])
        #expect(explanation.summary == "node 'a' is not as it should be on the appliance, which says: NAT, weight 1, 1 connection")
        #expect(explanation.steps[5].details.map(\.what) == ["differs: set real server a"])
        #expect(try explain("b", report: .success(report)).steps[5].statement.what == "it does not have 10.0.0.2:80")
        let failed = try explain(report: .failure(DriverError("no answer")))
        #expect(failed.steps[5].statement.what == "it cannot be asked: no answer" && failed.deviations == [])
        let gone = try explain(nil, report: .success(nil))
        #expect(gone.deviations == ["create load balancer 'shop': the appliance does not run it"])
    }

    @Test(
        arguments: [
            (nil, "it is not known yet which host owns 10.0.0.9", true),
            (Self.fact(.booting), "it is not known yet which host owns 10.0.0.9", true),
            (Self.fact(.activated, isBound: true, owner: "a"), "this host owns 10.0.0.9, and eth0 has it", false),
            (
                Self.fact(.activated, owner: "a", "there is no interface eth0"),
                "this host owns 10.0.0.9, but eth0 does not have it: there is no interface eth0", true
            ),
            (Self.fact(.standby, owner: "b"), "host b owns 10.0.0.9", true),
            (
                Self.fact(.standby, "the right to it ended and was not renewed"),
                "no host is known to own 10.0.0.9: the right to it ended and was not renewed", true
            ),
            (
                Self.fact(.failing, owner: "b", "its services are down"),
                "this host must not have 10.0.0.9: its services are down; host b owns it", true
            ),
        ])
    func whoOwnsAVirtualIPIsTold(fact: VirtualIPFact?, words: String, isAbsent: Bool) throws {
        var wanted = try VirtualIP(address: .v4(0x0A00_0009), interface: "eth0")
        wanted.preemption = .after(.seconds(5))
        let report = VirtualIPReport(virtualIP: wanted, section: "virtual_ip:shop", fact: fact)
        let explanation = try explain(nil, virtualIP: report) { $0.address = .v4(0x0A00_0009) }
        #expect(explanation.steps.map(\.cause) == [.job, .wanted, .address, .facts, .effective, .operation, .appliance])
        #expect(explanation.steps[2].statement == Explanation.Statement(words, at: fact?.since))
        let source = "the virtual IP is of the section [virtual_ip:shop] of the configuration file"
        #expect(explanation.steps[2].details[0].what == source + ": at_least_one, priority 100, taken back after 5 s")
        #expect(explanation.summary.hasSuffix(isAbsent ? "; this host does not answer for it: \(words)" : "weight 4"))
    }

    private static func fact(
        _ state: VirtualIPState, isBound: Bool = false, owner: String? = nil, _ reason: String? = nil
    ) -> VirtualIPFact {
        VirtualIPFact(state: state, isBound: isBound, owner: owner, reason: reason, since: Timestamp(microseconds: 5_000_000))
    }

    @Test func aNodeThatIsNotThereIsNotFound() throws {
        #expect(throws: Refusal.self) { try explain("z") }
    }
}

@Suite struct ProvenanceTests {
    @Test func theChangeThatMadeALoadBalancerIsKnownAfterARestart() throws {
        let bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
        try bench.send("SUSPEND", named("b"))
        try bench.restart()
        for (id, what) in [("a", "UPDATE a,b"), ("b", "SUSPEND b")] {
            let found = try bench.pipeline.circumstances(of: LoadBalancerID(id), driverName: "fake")
            #expect(found.change?.what == what && found.change?.revision == found.entry.revision)
            #expect(found.operation == nil && found.refusals.isEmpty)
        }
    }

    @Test func whatIsRefusedIsRememberedUntilTheNextChange() throws {
        let bench = try Bench()
        try bench.send("CREATE", [listed("a", 1)])
        try bench.send("CREATE", [listed("b", 1)])
        try bench.send("CREATE", [listed("a", 1), listed("c", 1)])
        func refusals(_ id: LoadBalancerID) throws -> [String] {
            try bench.pipeline.circumstances(of: id, driverName: "fake").refusals.map(\.sentence)
        }
        let refused = try refusals("a")
        #expect(refused.count == 1 && refused[0].contains("listens already"))
        try bench.send("SUSPEND", named("a"))
        #expect(try refusals("a") == [])
        #expect(throws: Refusal.self) { try refusals("b") }
    }
}

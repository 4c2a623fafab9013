import LBaaS
import Synchronization
import Testing

@testable import Controller

/// Notes whom it is to check.
private final class RecordingChecker: NodeChecker {
    private let told = Mutex<[LoadBalancerID: (loadBalancer: LoadBalancer?, health: [NodeID: NodeHealth])]>([:])

    func check(_ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, facts: [NodeID: ServiceHealth.NodeFact]) {
        told.withLock { $0[id] = (loadBalancer, facts.mapValues(\.health)) }
    }

    /// What it was told last of a load balancer; nil where it was told nothing.
    func last(_ id: String) -> (loadBalancer: LoadBalancer?, health: [NodeID: NodeHealth])? { told.withLock { $0[LoadBalancerID(id)] } }
}

@Suite("The health of nodes")
struct HealthTests {
    private let bench: Bench
    private let checker = RecordingChecker()

    private static let monitor = #", "monitor": {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1}"#

    init() throws {
        bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(checking: .worker)))
        bench.pipeline.begin(checker)
    }

    /// A load balancer as a job lists it, with nodes n1 to n3 of weight 2 that are checked.
    private func checked(_ id: String = "a", _ port: Int = 80, nodes: Int = 3, _ more: String = "") -> String {
        let nodes = (1...nodes).map { #"{"id": "n\#($0)", "address": "10.0.0.\#($0)", "port": 80, "weight": 2}"# }.joined(separator: ",")
        return #"{"id": "\#(id)", "protocol": "TCP", "port": \#(port)\#(Self.monitor)\#(more), "nodes": [\#(nodes)]}"#
    }

    /// Has checks report nodes of `a` up or down.
    private func report(_ nodes: Int..., up: Bool) {
        var reports: [NodeID: (endpoint: Endpoint, health: NodeHealth)] = [:]
        for number in nodes {
            var health = NodeHealth(isUp: !up, since: Timestamp(microseconds: 0))
            _ = health.take(up ? .passed : .failed("connect: refused"), rise: 1, fall: 1, now: bench.clock.now)
            let endpoint = Endpoint(host: .address(.v4(0x0A00_0000 + UInt32(number))), port: 80)
            reports[NodeID("n\(number)")] = (endpoint, health)
        }
        bench.pipeline.report(["a": reports])
    }

    /// The nodes that the appliance serves `a` with.
    private var serving: [String] {
        get throws {
            let nodes = try bench.driver.running["a"]?.nodes ?? []
            return nodes.filter { $0.condition == .enabled }.map { "\($0.id):\($0.weight)" }
        }
    }

    @Test("A node serves from its first success to its failure")
    func comesAndGoes() throws {
        #expect(try bench.send("CREATE", [checked()]).isPass)
        #expect(try serving == [])
        report(1, 3, up: true)
        #expect(try serving == ["n1:2", "n3:2"])
        report(3, up: false)
        #expect(try serving == ["n1:2"])
        #expect(try bench.committed["a"]?.nodes.allSatisfy { $0.condition == .enabled } == true)
    }

    @Test("What checks found before counts after a restart")
    func restart() throws {
        try bench.send("CREATE", [checked()])
        report(1, 2, up: true)
        report(2, up: false)
        bench.driver.clear()
        try bench.restart()
        #expect(bench.driver.calls == [.observe])
        #expect(try serving == ["n1:2"])
        bench.pipeline.begin(checker)
        let told = try #require(checker.last("a"))
        #expect(told.health["n1"]?.isUp == true && told.health["n2"]?.isUp == false)
        #expect(told.health["n2"]?.reason == "connect: refused" && told.health["n3"]?.wasUp == false)
    }

    @Test("STATS tells how nodes are, why, and since when, and does not ask the driver")
    func stats() throws {
        try bench.send("CREATE", [checked(), listed("b", 81)])
        report(1, up: true)
        bench.clock.advance(seconds: 60)
        report(2, up: false)
        bench.driver.clear()
        let reply = try bench.send("STATS", named("a"))
        #expect(reply.nodes == ["n1 of a: UP", "n2 of a: DOWN", "n3 of a: DOWN"])
        #expect(reply.reasons == [nil, "connect: refused", nil])
        #expect(reply.times.count == 3 && reply.times[0] != reply.times[1])
        #expect(bench.driver.calls.isEmpty)
        #expect(try bench.send("STATS").nodes?.last == "n of b: UP")
        #expect(bench.driver.calls == [.status])
    }

    @Test("A change of other fields leaves nodes as they are, and the checker is told")
    func change() throws {
        try bench.send("CREATE", [checked()])
        report(1, up: true)
        try bench.send("CREATE", [checked(nodes: 2, #", "algorithm": "LEAST_CONNECTIONS""#)])
        #expect(try serving == ["n1:2"])
        let told = try #require(checker.last("a"))
        #expect(told.loadBalancer?.nodes.count == 2 && told.health.count == 2)
    }

    @Test("What stands still or is gone is not checked")
    func standing() throws {
        try bench.send("CREATE", [checked()])
        #expect(checker.last("a")?.loadBalancer != nil)
        try bench.send("SUSPEND", named("a"))
        #expect(try #require(checker.last("a")).loadBalancer == nil)
        try bench.send("ENABLE", named("a"))
        #expect(checker.last("a")?.loadBalancer != nil)
        try bench.send("CREATE", [listed("b", 81)])
        #expect(try #require(checker.last("b")).loadBalancer == nil)
        try bench.send("DELETE", named("a"))
        #expect(try #require(checker.last("a")).loadBalancer == nil)
        report(1, up: true)
        try bench.send("CREATE", [checked()])
        #expect(try serving == [])
    }

    @Test("A report that changes nothing is no commit")
    func nothingNew() throws {
        try bench.send("CREATE", [checked()])
        report(1, up: true)
        bench.driver.clear()
        report(1, up: true)
        bench.pipeline.report([
            "nobody": ["n1": (Endpoint(host: .address(.v4(1)), port: 80), NodeHealth(isUp: true, since: bench.clock.now))]
        ])
        bench.pipeline.advance()
        #expect(bench.driver.calls.isEmpty)
    }

    @Test("The sorry server serves while the quorum is lost")
    func sorryServer() throws {
        let more = #", "quorum": 4, "sorry_server": {"address": "10.0.0.99", "port": 80}"#
        try bench.send("CREATE", [checked("a", 80, nodes: 3, more)])
        #expect(try serving == ["sorry server:1"])
        report(1, up: true)
        #expect(try serving == ["sorry server:1"])
        report(2, up: true)
        #expect(try serving == ["n1:2", "n2:2"])
        report(1, up: false)
        #expect(try serving == ["sorry server:1"])
        try bench.restart()
        #expect(try serving == ["sorry server:1"])
    }

    @Test("A node that comes back has more of its weight from time to time")
    func slowStart() throws {
        let slow = checked(nodes: 1).replacing(#""attempts": 1"#, with: #""attempts": 1, "slow_start": 10"#)
            .replacing(#""weight": 2"#, with: #""weight": 100"#)
        try bench.send("CREATE", [slow])
        report(1, up: true)
        #expect(try serving == ["n1:1"])
        for (seconds, weight) in [(2, 20), (3, 50), (5, 100)] {
            bench.clock.advance(seconds: Int64(seconds))
            bench.pipeline.advance()
            #expect(try serving == ["n1:\(weight)"])
        }
    }

    @Test("What goes down at once stays in service, and the operator hears of it")
    func panic() throws {
        try bench.send("CREATE", [checked("a", 80, nodes: 3, #", "panic_percent": 50"#)])
        report(1, 2, 3, up: true)
        report(1, 2, up: false)
        #expect(try serving == ["n1:2", "n2:2", "n3:2"])
        #expect(bench.lines.all.filter { $0.contains("stays in service") }.count == 2)
        report(1, up: true)
        #expect(try serving == ["n1:2", "n3:2"])
    }

    @Test("What could not be followed is tried again, the newest of it")
    func failure() throws {
        try bench.send("CREATE", [checked()])
        report(3, up: true)
        bench.driver.fail("a")
        report(1, 2, up: true)
        report(2, up: false)
        #expect(try serving == ["n3:2"])
        bench.pipeline.advance()
        bench.driver.fail(nil)
        #expect(try serving == ["n3:2"])
        bench.pipeline.advance()
        #expect(try serving == ["n1:2", "n3:2"])
        bench.driver.clear()
        bench.pipeline.advance()
        #expect(bench.driver.calls.isEmpty)
    }
}

extension Reply {
    fileprivate var reasons: [String?] { list.map { $0["reason"] as? String } }
    fileprivate var times: [String] { list.compactMap { $0["since"] as? String } }
}

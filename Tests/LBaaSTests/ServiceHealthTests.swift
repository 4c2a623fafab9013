import LBaaS
import TestSupport
import Testing

@Suite("The health of a service")
struct ServiceHealthTests {
    private var balancer = LoadBalancer(id: "a", serviceProtocol: .tcp, address: .v4(0x0A00_0001), port: 80)
    private var health = ServiceHealth()
    private var sequence: UInt64 = 0

    init() {
        balancer.monitor = Monitor(kind: .connect)
        balancer.monitor?.delay = 1
        balancer.monitor?.timeout = 1
        balancer.monitor?.attempts = 1
        balancer.nodes = (1...4).map { node($0) }
    }

    private func node(_ number: UInt32, weight: UInt16 = 1, isBackup: Bool = false) -> Node {
        Node(id: NodeID("n\(number)"), address: .address(.v4(0x0A00_0100 + number)), port: 80, weight: weight, isBackup: isBackup)
    }

    private func at(_ second: Int64) -> Timestamp { Timestamp(microseconds: second * 1_000_000) }

    /// Has checks report these nodes up or down.
    private mutating func report(_ ids: String..., up: Bool, at second: Int64) {
        var findings: [NodeID: NodeFinding] = [:]
        sequence += 1
        for id in ids {
            let node = NodeID(id)
            guard let fact = health.nodes[node] else { continue }
            var turned = fact.health
            _ = turned.take(up ? .passed : .failed("connect: refused"), rise: 1, fall: 1, now: at(second))
            findings[node] = NodeFinding(version: fact.version, sequence: sequence, health: turned)
        }
        health.take(findings, of: balancer, now: at(second))
    }

    /// What serves, with the weights: `n1:1 n2:5`.
    private var serving: String {
        health.effective(balancer).nodes.filter { $0.condition == .enabled }.map { "\($0.id):\($0.weight)" }.joined(separator: " ")
    }

    @Test("keeps new nodes out until they pass, or lets them in until they fail")
    mutating func beginning() {
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        #expect(serving == "" && !health.hasQuorum)
        report("n2", up: true, at: 1)
        #expect(serving == "n2:1" && health.hasQuorum)
        balancer.monitor?.initiallyUp = true
        balancer.nodes.append(node(5))
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(2))
        #expect(serving == "n2:1 n5:1")
        report("n5", up: false, at: 3)
        #expect(serving == "n2:1")
    }

    @Test("does not check a node as new because its load balancer changes, but does where it moves")
    mutating func following() {
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        report("n1", "n2", up: true, at: 1)
        balancer.algorithm = .maglev
        balancer.monitor?.path = "/other"
        balancer.nodes[0].weight = 9
        balancer.nodes[1].port = 81
        balancer.nodes.remove(at: 3)
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(2))
        #expect(serving == "n1:9")
        #expect(health.nodes.count == 3)
        balancer.monitor = nil
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(3))
        #expect(serving == "n1:9 n2:1 n3:1")
    }

    private func finding(_ version: UInt64, _ sequence: UInt64, isUp: Bool) -> NodeFinding {
        NodeFinding(version: version, sequence: sequence, health: NodeHealth(isUp: isUp, since: at(Int64(sequence))))
    }

    @Test("passes over what was found of a node that is gone, or has moved or is checked in another way since then")
    mutating func otherFacts() {
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        balancer.nodes[0].port = 81
        health.follow(balancer, checkedBy: .worker, version: 2, now: at(0))
        let before = health
        health.take(["n9": finding(1, 1, isUp: true), "n1": finding(1, 1, isUp: true)], of: balancer, now: at(1))
        #expect(health == before)
        health.take(["n1": finding(2, 2, isUp: true), "n2": finding(1, 2, isUp: true)], of: balancer, now: at(1))
        #expect(serving == "n1:1 n2:1")
        balancer.monitor?.path = "/other"
        health.follow(balancer, checkedBy: .worker, version: 3, isMonitorNew: true, now: at(2))
        health.take(["n1": finding(2, 3, isUp: false), "n2": finding(3, 3, isUp: false)], of: balancer, now: at(3))
        #expect(serving == "n1:1")
    }

    @Test("passes over a finding that comes after a newer one, or twice")
    mutating func lateFindings() {
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        health.take(["n1": finding(1, 2, isUp: true)], of: balancer, now: at(1))
        let before = health
        health.take(["n1": finding(1, 1, isUp: false)], of: balancer, now: at(2))
        health.take(["n1": finding(1, 2, isUp: false)], of: balancer, now: at(2))
        #expect(health == before)
        health.take(["n1": finding(1, 4, isUp: true)], of: balancer, now: at(3))
        health.take(["n1": finding(1, 3, isUp: false)], of: balancer, now: at(4))
        #expect(serving == "n1:1")
    }

    @Test("lets a node that is down keep its connections where it quiesces")
    mutating func quiescing() {
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        report("n1", "n2", up: true, at: 1)
        report("n1", up: false, at: 2)
        #expect(health.effective(balancer).nodes[0].condition == .disabled)
        balancer.monitor?.quiesces = true
        #expect(health.effective(balancer).nodes[0].condition == .draining)
    }

    @Test("gives a node that comes back its weight by steps, and never none")
    mutating func slowStart() {
        balancer.monitor?.slowStart = 10
        balancer.nodes = [node(1, weight: 200), node(2, weight: 1), node(3, weight: 0)]
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        report("n1", "n2", "n3", up: true, at: 100)
        #expect(serving == "n1:1 n2:1 n3:0" && health.isRestless)
        health.advance(balancer, now: at(105))
        #expect(serving == "n1:100 n2:1 n3:0")
        health.advance(balancer, now: at(110))
        #expect(serving == "n1:200 n2:1 n3:0" && !health.isRestless)
    }

    @Test(
        "turns at quorum plus and below quorum minus hysteresis",
        arguments: [(3, 1, "DDDUUUDD"), (2, 0, "DUUUUUDD"), (nil, 0, "UUUUUUUD"), (2, 5, "DDDDDDDD")] as [(UInt32?, UInt32, String)])
    mutating func quorum(quorum: UInt32?, hysteresis: UInt32, course: String) {
        balancer.quorum = quorum
        balancer.hysteresis = hysteresis
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        var states = ""
        // One node after the other comes, and then goes: the weights in service are 1 2 3 4 3 2 1 0.
        for second in 1...8 {
            report("n\((second - 1) % 4 + 1)", up: second <= 4, at: Int64(second))
            states += health.hasQuorum ? "U" : "D"
        }
        #expect(states == course)
    }

    @Test("puts the sorry server in the place of the nodes while the quorum is lost")
    mutating func sorryServer() {
        balancer.quorum = 2
        balancer.sorryServer = Endpoint(host: .address(.v4(0x0A00_00FF)), port: 8080)
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        report("n1", up: true, at: 1)
        #expect(serving == "sorry server:1")
        #expect(health.effective(balancer).nodes[0].condition == .draining)
        report("n2", up: true, at: 2)
        #expect(serving == "n1:1 n2:1")
        balancer.nodes[0].id = "sorry server"
        balancer.nodes[1].condition = .disabled
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(3))
        #expect(serving == "sorry server':1")
    }

    @Test("counts backups where no other node is in service")
    mutating func backups() {
        balancer.nodes = [node(1, weight: 5), node(2, weight: 3, isBackup: true)]
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        report("n1", "n2", up: true, at: 1)
        #expect(health.weightInService(balancer) == 5)
        report("n1", up: false, at: 2)
        #expect(health.weightInService(balancer) == 3)
    }

    @Test("keeps in service what goes down at once, and lets go of it when less of it is down")
    mutating func panic() {
        balancer.panicPercent = 50
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        report("n1", "n2", "n3", "n4", up: true, at: 1)
        // One by one, each in a window of its own: believed.
        report("n1", up: false, at: 10)
        #expect(serving == "n2:1 n3:1 n4:1")
        report("n1", up: true, at: 20)
        // Two in one window are half, which is not more than half.
        report("n1", "n2", up: false, at: 30)
        #expect(serving == "n3:1 n4:1")
        // The third in the same window is too much: the last good set is kept.
        report("n3", up: false, at: 31)
        #expect(serving == "n1:1 n2:1 n3:1 n4:1" && health.isRestless)
        // However long it lasts.
        health.advance(balancer, now: at(1000))
        #expect(serving == "n1:1 n2:1 n3:1 n4:1")
        report("n1", up: true, at: 1001)
        #expect(serving == "n1:1 n4:1" && !health.isRestless)
    }

    @Test("does not hold in service what was never up")
    mutating func panicAtTheBeginning() {
        balancer.panicPercent = 50
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        report("n1", "n2", "n3", "n4", up: false, at: 1)
        #expect(serving == "")
    }

    @Test("serves exactly what is up, through any course of events, where nothing is held")
    mutating func property() {
        var generator = SeededGenerator(seed: 11)
        var up: Set<String> = []
        health.follow(balancer, checkedBy: .worker, version: 1, now: at(0))
        for second in 1...2000 {
            let id = "n\(Int.random(in: 1...4, using: &generator))"
            let isUp = Bool.random(using: &generator)
            report(id, up: isUp, at: Int64(second))
            if isUp { up.insert(id) } else { up.remove(id) }
            #expect(Set(serving.split(separator: " ").map { String($0.prefix(2)) }) == up)
            #expect(health.hasQuorum == !up.isEmpty)
        }
    }
}

import DummyDriver
import LBaaS
import Testing

@Suite("What the dummy driver reports")
struct ReportTests {
    private let a = LoadBalancerID("a")

    @Test("a node is up where it is enabled, has a weight and is not listed as down")
    func status() throws {
        let nodes = [
            node("up"), node("weightless", weight: 0), node("disabled", condition: .disabled), node("draining", condition: .draining),
            node("broken"), node("lost"),
        ]
        let bench = try Bench(["down": "broken, lost"], holding: [balancer("a") { $0.nodes = nodes }])
        let status = try bench.driver.status(of: [a])
        #expect(status == [a: nodes.map { NodeStatus(id: $0.id, isUp: $0.id == "up") }])
    }

    @Test("no node of a suspended load balancer is up")
    func suspendedStatus() throws {
        let bench = try Bench(holding: [suspended(balancer("a"))])
        #expect(try bench.driver.status(of: [a])[a] == [NodeStatus(id: "1", isUp: false), NodeStatus(id: "2", isUp: false)])
        #expect(bench.apply([.update(from: suspended(balancer("a")), to: balancer("a"))]) == [nil])
        #expect(try bench.driver.status(of: [a])[a]?.allSatisfy(\.isUp) == true)
    }

    @Test("a load balancer that it does not run is left out")
    func unknown() throws {
        let bench = try Bench(holding: [balancer("a")])
        let ids = [a, LoadBalancerID("b")]
        #expect(Array(try bench.driver.status(of: ids).keys) == [a])
        #expect(Array(try bench.driver.statistics(of: ids).keys) == [a])
        #expect(try bench.driver.status(of: []).isEmpty)
    }

    private func bytes(_ bench: Bench) throws -> UInt64? { try bench.driver.statistics(of: [a])[a]?.first?.bytesOut }

    @Test("a counter grows each time it is asked for, and by nothing where nothing is configured")
    func counters() throws {
        let still = try Bench(holding: [balancer("a")])
        #expect(try [bytes(still), bytes(still)] == [0, 0])
        let growing = try Bench(["bytes_per_report": "1500"], holding: [balancer("a"), balancer("b", port: 81)])
        #expect(try [bytes(growing), bytes(growing)] == [1500, 3000])
        #expect(try growing.driver.statistics(of: ["b"].map { LoadBalancerID($0) }).values.map { $0.map(\.bytesOut) } == [[1500]])
    }

    @Test("a counter rests while its load balancer is suspended")
    func suspendedCounter() throws {
        let bench = try Bench(["bytes_per_report": "10"], holding: [balancer("a")])
        #expect(try bytes(bench) == 10)
        _ = bench.apply([.update(from: balancer("a"), to: suspended(balancer("a")))])
        #expect(try [bytes(bench), bytes(bench)] == [10, 10])
        _ = bench.apply([.update(from: suspended(balancer("a")), to: balancer("a"))])
        #expect(try bytes(bench) == 20)
    }

    @Test("a counter is of one run until its load balancer is deleted, and of another in another driver")
    func runs() throws {
        let bench = try Bench(["bytes_per_report": "10"], holding: [balancer("a")])
        func counter(_ bench: Bench) throws -> TrafficCounter { try #require(try bench.driver.statistics(of: [a])[a]?.first) }
        let first = try counter(bench)
        _ = bench.apply([.update(from: balancer("a"), to: balancer("a", port: 81))])
        #expect(try counter(bench) == TrafficCounter(bytesOut: 20, bytesIn: 2, run: first.run))
        _ = bench.apply([.delete(balancer("a", port: 81)), .create(balancer("a"))])
        let anew = try counter(bench)
        #expect(anew.bytesOut == 10)
        #expect(anew.run != first.run)
        #expect(try counter(Bench(holding: [balancer("a")])).run != first.run)
    }
}

@Suite("The log of the dummy driver")
struct DummyLogTests {
    @Test("has a line for each operation, once it is carried out")
    func operations() throws {
        let bench = try Bench(["fail": "delete"])
        _ = bench.apply([.create(balancer("a"))])
        _ = bench.apply([.update(from: balancer("a"), to: suspended(balancer("a"))), .delete(suspended(balancer("a")))])
        #expect(
            bench.logged == [
                "debug create load balancer 'a': HTTP on *:80/tcp, ROUND_ROBIN, 2 nodes",
                "debug add node '1' to 'a': 10.0.0.1:8080, weight 1",
                "debug add node '2' to 'a': 10.0.0.1:8080, weight 1",
                "debug suspend load balancer 'a'",
            ])
    }

    @Test("has a line for a step that only puts nodes in another order")
    func reordered() throws {
        let bench = try Bench(holding: [balancer("a")])
        _ = bench.apply([.update(from: balancer("a"), to: balancer("a") { $0.nodes.reverse() })])
        #expect(bench.logged == ["debug put the nodes of load balancer 'a' in another order"])
    }

    @Test("has nothing above debug")
    func quiet() throws {
        let bench = try Bench(threshold: .info)
        _ = bench.apply([.create(balancer("a"))])
        #expect(bench.logged.isEmpty)
    }
}

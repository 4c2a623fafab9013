import DummyDriver
import LBaaS
import Testing

/// Creates a suspended load balancer, changes it, enables it, suspends it and deletes it, each in one step.
private func life(of id: String, port: UInt16 = 80) -> [Patch<LoadBalancer>] {
    let (first, second) = (balancer(id, port: port), balancer(id, port: port) { $0.algorithm = .maglev })
    return [
        .create(suspended(first)), .update(from: suspended(first), to: suspended(second)), .update(from: suspended(second), to: second),
        .update(from: second, to: suspended(second)), .delete(suspended(second)),
    ]
}

@Suite("Failures of the dummy driver")
struct FailureTests {
    private let a = LoadBalancerID("a")

    @Test(
        "come at the operation told, and change nothing",
        arguments: [
            ("create", 0), ("suspend", 0), ("update", 1), ("enable", 2), ("suspend:x suspend:a", 0), ("delete", 4), ("DELETE:a", 4),
        ])
    func changes(fail: String, failing: Int) throws {
        let bench = try Bench(["fail": fail])
        let steps = life(of: "a")
        #expect(bench.apply(Array(steps[..<failing])) == steps[..<failing].map { _ in nil })
        let operation = fail.lowercased().prefix { $0 != ":" }
        #expect(bench.apply([steps[failing]]) == ["the dummy driver was told to fail \(operation) of 'a'"])
        #expect(try bench.held() == [steps[failing].old].compactMap { $0 })
    }

    @Test("come only to the load balancer named")
    func named() throws {
        let bench = try Bench(["fail": "create:bad, update:worse:than=bad"])
        let odd = balancer("worse:than=bad", port: 83)
        #expect(
            bench.apply([
                .create(balancer("good")), .create(balancer("bad", port: 81)), .create(odd), .update(from: odd, to: suspended(odd)),
            ])
                == [nil, "the dummy driver was told to fail create of 'bad'", nil, nil])
        #expect(
            bench.apply([.update(from: suspended(odd), to: balancer("worse:than=bad", port: 84))])
                == ["the dummy driver was told to fail update of 'worse:than=bad'"])
    }

    @Test("of a change that also suspends or enables come at either operation", arguments: ["update", "enable"])
    func both(operation: String) throws {
        let bench = try Bench(["fail": operation], holding: [suspended(balancer("a"))])
        #expect(
            bench.apply([.update(from: suspended(balancer("a")), to: balancer("a", port: 81))])
                == ["the dummy driver was told to fail \(operation) of 'a'"])
    }

    @Test("of one step are failures of its group, and of no other")
    func groups() throws {
        let bench = try Bench(["fail": "create:bad"], holding: [balancer("a")])
        let moves = [Patch.delete(balancer("a")), .create(balancer("bad"))]
        #expect(
            bench.apply(groups: [moves, [.create(balancer("c", port: 81))]]) == ["the dummy driver was told to fail create of 'bad'", nil])
        #expect(try bench.held() == [balancer("a"), balancer("c", port: 81)])
    }

    @Test("come to questions too")
    func questions() throws {
        let bench = try Bench(["fail": "observe status:a statistics"], holding: [balancer("a")])
        let b = LoadBalancerID("b")
        #expect(message { try bench.held() } == "the dummy driver was told to fail observe")
        #expect(message { try bench.driver.status(of: [b, a]) } == "the dummy driver was told to fail status of 'a'")
        #expect(message { try bench.driver.status(of: [b]) } == nil)
        #expect(message { try bench.driver.statistics(of: [a, b]) } == "the dummy driver was told to fail statistics")
        #expect(message { try bench.driver.statistics(of: [b]) } == "the dummy driver was told to fail statistics of 'b'")
    }

    @Test("do not make the words of a plan fail")
    func plan() throws {
        let bench = try Bench(["fail": "create"])
        let plan = bench.driver.plan([PatchGroup([LoadBalancerPatch(.create(balancer("a") { $0.nodes = [] }))])])
        #expect(plan == ["create load balancer 'a': HTTP on *:80/tcp, ROUND_ROBIN, 0 nodes"])
    }
}

@Suite("Slowness of the dummy driver")
struct SlownessTests {
    @Test("takes the time told, for all and for the one named on top")
    func changes() throws {
        let bench = try Bench(["slow": "create=100 create:b=23, suspend=60000 delete:b=1"])
        #expect(bench.apply([.create(balancer("a")), .create(suspended(balancer("b", port: 81)))]) == [nil, nil])
        #expect(bench.paused == [.milliseconds(100), .milliseconds(123), .seconds(60)])
        #expect(bench.apply([.delete(balancer("a")), .delete(suspended(balancer("b", port: 81)))]) == [nil, nil])
        #expect(bench.paused.dropFirst(3) == [.milliseconds(1)])
    }

    @Test("comes once to a question, however many load balancers it is about")
    func questions() throws {
        let bench = try Bench(["slow": "observe=1 status=2 status:b=3 statistics:a=4"])
        let ids = ["a", "b", "c"].map { LoadBalancerID($0) }
        _ = try bench.held()
        _ = try bench.driver.status(of: ids)
        _ = try bench.driver.statistics(of: ids)
        #expect(bench.paused == [1, 5, 4].map { .milliseconds($0) })
    }

    @Test("comes before a failure")
    func failure() throws {
        let bench = try Bench(["slow": "create=5", "fail": "create"])
        #expect(bench.apply([.create(balancer("a"))]) == ["the dummy driver was told to fail create of 'a'"])
        #expect(bench.paused == [.milliseconds(5)])
    }

    @Test("is real where nobody puts another pause in its place")
    func real() throws {
        let driver = try DummyDriver(DriverConfiguration(["slow": "observe=30"]))
        let taken = try ContinuousClock().measure { _ = try driver.observe(expecting: []) }
        #expect(taken >= .milliseconds(30))
    }
}

import HostSystem
import LBaaS
import Requests
import Testing

@testable import Controller

@Suite("Jobs that come together")
struct BatchTests {
    private let bench: Bench
    private let first = Job.create(balancer("first", 100))

    init() throws { bench = try Bench() }

    @Test("are one step of the appliance, and each has its own answer")
    func oneApply() throws {
        let numbers = 0..<40
        let outcomes = try #require(
            bench.together(first, numbers.map { .create(balancer("\($0)", UInt16($0 + 1))) } + [.delete(ids("nobody")), .create()]))
        #expect(outcomes.map(\.isChanged) == [Bool](repeating: true, count: 41) + [false, true])
        #expect(outcomes[41].failure?.contains("'nobody'") == true)
        #expect(bench.driver.applied.count == 2)
        #expect(bench.driver.applied.last.map { Set($0.ids) } == Set(numbers.map { ["\($0)"] }))
        #expect(try bench.holds((numbers.map { "\($0)" } + ["first"]).sorted()))
    }

    @Test("build upon each other in the order in which they came")
    func order() throws {
        let gate = bench.driver.hold()
        let crowd = Crowd()
        let jobs: [Job] = [
            .create(balancer("a", 1)), .create(balancer("a", 2)), .create(balancer("b", 1)), .delete(ids("a")), .create(balancer("c", 2)),
            .create(balancer("d", 1)), .metrics(ids("a")), .delete(ids("a", "b")),
        ]
        crowd.run([first], on: bench.pipeline)
        gate.waitForArrival()
        // One after the other, so that their order is known.
        for (index, job) in jobs.enumerated() {
            crowd.run([job], on: bench.pipeline, from: index + 1)
            #expect(crowd.waitUntilQueued(index + 2))
        }
        gate.open()
        let outcomes = crowd.outcomes()
        #expect(outcomes.map(\.isChanged) == [true, true, true, true, true, true, false, false, true])
        #expect(outcomes[6].failure?.contains("'b'") == true)
        if case .deleted = outcomes[7] {} else { Issue.record("METRICS of a deleted one: \(outcomes[7])") }
        // What comes and goes within the batch never reaches the appliance.
        #expect(bench.driver.applied.map(\.ids) == [[["first"]], [["c"]]])
        #expect(try bench.holds(["c", "first"]))
        try bench.restart()
        #expect(bench.pipeline.commit(.delete(ids("a", "b"))).isChanged)
    }

    @Test("count each byte once")
    func metrics() throws {
        #expect(bench.pipeline.commit(.create([balancer("a", 1)])).isChanged)
        bench.driver.count(500, of: "a")
        let outcomes = try #require(bench.together(first, (0..<5).map { _ in .metrics(ids("a")) }))
        #expect(outcomes.dropFirst().compactMap(\.bytes).sorted { ($0.first ?? 0) < ($1.first ?? 0) } == [[0], [0], [0], [0], [500]])
    }

    @Test("are planned for what is committed, whatever else comes with the plan")
    func plan() throws {
        let outcomes = try #require(bench.together(first, [.create(balancer("a", 1)), .plan(.create([balancer("b", 1)]))]))
        #expect(outcomes[1].isChanged)
        if case .planned(let operations) = outcomes[2] {
            #expect(operations.first?.contains("'b'") == true)
        } else {
            Issue.record("no plan: \(outcomes[2])")
        }
        #expect(try bench.holds(["a", "first"]))
    }

    @Test("fail alone where one is bad, and the others are applied, committed and durable", arguments: 0..<5)
    func oneBad(place: Int) throws {
        bench.driver.fail("bad")
        var jobs = (0..<4).map { Job.create(balancer("\($0)", UInt16($0 + 1))) }
        jobs.insert(.create(balancer("with", 51), balancer("bad", 50)), at: place)
        let outcomes = try #require(bench.together(first, jobs))
        #expect(outcomes.map(\.isChanged) == (0..<6).map { $0 != place + 1 })
        #expect(outcomes[place + 1].failure == "told to fail bad")
        #expect(try bench.holds(["0", "1", "2", "3", "first"]))
    }

    @Test("never have two load balancers run on one listener, whatever a bad one leaves")
    func listeners() throws {
        #expect(bench.pipeline.commit(.create([balancer("a", 3), balancer("bad", 4)])).isChanged)
        // What works of the first, with which comes the second, is that "c" takes the listener of "a".
        try expectNoListenerTwice(
            [.update([]), .create([balancer("c", 3), balancer("a", 2)])], [false, true],
            from: ["a": 3, "bad": 4], to: ["a": 2, "bad": 4, "c": 3])
    }

    @Test("have a listener on which a part of a bad one was left")
    func leftListener() throws {
        #expect(bench.pipeline.commit(.create([balancer("b", 9)])).isChanged)
        // Of all three "b" moves to 3, and "d" takes 1, where "b" is to be without the last one.
        try expectNoListenerTwice(
            [
                .create([balancer("bad", 2)]), .create([balancer("b", 1)]),
                .create([balancer("b", 3), balancer("d", 1), balancer("bad", 2)]),
            ],
            [false, true, false], from: ["b": 9], to: ["b": 1])
    }

    /// Has changes made together, of which those of "bad" fail, and looks at what runs after each step of the appliance.
    private func expectNoListenerTwice(
        _ changes: [WantedChange], _ outcomes: [Bool], from old: [LoadBalancerID: UInt16], to new: [LoadBalancerID: UInt16]
    ) throws {
        bench.driver.fail("bad")
        bench.driver.clear()
        #expect(bench.pipeline.run(changes.map { .commit(.change($0)) }).map(\.isChanged) == outcomes)
        var ports = old
        for groups in bench.driver.applied {
            for patch in groups.flatMap(\.patches) where patch.id != "bad" { ports[patch.id] = patch.loadBalancer.new?.port }
            #expect(Set(ports.values).count == ports.count, "\(ports)")
        }
        #expect(ports == new)
    }

    @Test("that are judged by what a bad one would have changed are judged anew without it")
    func judgedAnew() throws {
        #expect(bench.pipeline.commit(.create([balancer("old", 1)])).isChanged)
        bench.driver.fail("bad")
        // Only the bad one stands in the way of the second.
        let crowd = badBeforeGood()
        #expect(crowd.outcomes().map(\.isChanged) == [true, false, true])
        #expect(try bench.holds(["first", "good", "old"]))
    }

    /// Lets a bad job and a good one, which both want a listener, gather behind the first, in this order.
    private func badBeforeGood() -> Crowd {
        let gate = bench.driver.hold()
        let crowd = Crowd()
        crowd.run([first], on: bench.pipeline)
        gate.waitForArrival()
        for (index, job) in [Job.create(balancer("bad", 2)), .create(balancer("good", 2))].enumerated() {
            crowd.run([job], on: bench.pipeline, from: index + 1)
            #expect(crowd.waitUntilQueued(index + 2))
        }
        gate.open()
        return crowd
    }

    /// The appliance still holds what the bad job left, where the good one is to listen.
    @Test("are not held up by what a bad one left on the appliance")
    func leftovers() throws {
        // The way back works.
        bench.driver.fail { group in group.patches.contains { $0.id.text == "bad" && $0.loadBalancer.new != nil } ? .partly : nil }
        let crowd = badBeforeGood()
        let outcomes = crowd.outcomes()
        #expect(outcomes.map(\.failure) == [nil, "told to fail bad", nil])
        #expect(try bench.holds(["first", "good"]))
    }

    @Test("each have their change in the state file when they are answered")
    func durable() throws {
        for number in 1...10 {
            #expect(bench.pipeline.commit(.create([balancer("\(number)", UInt16(number))])).isChanged)
            #expect(try bench.durable.count == number)
        }
        let outcomes = try #require(bench.together(first, [.delete(ids("1", "2")), .create(balancer("3", 3, weight: 9))]))
        #expect(outcomes.allSatisfy { $0.isChanged })
        let committed = try bench.committed
        #expect(try bench.durable == committed)
    }

    @Test("are seen by the watchdog while the appliance has them in hand, and not before or after")
    func busy() throws {
        let gate = bench.driver.hold()
        let crowd = Crowd()
        let later = Clock.bootTime() + .seconds(200)
        #expect(bench.progress.stuck(now: later).isEmpty)
        crowd.run([first], on: bench.pipeline)
        gate.waitForArrival()
        #expect(bench.progress.stuck().isEmpty)
        #expect(bench.progress.stuck(now: later).map(\.name) == ["commit"])
        #expect(bench.pipeline.count == 0)
        gate.open()
        #expect(crowd.outcomes().map(\.isChanged) == [true])
        #expect(bench.progress.stuck(now: later).isEmpty)
        #expect(bench.pipeline.count == 1)
    }
}

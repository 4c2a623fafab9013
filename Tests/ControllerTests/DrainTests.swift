import LBaaS
import Requests
import StateStore
import Testing

@testable import Controller

@Suite("Draining")
struct DrainTests {
    let bench: Bench

    init() throws {
        bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(drainTimeout: .seconds(30))))
        #expect(commit(.update([balancer("a", 80, [node(1), node(2), node(3)])])))
    }

    func commit(_ change: WantedChange, isForced: Bool = false) -> Bool {
        bench.pipeline.run(.commit(.change(change, ChangeOptions(isForced: isForced)))).isChanged
    }

    private func create(_ id: String = "a", _ port: UInt16 = 80, _ nodes: Node..., isForced: Bool = false) -> Bool {
        commit(.create([balancer(id, port, nodes)]), isForced: isForced)
    }

    /// How a load balancer runs; nil where it does not.
    private func running(_ id: String = "a") throws -> String? { text(try bench.driver.running[id]) }

    private func leaving(_ host: UInt32, _ port: UInt16 = 80) -> Leaving {
        Leaving(listener: balancer("", port, []).listener, endpoint: node(host).endpoint)
    }

    @Test("a node that leaves is kept until it has no connection left")
    func finished() throws {
        #expect(create("a", 80, node(1)))
        #expect(try running() == "1 2@80 3@80")
        bench.driver.clear()
        bench.pipeline.endDrains()
        #expect(bench.driver.applied.isEmpty)
        bench.driver.finish(leaving(2))
        bench.pipeline.endDrains()
        #expect(try running() == "1 3@80")
        #expect(bench.driver.applied.map(\.ids) == [[["a"]]])
        bench.driver.finish(leaving(2), leaving(3))
        bench.pipeline.endDrains()
        #expect(try running() == "1")
        bench.driver.clear()
        bench.pipeline.endDrains()
        #expect(bench.driver.calls.isEmpty)
    }

    @Test("a node goes when its time has come, whatever connections it has, and not before")
    func deadline() throws {
        #expect(create("a", 80, node(1)))
        bench.clock.advance(seconds: 29)
        bench.pipeline.endDrains()
        #expect(try running() == "1 2@80 3@80")
        bench.clock.advance(seconds: 1)
        bench.pipeline.endDrains()
        #expect(try running() == "1")
    }

    @Test("the time comes even where the appliance does not tell of connections")
    func deaf() throws {
        #expect(create("a", 80, node(1)))
        bench.driver.goDeaf()
        bench.pipeline.endDrains()
        #expect(bench.lines.all.contains { $0.contains("which connections") && $0.contains("does not answer") })
        bench.clock.advance(seconds: 30)
        bench.pipeline.endDrains()
        bench.driver.goDeaf(false)
        #expect(try running() == "1")
    }

    @Test(
        "a node that is DRAINING or DISABLED drains and is then out, as wanted it stays what it is",
        arguments: [.draining, .disabled] as [Node.Condition])
    func conditions(condition: Node.Condition) throws {
        #expect(create("a", 80, node(1), node(2, condition), node(3)))
        #expect(try running() == "1 2~ 3")
        bench.driver.finish(leaving(2))
        bench.pipeline.endDrains()
        #expect(try running() == "1 2- 3")
        #expect(try bench.committed["a"]?.nodes[1].condition == condition)
        // What comes in this condition has nothing to finish.
        #expect(create("b", 81, node(1), node(2, condition)))
        #expect(try running("b") == "1 2-")
    }

    @Test("a node that is wanted again is in service at once, and its drain is over")
    func back() throws {
        #expect(create("a", 80, node(1), node(2, .draining)))
        #expect(try running() == "1 2~ 3@80")
        #expect(create("a", 80, node(1), node(2), node(3)))
        #expect(try running() == "1 2 3")
        bench.clock.advance(seconds: 60)
        bench.driver.finish(leaving(2), leaving(3))
        bench.pipeline.endDrains()
        #expect(try running() == "1 2 3")
    }

    @Test("a drain that began anew is not ended by what was said of the former")
    func anew() throws {
        #expect(create("a", 80, node(1)))
        let former = [leaving(2).listener: [Drain(endpoint: node(2).endpoint, deadline: bench.clock.now + .seconds(30))]]
        #expect(create("a", 80, node(1), node(2)))
        bench.clock.advance(seconds: 5)
        #expect(create("a", 80, node(1)))
        #expect(bench.pipeline.run(.commit(.finished(former))).isChanged)
        #expect(try running() == "1 2@80 3@80")
        bench.clock.advance(seconds: 26)
        bench.pipeline.endDrains()
        #expect(try running() == "1 2@80")
        bench.clock.advance(seconds: 4)
        bench.pipeline.endDrains()
        #expect(try running() == "1")
    }

    @Test("a node that drains already keeps its time when the load balancer changes again")
    func unchangedDeadline() throws {
        #expect(create("a", 80, node(1), node(2)))
        bench.clock.advance(seconds: 20)
        #expect(create("a", 80, node(1)))
        #expect(try running() == "1 2@80 3@80")
        bench.clock.advance(seconds: 10)
        bench.pipeline.endDrains()
        #expect(try running() == "1 2@80")
    }

    @Test("DELETE and an UPDATE without it leave what drains, suspended and without nodes", arguments: [false, true])
    func deletion(isUpdate: Bool) throws {
        #expect(create("a", 80, node(1), node(2, .draining)))
        #expect(commit(isUpdate ? .update([]) : .delete(.all)))
        #expect(try running() == "1@80 2@80 3@80 suspended")
        #expect(bench.pipeline.count == 0)
        bench.driver.finish(leaving(1), leaving(2))
        bench.pipeline.endDrains()
        #expect(try running() == "3@80 suspended")
        bench.clock.advance(seconds: 30)
        bench.pipeline.endDrains()
        #expect(try bench.driver.running.isEmpty)
    }

    @Test("hpcs_force takes everything out at once", arguments: ["DELETE", "CREATE"])
    func forced(action: String) throws {
        #expect(create("a", 80, node(1), node(2)))
        if action == "DELETE" {
            #expect(try bench.send("DELETE", named("a"), force: true).isPass)
            #expect(try bench.driver.running.isEmpty)
        } else {
            #expect(create("a", 80, node(1), isForced: true))
            #expect(try running() == "1")
        }
        bench.driver.clear()
        bench.pipeline.endDrains()
        #expect(bench.driver.calls.isEmpty)
    }

    @Test("a dry run tells what would drain, or that it would not")
    func dryRun() throws {
        let plan = try bench.send("DELETE", named("a"), dryRun: true).plan
        #expect(plan?.filter { $0.contains("finish what it has") }.count == 3)
        let forced = try bench.send("DELETE", named("a"), dryRun: true, force: true).plan
        #expect(forced?.contains { $0.contains("finish what it has") } == false)
        #expect(try running() == "1 2 3")
    }

    @Test("SUSPEND ends it, and ENABLE does not bring it back")
    func suspension() throws {
        #expect(create("a", 80, node(1), node(2, .draining)))
        #expect(commit(.suspend(.all)))
        #expect(try running() == "1 2- suspended")
        #expect(commit(.enable(.all)))
        #expect(try running() == "1 2-")
        #expect(commit(.suspend(.all)))
        #expect(commit(.delete(.all)))
        #expect(try bench.driver.running.isEmpty)
    }

    @Test("SUSPEND ends it wherever the load balancer listened before, and another's goes on")
    func suspensionElsewhere() throws {
        #expect(create("a", 80, node(1), node(2)))
        #expect(create("b", 81, node(1), node(2)))
        #expect(create("a", 90, node(1)))
        #expect(create("b", 91, node(1)))
        #expect(try running() == "1 1@80 2@80 3@80")
        #expect(commit(.suspend(ids("a"))))
        #expect(try running() == "1 suspended")
        #expect(try running("b") == "1 1@81 2@81")
        try bench.restart()
        #expect(try running() == "1 suspended")
        #expect(commit(.enable(.all)))
        #expect(try running() == "1")
    }

    @Test("UDP leaves at once, SCTP does not")
    func transports() throws {
        for (carried, left) in [(ServiceProtocol.udp, "1"), (.sctp, "1 2@90"), (.https, "1 2@90")] {
            #expect(commit(.update([balancer("u", 90, [node(1), node(2)], as: carried)]), isForced: true))
            #expect(commit(.create([balancer("u", 90, [node(1)], as: carried)])))
            #expect(try running("u") == left)
        }
    }

    @Test("a node without weight that leaves drains too")
    func weightless() throws {
        #expect(create("a", 80, node(1), node(2, weight: 0), node(3)))
        #expect(try running() == "1 2 3")
        #expect(create("a", 80, node(1), node(3)))
        #expect(try running() == "1 3 2@80")
    }

    @Test("goes on after a restart where it was, with the same deadline")
    func restart() throws {
        #expect(create("a", 80, node(1), node(2, .draining)))
        #expect(create("b", 81, node(1)))
        #expect(commit(.delete(ids("b"))))
        bench.clock.advance(seconds: 10)
        bench.driver.clear()
        try bench.restart()
        #expect(bench.driver.applied.isEmpty)
        #expect(try running() == "1 2~ 3@80")
        #expect(try running("b") == "1@81 suspended")
        bench.clock.advance(seconds: 19)
        bench.pipeline.endDrains()
        #expect(try running() == "1 2~ 3@80")
        bench.clock.advance(seconds: 1)
        bench.pipeline.endDrains()
        #expect(try running() == "1 2-")
        #expect(try running("b") == nil)
        try bench.restart()
        #expect(try running() == "1 2-")
    }

    @Test("a drain whose time came while no worker ran ends with the first look")
    func restartLate() throws {
        #expect(create("a", 80, node(1)))
        bench.clock.advance(seconds: 3600)
        try bench.restart()
        #expect(try running() == "1 2@80 3@80")
        bench.pipeline.endDrains()
        #expect(try running() == "1")
    }

    @Test("what a listener that is left had drains on it, beside the new one")
    func movedListener() throws {
        #expect(create("a", 81, node(1), node(2)))
        #expect(try running() == "1 2 1@80 2@80 3@80")
        #expect(create("a", 82, node(1)))
        #expect(try running() == "1 1@80 1@81 2@80 2@81 3@80")
        #expect(create("a", 80, node(1)))
        #expect(try running() == "1 1@81 1@82 2@80 2@81 3@80")
        bench.clock.advance(seconds: 30)
        bench.pipeline.endDrains()
        #expect(try running() == "1")
    }

    @Test(
        "who takes a listener while something drains there has it drain, in whichever order a job lists the two", arguments: [false, true])
    func takenListener(isTakerFirst: Bool) throws {
        let steps = [balancer("a", 81, [node(1)]), balancer("b", 80, [node(3), node(4)])]
        #expect(commit(.create(isTakerFirst ? steps.reversed() : steps)))
        #expect(try running("a") == "1")
        #expect(try running("b") == "3 4 1@80 2@80")
        // Neither is touched when the other changes.
        #expect(create("a", 81, node(1), node(2)))
        #expect(try running("b") == "3 4 1@80 2@80")
        #expect(create("b", 80, node(4)))
        #expect(try running("a") == "1 2")
        #expect(try running("b") == "4 1@80 2@80 3@80")
        try bench.restart()
        #expect(try running("b") == "4 1@80 2@80 3@80")
        bench.clock.advance(seconds: 30)
        bench.pipeline.endDrains()
        #expect(try running("b") == "4")
    }

    @Test("load balancers that exchange their listeners leave each other what drains")
    func exchange() throws {
        #expect(create("b", 81, node(4)))
        #expect(commit(.create([balancer("b", 80, [node(1), node(4)]), balancer("a", 81, [node(1)])])))
        #expect(try running("a") == "1 4@81")
        #expect(try running("b") == "1 4 2@80 3@80")
    }

    @Test("what is left of a deleted load balancer passes to the next on its listener, of whatever name", arguments: ["a", "b"])
    func recreated(id: String) throws {
        #expect(commit(.delete(.all)))
        #expect(create(id, 80, node(1), node(4)))
        #expect(try running(id) == "1 4 2@80 3@80")
        #expect(try bench.driver.running.count == 1)
        bench.clock.advance(seconds: 30)
        bench.pipeline.endDrains()
        #expect(try running(id) == "1 4")
    }

    @Test("one that is created again elsewhere keeps what drains where it was")
    func recreatedElsewhere() throws {
        #expect(commit(.delete(.all)))
        #expect(create("a", 90, node(1)))
        #expect(try running() == "1 1@80 2@80 3@80")
        #expect(commit(.delete(.all)))
        #expect(try running() == "1@80 1@90 2@80 3@80 suspended")
        #expect(commit(.create([balancer("c", 90, [])]), isForced: true))
        #expect(try running() == "1@80 2@80 3@80 suspended")
        #expect(try running("c") == "")
    }

    @Test("what the appliance refuses leaves drains as they were", arguments: RecordingDriver.Failure.allCases)
    func refused(failure: RecordingDriver.Failure) throws {
        #expect(create("a", 80, node(1), node(2)))
        bench.driver.fail { group in group.patches.contains { $0.loadBalancer.new?.nodes.count == 1 } ? failure : nil }
        #expect(!create("a", 80, node(1)))
        bench.driver.fail { _ in failure }
        #expect(!commit(.delete(.all)))
        bench.driver.fail(nil)
        bench.clock.advance(seconds: 6)
        #expect(commit(.enable(.all)))
        #expect(try running() == "1 2 3@80")
        // The end of a drain is tried again.
        bench.driver.finish(leaving(3))
        bench.driver.fail("a", failure)
        for _ in 0..<3 { bench.pipeline.endDrains() }
        #expect(bench.lines.all.count { $0.contains("could not be taken out") } == 1)
        bench.driver.fail(nil)
        bench.pipeline.endDrains()
        #expect(try running() == "1 2")
        try bench.restart()
        #expect(try running() == "1 2")
    }

    @Test("a state that cannot be made durable leaves drains as they were, in the appliance too")
    func fullDisk() async throws {
        await #expect(processExitsWith: .success) {
            let tests = try DrainTests()
            #expect(tests.create("a", 80, node(1), node(2)))
            try limitFiles(to: 1)
            #expect(!tests.create("a", 80, node(1)))
            #expect(!tests.commit(.delete(.all)))
            tests.bench.driver.finish(tests.leaving(3))
            tests.bench.pipeline.endDrains()
            tests.bench.clock.advance(seconds: 6)
            #expect(tests.commit(.enable(.all)))
            #expect(try tests.running() == "1 2 3@80")
            try limitFiles(to: .max)
            tests.bench.pipeline.endDrains()
            #expect(try tests.running() == "1 2")
        }
    }

    @Test("a driver that sees to drains itself gets what is wanted, and nothing is kept")
    func driversOwn() throws {
        let bench = try Bench()
        #expect(bench.pipeline.commit(.update([balancer("a", 80, [node(1), node(2, .draining)])])).isChanged)
        #expect(bench.pipeline.commit(.update([balancer("a", 80, [node(2, .draining)])])).isChanged)
        #expect(text(try bench.driver.running["a"]) == "2~")
        bench.pipeline.endDrains()
        #expect(bench.pipeline.commit(.delete(.all)).isChanged)
        #expect(try bench.driver.running.isEmpty)
    }
}

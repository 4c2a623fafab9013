import LBaaS
import Requests
import Testing

@testable import Controller

@Suite("A look at the appliance")
struct ResyncTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
        bench.driver.clear()
    }

    @Test("that finds everything right touches nothing and says nothing")
    func right() {
        bench.pipeline.resync()
        #expect(bench.driver.calls == [.observe, .statistics])
        #expect(bench.lines.all.isEmpty)
    }

    @Test("puts right what was altered, and tells what")
    func altered() throws {
        bench.driver.alter("a")
        bench.pipeline.resync()
        #expect(bench.driver.applied.map(\.ids) == [[["a"]]])
        let line = try #require(bench.lines.all.first)
        #expect(
            line.contains("changed by somebody else") && line.contains("load_balancers=a") && line.contains("put load balancer 'a' right"))
        bench.driver.clear()
        bench.pipeline.resync()
        #expect(bench.driver.applied.isEmpty)
    }

    @Test("goes part by part where the driver can look at a part, and lets changes pass between the parts")
    func parts() throws {
        let bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(resyncInterval: .seconds(30), resyncPart: 2)))
        try bench.send("UPDATE", (1...5).map { listed("\($0)", $0) })
        bench.driver.clear()
        bench.driver.alter("3", "5")
        bench.pipeline.resync()
        #expect(bench.driver.calls.count { $0 == .observe } == 3)
        #expect(Set(bench.driver.applied.flatMap(\.ids).flatMap(\.self)).isSubset(of: ["3", "5"]))
        #expect(bench.lines.all.count <= 1)
        #expect(try bench.holds(["1", "2", "3", "4", "5"]))
    }

    @Test("tries again what could not be put right")
    func refused() throws {
        bench.driver.fail("a")
        bench.driver.alter("a", "b")
        bench.pipeline.resync()
        #expect(bench.lines.all.contains { $0.contains("does not run what is committed") && $0.contains("'a'") && !$0.contains("'b'") })
        bench.driver.fail(nil)
        bench.driver.clear()
        bench.driver.alter("a")
        bench.pipeline.resync()
        #expect(bench.driver.applied.map(\.ids) == [[["a"]]])
    }

    @Test("where the appliance does not answer is told, and jobs are done all the same")
    func deaf() throws {
        bench.driver.goDeaf()
        bench.pipeline.resync()
        #expect(bench.lines.all.contains { $0.contains("cannot be asked") && $0.contains("does not answer") })
        #expect(try bench.send("CREATE", [listed("c", 3)]).isPass)
        bench.driver.goDeaf(false)
        #expect(try bench.holds(["a", "b", "c"]))
    }

    @Test("reads the counters, so that one that is lost until the next METRICS takes less with it")
    func counters() throws {
        bench.driver.count(100, run: 1, of: "a")
        bench.pipeline.resync()
        bench.driver.count(5, run: 2, of: "a")
        try bench.restart()
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http 105"])
    }

    @Test("that brings a lost service back counts the bytes of the new one, once")
    func lostService() throws {
        bench.driver.count(100, run: 1, of: "a")
        bench.pipeline.resync()
        bench.driver.alter("a")
        bench.driver.tell(GroupOutcome(began: ["a": [TrafficCounter(bytesOut: 0, run: 1)]]))
        bench.driver.count(150, run: 1, of: "a")
        bench.pipeline.resync()
        try bench.restart()
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http 250"])
    }
}

import Foundation
import LBaaS
import Testing

@testable import Controller

@Suite("What fails leaves no trace")
struct FailureTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
        bench.driver.clear()
    }

    @Test(
        "A job of which one load balancer fails leaves all as before", arguments: RecordingDriver.Failure.allCases, ["a", "b", "c"])
    func allOrNothing(failure: RecordingDriver.Failure, failing: String) throws {
        let before = try bench.committed
        // The way there fails, the way back does not.
        bench.driver.fail { [before] group in
            group.patches.contains { $0.id.text == failing && $0.loadBalancer.old == before[failing] } ? failure : nil
        }
        for _ in 0..<2 {
            let reply = try bench.send("UPDATE", [listed("b", 2, weight: 7), listed("c", 3)])
            #expect(reply.error == "told to fail \(failing)")
            #expect(try bench.committed == before)
            #expect(try bench.holds(["a", "b"]))
        }
        #expect(bench.driver.calls == [.apply, .observe, .apply, .apply, .observe, .apply])
        #expect(try bench.send("STATS").nodes == ["n of a: UP", "n of b: UP"])
        bench.driver.fail(nil)
        #expect(try bench.send("UPDATE", [listed("b", 2, weight: 7), listed("c", 3)]).isPass)
        #expect(try bench.holds(["b", "c"]))
    }

    @Test("A group that failed and left nothing needs no way back")
    func nothingLeft() throws {
        bench.driver.fail("c")
        #expect(try !bench.send("CREATE", [listed("c", 3)]).isPass)
        #expect(bench.driver.calls == [.apply, .observe])
        #expect(try bench.holds(["a", "b"]))
    }

    @Test("An exchange that fails leaves both where they were")
    func exchange() throws {
        bench.driver.fail { group in group.patches.count > 1 ? .carriedOut : nil }
        #expect(try !bench.send("UPDATE", [listed("a", 2), listed("b", 1)]).isPass)
        // The way back is an exchange too, and fails; carried out it is all the same.
        #expect(try bench.holds(["a", "b"]))
        #expect(try bench.committed["a"]?.port == 1)
    }

    @Test("A failed job takes no listener and is not remembered as deleted")
    func nothingRemembered() throws {
        bench.driver.fail { _ in .refused }
        #expect(try !bench.send("DELETE", named("a")).isPass)
        #expect(try !bench.send("CREATE", [listed("c", 3)]).isPass)
        #expect(try !bench.send("CREATE", [listed("a", 4)]).isPass)
        bench.driver.fail(nil)
        #expect(try bench.send("STATS", named("a")).isPass)
        #expect(try bench.refuses("DELETE", named("c"), "'c'"))
        #expect(try bench.refuses("CREATE", [listed("d", 1)], "'a'"))
        #expect(try bench.send("CREATE", [listed("d", 3), listed("e", 4)]).isPass)
        #expect(try bench.holds(["a", "b", "d", "e"]))
    }

    @Test("What cannot be brought back is told, and tried again after 5 s and not before")
    func settledLater() throws {
        bench.driver.fail("c", .carriedOut)
        #expect(try !bench.send("CREATE", [listed("c", 3)]).isPass)
        // Carried out though it was said to fail: the appliance was asked.
        #expect(try bench.holds(["a", "b"]))
        bench.driver.fail { group in group.patches.first?.loadBalancer.new == nil ? .refused : .carriedOut }
        #expect(try !bench.send("CREATE", [listed("c", 3)]).isPass)
        #expect(try bench.driver.running.keys.sorted() == ["a", "b", "c"])
        #expect(try bench.committed.keys.sorted() == ["a", "b"])
        #expect(bench.lines.all.contains { $0.contains("does not run what is committed") && $0.contains("'c'") })
        // Each look finds it again, and tells of it once.
        for _ in 0..<3 { bench.pipeline.resync() }
        #expect(bench.lines.all.count { $0.contains("does not run what is committed") } == 1)
        bench.driver.fail(nil)
        bench.clock.advance(seconds: 5)
        #expect(try bench.passesUntouched("ENABLE"))
        bench.clock.advance(seconds: 1)
        #expect(try bench.send("ENABLE").isPass)
        #expect(try bench.holds(["a", "b"]))
        #expect(try bench.passesUntouched("ENABLE"))
    }

    @Test("A job that wants what a failed one left behind makes do with it")
    func wantsLeftover() throws {
        bench.driver.fail { group in group.patches.first?.loadBalancer.new == nil ? .refused : .carriedOut }
        #expect(try !bench.send("CREATE", [listed("c", 3)]).isPass)
        try #require(try bench.driver.running.keys.sorted() == ["a", "b", "c"])
        bench.driver.fail(nil)
        bench.driver.clear()
        #expect(try bench.send("CREATE", [listed("c", 3)]).isPass)
        #expect(bench.driver.applied.isEmpty)
        #expect(try bench.holds(["a", "b", "c"]))
    }

    @Test("An appliance that cannot be asked after a failure is said so, and the job fails with the driver's reason")
    func deaf() throws {
        bench.driver.goDeaf()
        bench.driver.fail("c")
        #expect(try bench.send("CREATE", [listed("c", 3)]).error == "told to fail c")
        #expect(bench.lines.all.contains { $0.contains("cannot be asked") && $0.contains("does not answer") })
        bench.driver.goDeaf(false)
        #expect(try bench.holds(["a", "b"]))
    }

    /// The limit is of a process of its own, and a real one: the kernel refuses to write the log of the state any longer.
    @Test("Where the state cannot be made durable every job fails, the appliance is brought back, and no byte is counted as told")
    func fullDisk() async throws {
        await #expect(processExitsWith: .success) {
            let bench = try Bench()
            try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
            bench.driver.count(100, of: "a")
            let before = try bench.committed
            try limitFiles(to: 1)
            let jobs = (0..<6).map { Job.create(balancer("\($0)", UInt16($0 + 10))) }
            let outcomes = try #require(bench.together(.delete(ids("a")), jobs + [.metrics(ids("b"))]))
            #expect(outcomes.allSatisfy { $0.failure?.contains("could not be written") == true })
            #expect(try bench.committed == before)
            #expect(try bench.driver.running == before)
            #expect(bench.lines.all.contains { $0.contains("could not be made durable") })
            #expect(try !bench.send("METRICS").isPass)
            #expect(try bench.send("UPDATE", [listed("a", 1), listed("b", 2)]).isPass)
            #expect(try bench.send("STATS").isPass)
            try limitFiles(to: .max)
            #expect(try bench.holds(["a", "b"]))
            #expect(try bench.send("METRICS").traffic == ["a http 100", "b http 0"])
            #expect(try bench.send("DELETE", named("a")).isPass)
            #expect(try bench.holds(["b"]))
        }
    }
}

import LBaaS
import Requests
import TestSupport
import Testing

@Suite("STATS and METRICS")
struct ReportTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2).replacing("HTTP", with: "tcp")])
    }

    @Test("STATS tells the nodes of all load balancers, or of those that are named")
    func stats() throws {
        #expect(try bench.send("STATS").nodes == ["n of a: UP", "n of b: UP"])
        #expect(try bench.send("STATS", named("b")).nodes == ["n of b: UP"])
        try bench.send("SUSPEND", named("a"))
        #expect(try bench.send("STATS", named("b", "a")).nodes == ["n of b: UP", "n of a: DOWN"])
        #expect(try bench.send("STATS", []).nodes == [])
    }

    @Test("STATS jobs that come together ask the appliance once, after what others change, and have an answer each")
    func statsTogether() throws {
        func asking(_ names: String...) -> Request { .status(.named(names.map { LoadBalancerID($0) })) }
        bench.driver.clear()
        let delete = Request.change(.delete(.named([LoadBalancerID("b")])), ChangeOptions(isDryRun: false, isForced: false))
        let requests = [asking("a"), asking("c"), delete, asking("b"), asking("a")]
        let outcomes = bench.runner.perform(requests, from: requests.map { _ in .jobs })
        #expect(bench.driver.calls.filter { $0 == .status }.count == 1)
        try #require(outcomes.count == 5)
        for index in [0, 4] {
            guard case .status(let told, _)? = outcomes[index] else { throw Unexpected() }
            #expect(told.map(\.id) == [LoadBalancerID("a")] && told.first?.nodes.map(\.isUp) == [true])
        }
        guard case .refused(let refusal)? = outcomes[1], case .changed? = outcomes[2], case .deleted? = outcomes[3] else {
            throw Unexpected()
        }
        #expect(refusal.sentence.contains("'c'"))
    }

    private struct Unexpected: Error {}

    @Test("are refused where one is named that does not exist", arguments: ["STATS", "METRICS"])
    func missing(action: String) throws {
        let reply = try bench.send(action, named("a", "c"))
        #expect(!reply.isPass && !reply.isDeleted)
        #expect(reply.error?.contains("loadBalancers[1]") == true)
        #expect(reply.error?.contains("'c'") == true)
        #expect(reply.traffic == nil || reply["utc_start"] == nil)
    }

    @Test("after DELETE say so, after a restart too, until there is something again", arguments: ["STATS", "METRICS"])
    func afterDelete(action: String) throws {
        let sentence = "Invalid operation \(action) on a deleted LB."
        try bench.send("DELETE", named("b"))
        #expect(try bench.send(action).isPass)
        try bench.send("DELETE")
        for _ in 0..<2 {
            for names in [nil, named("a"), named("a", "b")] {
                let reply = try bench.send(action, names)
                #expect(reply.isDeleted)
                #expect(reply.error == sentence)
            }
            #expect(try bench.send("DELETE").isPass)
            try bench.restart()
        }
        try bench.send("CREATE", [listed("a", 1)])
        #expect(try bench.send(action).isPass)
        #expect(try bench.send(action, named("a")).isPass)
        #expect(try bench.send(action, named("a", "b")).isDeleted)
        try bench.restart()
        #expect(try bench.send(action).isPass)
        #expect(try bench.send(action, named("b")).isDeleted)
    }

    @Test("A report on one load balancer holds for a second from when the appliance was asked, and until something is committed")
    func validity() throws {
        func report() throws -> StateReport {
            let reported = Record<Result<StateReport, Refusal>>()
            bench.runner.report(on: .named([LoadBalancerID("a")])) { reported.add($0) }
            try waitUntil("the report is there") { !reported.all.isEmpty }
            return try #require(reported.all.first).get()
        }
        let version = bench.runner.version
        #expect(try report().validity == .seconds(1))
        bench.clock.advance(milliseconds: 400)
        #expect(try report().validity == .milliseconds(600))
        bench.clock.advance(milliseconds: 600)
        #expect(try report().validity == .seconds(1))
        #expect(bench.runner.version == version)
        try bench.send("SUSPEND", named("b"))
        #expect(bench.runner.version > version)
    }

    @Test("METRICS tells the bytes since the last METRICS, and from when to when")
    func metrics() throws {
        bench.driver.count(1000, of: "a")
        bench.driver.count(5, of: "b")
        bench.clock.advance(seconds: 10)
        let first = try bench.send("METRICS")
        #expect(first.traffic == ["a http 1000", "b tcp 5"])
        #expect(first["utc_start"] == "2014-01-09 15:11:45.704754")
        #expect(first["utc_end"] == "2014-01-09 15:11:55.704754")
        bench.driver.count(1700, of: "a")
        bench.clock.advance(seconds: 10)
        let second = try bench.send("METRICS", named("a"))
        #expect(second.traffic == ["a http 700"])
        #expect(second["utc_start"] == "2014-01-09 15:11:55.704754")
        bench.driver.count(6, of: "b")
        bench.clock.advance(seconds: 10)
        let third = try bench.send("METRICS")
        #expect(third.traffic == ["a http 0", "b tcp 1"])
        #expect(third["utc_start"] == "2014-01-09 15:11:55.704754")
        #expect(third["utc_end"] == "2014-01-09 15:12:15.704754")
    }

    @Test("METRICS reports each byte once across restarts of the worker")
    func metricsAfterRestart() throws {
        bench.driver.count(1000, of: "a")
        try bench.send("METRICS")
        try bench.restart()
        bench.driver.count(1200, of: "a")
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http 200"])
        try bench.restart()
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http 0"])
    }

    @Test("METRICS reports all of a counter that began anew, whether the appliance says so or it is seen by the number")
    func counterRestarts() throws {
        bench.driver.count(1000, run: 1, of: "a")
        try bench.send("METRICS")
        bench.driver.count(1500, run: 2, of: "a")
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http 1500"])
        bench.driver.count(20, run: 2, of: "a")
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http 20"])
        bench.driver.count(.max, run: 2, of: "a")
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http \(UInt64.max - 20)"])
    }

    @Test("METRICS of one that was deleted and created again begins anew")
    func createdAgain() throws {
        bench.driver.count(1000, of: "a")
        try bench.send("METRICS")
        try bench.send("DELETE", named("a"))
        bench.clock.advance(seconds: 60)
        try bench.send("CREATE", [listed("a", 1)])
        bench.driver.count(1100, run: 1, of: "a")
        let reply = try bench.send("METRICS", named("a"))
        #expect(reply.traffic == ["a http 1100"])
        #expect(reply["utc_start"] == "2014-01-09 15:12:45.704754")
    }

    @Test("METRICS goes on counting over a change, a suspension and a failed job")
    func countsOn() throws {
        bench.driver.count(100, of: "a")
        try bench.send("METRICS")
        try bench.send("CREATE", [listed("a", 3, weight: 4)])
        try bench.send("SUSPEND")
        bench.driver.fail("a")
        #expect(try !bench.send("ENABLE").isPass)
        bench.driver.fail(nil)
        bench.driver.count(150, of: "a")
        #expect(try bench.send("METRICS", named("a")).traffic == ["a http 50"])
    }
}

import LBaaS
import Requests
import Testing

@testable import Controller

@Suite("Services of the configuration file")
struct ServiceTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        try bench.pipeline.replace(.file, [balancer("a", 80), balancer("b", 81), balancer("c", 82)])
        bench.driver.clear()
    }

    @Test("A start with the same ones touches nothing, and with others just what differs")
    func difference() throws {
        try bench.send("CREATE", [listed("mine", 90)])
        try bench.restart()
        #expect(bench.driver.calls.last == .observe)
        bench.driver.clear()
        try bench.pipeline.replace(.file, [balancer("c", 82), balancer("a", 80), balancer("b", 81)])
        #expect(bench.driver.calls.isEmpty)
        try bench.pipeline.replace(.file, [balancer("a", 80), balancer("b", 81, weight: 7), balancer("d", 82)])
        #expect(Set(bench.driver.applied.flatMap(\.ids).flatMap(\.self)) == ["b", "c", "d"])
        #expect(try bench.holds(["a", "b", "d", "mine"]))
    }

    @Test("All of them go where the file has none any more")
    func none() throws {
        try bench.send("CREATE", [listed("mine", 90)])
        try bench.pipeline.replace(.file, [])
        #expect(try bench.holds(["mine"]))
        #expect(try bench.send("CREATE", [listed("a", 80)]).isPass)
    }

    @Test("They can exchange their places")
    func exchange() throws {
        try bench.pipeline.replace(.file, [balancer("a", 81), balancer("b", 80), balancer("c", 82)])
        #expect(try bench.committed["a"]?.port == 81)
        #expect(try bench.holds(["a", "b", "c"]))
    }

    @Test("A job that means all means those of jobs")
    func all() throws {
        try bench.send("CREATE", [listed("mine", 90)])
        for action in ["SUSPEND", "ENABLE", "DELETE"] { #expect(try bench.send(action).isPass) }
        #expect(try bench.holds(["a", "b", "c"]))
        #expect(try bench.committed.values.allSatisfy { !$0.isSuspended } == true)
        try bench.send("CREATE", [listed("mine", 90)])
        #expect(try bench.send("UPDATE", [listed("other", 91)]).isPass)
        #expect(try bench.holds(["a", "b", "c", "other"]))
        #expect(try bench.send("UPDATE", []).isPass)
        #expect(try bench.holds(["a", "b", "c"]))
    }

    @Test("A job that names one, or wants its place, is refused and touches nothing")
    func refusals() throws {
        for action in ["SUSPEND", "ENABLE", "DELETE"] {
            #expect(try bench.refuses(action, named("b"), "loadBalancers[0]: 'b' is a service of the configuration file"))
        }
        for action in ["CREATE", "UPDATE"] {
            #expect(try bench.refuses(action, [listed("mine", 90), listed("b", 81)], "loadBalancers[1]: 'b' is a service"))
            #expect(try bench.refuses(action, [listed("mine", 81)], "loadBalancers[0].port: ", "'b', a service of the configuration file,"))
        }
    }

    @Test("One that a job has, or that would listen where a job's does, is refused by name, and nothing changes")
    func overlap() throws {
        try bench.send("CREATE", [listed("mine", 90)])
        let kept = [balancer("a", 80), balancer("b", 81), balancer("c", 82)]
        let cases = [
            (balancer("mine", 91), "[service:mine]: a job has made a load balancer of this id"),
            (balancer("d", 90, address: "10.9.0.1"), "[service:d] port: 'd' would listen on 10.9.0.1:90/tcp, where 'mine' listens already"),
        ]
        for (service, sentence) in cases {
            let failure = try #require(throws: Refusal.self) { try bench.pipeline.replace(.file, [kept[0], service]) }
            #expect(failure.sentence.hasPrefix(sentence), "\(failure)")
            #expect(try bench.holds(["a", "b", "c", "mine"]))
        }
        try bench.pipeline.replace(.file, [kept[0], balancer("d", 81)])
        #expect(try bench.holds(["a", "d", "mine"]))
    }
}

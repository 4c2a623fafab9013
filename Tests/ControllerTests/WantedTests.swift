import LBaaS
import Testing

@Suite("UPDATE and CREATE")
struct WantedTests {
    private let bench: Bench

    init() throws { bench = try Bench() }

    @Test("UPDATE is the full state: what is not listed goes, what is listed and there is changed")
    func update() throws {
        #expect(try bench.send("UPDATE", [listed("a", 1), listed("b", 2), listed("c", 3)]).isPass)
        #expect(try bench.holds(["a", "b", "c"]))
        bench.driver.clear()
        #expect(try bench.send("UPDATE", [listed("d", 4), listed("b", 2, weight: 7), listed("c", 3)]).isPass)
        #expect(try bench.holds(["b", "c", "d"]))
        #expect(try bench.committed["b"] == balancer("b", 2, weight: 7))
        #expect(bench.driver.applied.map(\.ids) == [[["a"], ["d"], ["b"]]])
    }

    @Test("UPDATE with an empty list leaves nothing, and is no DELETE")
    func updateToNothing() throws {
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
        #expect(try bench.send("UPDATE", []).isPass)
        #expect(try bench.holds([]))
        let stats = try bench.send("STATS")
        #expect(stats.isPass)
        #expect(stats.nodes == [])
        #expect(try bench.send("METRICS").traffic == [])
    }

    @Test("CREATE leaves all others alone, and replaces what is there")
    func create() throws {
        #expect(try bench.send("CREATE", [listed("a", 1), listed("b", 2)]).isPass)
        bench.driver.clear()
        #expect(try bench.send("CREATE", [listed("c", 3), listed("a", 9, weight: 7)]).isPass)
        #expect(try bench.holds(["a", "b", "c"]))
        #expect(try bench.committed["a"] == balancer("a", 9, weight: 7))
        #expect(try bench.committed["b"] == balancer("b", 2))
        #expect(bench.driver.applied.map(\.ids) == [[["c"], ["a"]]])
    }

    @Test("The same job twice passes twice, and the second touches nothing", arguments: ["UPDATE", "CREATE", "update"])
    func twice(action: String) throws {
        let list = [listed("a", 1), listed("b", 2)]
        #expect(try bench.send(action, list).isPass)
        #expect(try bench.passesUntouched(action, list))
        #expect(try bench.passesUntouched(action, list.reversed()))
        #expect(try bench.passesUntouched("CREATE", []))
        try bench.restart()
        #expect(try bench.passesUntouched(action, list))
    }

    @Test("One that is suspended serves again, and nothing else of it changes", arguments: ["UPDATE", "CREATE"])
    func servesAgain(action: String) throws {
        try bench.send("UPDATE", [listed("a", 1)])
        try bench.send("SUSPEND")
        #expect(try bench.committed == byID(balancer("a", 1, isSuspended: true)))
        #expect(try bench.send(action, [listed("a", 1)]).isPass)
        #expect(try bench.committed == byID(balancer("a", 1)))
        #expect(try bench.holds(["a"]))
    }

    @Test("An identity is the id, else the name, else the lower-case protocol")
    func identities() throws {
        func unnamed(_ fields: String, _ port: Int) -> String { #"{\#(fields) "port": \#(port), "nodes": []}"# }
        let list = [
            unnamed(#""protocol": "HTTP", "id": "web", "name": "n","#, 1), unnamed(#""protocol": "TCP", "name": "Db","#, 2),
            unnamed(#""protocol": "HTTP","#, 3), unnamed(#""protocol": "Galera","#, 4), unnamed(#""protocol": "TCP", "id": 17,"#, 5),
        ]
        // GALERA needs a node of its own.
        let galera = list[3].replacing("[]", with: #"[{"id": "n", "address": "10.0.0.1", "port": 3306}]"#)
        #expect(try bench.send("UPDATE", [list[0], list[1], list[2], galera, list[4]]).isPass)
        #expect(try bench.holds(["17", "Db", "galera", "http", "web"]))
        #expect(try bench.send("DELETE", [#"{"name": "Db", "protocol": "TCP"}"#, #"{"protocol": "HTTP"}"#, #"{"id": 17}"#]).isPass)
        #expect(try bench.holds(["galera", "web"]))
        #expect(try bench.refuses("SUSPEND", [#"{"id": "n"}"#], "loadBalancers[0]", "'n'"))
    }

    @Test("Two of one identity in one job are refused, and both are named")
    func sameIdentity() throws {
        try bench.send("UPDATE", [listed("x", 9)])
        for action in ["UPDATE", "CREATE"] {
            let twice = [listed("a", 1), listed("b", 2), listed("a", 3)]
            #expect(try bench.refuses(action, twice, "loadBalancers[0]", "loadBalancers[2]", "'a'"))
            let unnamed = #"{"protocol": "http", "port": 2, "nodes": []}"#
            #expect(try bench.refuses(action, [listed("http", 1), unnamed], "loadBalancers[0]", "loadBalancers[1]", "'http'"))
        }
        #expect(try bench.holds(["x"]))
    }

    @Test("What the driver cannot do is refused, field and driver are named, and nothing is touched", arguments: ["UPDATE", "CREATE"])
    func capabilities(action: String) throws {
        let driver = try RecordingDriver(
            capabilities: {
                var capabilities = Capabilities.everything
                capabilities.algorithms.remove(.maglev)
                capabilities.protocols.remove(.sctp)
                capabilities.quorum = false
                return capabilities
            }())
        let bench = try Bench(driver: driver)
        try bench.send("UPDATE", [listed("x", 9)])
        let maglev = listed("b", 2, weight: 1, #", "algorithm": "MAGLEV""#)
        #expect(try bench.refuses(action, [listed("a", 1), maglev], "loadBalancers[1].algorithm", "MAGLEV", "fake driver"))
        #expect(try bench.refuses(action, [listed("a", 1, weight: 1, #", "quorum": 2"#)], "loadBalancers[0].quorum", "fake driver"))
        let sctp = listed("a", 1).replacing("HTTP", with: "sctp")
        #expect(try bench.refuses(action, [sctp], "loadBalancers[0].protocol", "SCTP", "fake driver"))
        #expect(try bench.holds(["x"]))
    }

    @Test("A program that the configuration does not allow is refused before anything is touched", arguments: ["UPDATE", "CREATE"])
    func programs(action: String) throws {
        var capabilities = Capabilities.everything
        capabilities.programs = ["/bin/true"]
        let bench = try Bench(driver: try RecordingDriver(capabilities: capabilities))
        try bench.send("UPDATE", [listed("x", 9)])
        func running(_ program: String) -> String {
            let monitor = #"{"type": "EXEC", "delay": 1, "timeout": 1, "attempts": 1, "command": ["\#(program)", "x"]}"#
            return listed("b", 2, weight: 1, #", "monitor": \#(monitor)"#)
        }
        let jobs = [listed("a", 1), running("/bin/false")]
        #expect(try bench.refuses(action, jobs, "loadBalancers[1].monitor.command[0]", "'/bin/false'", "programs", "[health]"))
        #expect(try bench.holds(["x"]))
        try bench.send("UPDATE", [running("/bin/true")])
        #expect(try bench.holds(["b"]))
    }
}

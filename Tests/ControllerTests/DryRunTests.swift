import Testing

@Suite("A dry run")
struct DryRunTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
        bench.driver.clear()
    }

    /// The plan of a job; nothing may come of it.
    private func plan(_ action: String, _ loadBalancers: [String]? = nil) throws -> [String]? {
        let before = try bench.committed
        bench.driver.clear()
        let reply = try bench.send(action, loadBalancers, dryRun: true)
        #expect(bench.driver.calls.isEmpty)
        #expect(reply.isPass)
        #expect(try bench.committed == before)
        #expect(try bench.holds(["a", "b"]))
        return reply.plan
    }

    @Test("tells the operations in their order, and changes nothing")
    func plans() throws {
        #expect(
            try plan("UPDATE", [listed("b", 2, weight: 7), listed("c", 3)]) == [
                "remove node 'n' from 'a'", "delete load balancer 'a'", "change node 'n' of 'b': weight 1 → 7",
                "create load balancer 'c': HTTP on *:3/tcp, ROUND_ROBIN, 1 node", "add node 'n' to 'c': 10.0.0.1:8080, weight 1",
            ])
        #expect(try plan("CREATE", [listed("b", 2, weight: 7)]) == ["change node 'n' of 'b': weight 1 → 7"])
        #expect(try plan("SUSPEND") == ["suspend load balancer 'a'", "suspend load balancer 'b'"])
        #expect(try plan("SUSPEND", named("b")) == ["suspend load balancer 'b'"])
        #expect(try plan("DELETE", named("b")) == ["remove node 'n' from 'b'", "delete load balancer 'b'"])
    }

    @Test("is what the job then does")
    func comesTrue() throws {
        let list = [listed("a", 2), listed("b", 1), listed("c", 3)]
        let told = try #require(try plan("UPDATE", list))
        #expect(try bench.send("UPDATE", list).isPass)
        #expect(bench.driver.applied.map { $0.flatMap(\.operations) } == [told])
    }

    @Test("of what is so already is empty")
    func nothing() throws {
        #expect(try plan("UPDATE", [listed("a", 1), listed("b", 2)]) == [])
        #expect(try plan("ENABLE") == [])
        #expect(try plan("DELETE", []) == [])
    }

    @Test("is refused as the job would be")
    func refused() throws {
        #expect(try bench.send("CREATE", [listed("c", 1)], dryRun: true).error?.contains("'a'") == true)
        #expect(try bench.send("SUSPEND", named("c"), dryRun: true).error?.contains("'c'") == true)
        #expect(try bench.send("DELETE", named("c"), dryRun: true).isPass == false)
        #expect(bench.driver.calls.isEmpty)
        #expect(try bench.holds(["a", "b"]))
    }

    @Test("takes no listener: the next job has it")
    func listeners() throws {
        _ = try plan("UPDATE", [listed("c", 1), listed("a", 3)])
        #expect(try bench.refuses("CREATE", [listed("d", 1)], "'a'"))
        #expect(try bench.send("CREATE", [listed("d", 3)]).isPass)
    }

    @Test("of a DELETE deletes nothing that STATS would ask after")
    func deleted() throws {
        _ = try plan("DELETE")
        #expect(try bench.send("STATS").isPass)
        #expect(try bench.refuses("DELETE", named("c"), "'c'"))
    }
}

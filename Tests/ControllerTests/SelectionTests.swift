import LBaaS
import Testing

@Suite("SUSPEND, ENABLE and DELETE")
struct SelectionTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2), listed("c", 3)])
        bench.driver.clear()
    }

    private var suspended: [String] {
        get throws { try bench.committed.filter(\.value.isSuspended).keys.sorted() }
    }

    @Test("mean all load balancers where none is named")
    func all() throws {
        #expect(try bench.send("SUSPEND").isPass)
        #expect(try suspended == ["a", "b", "c"])
        #expect(try bench.holds(["a", "b", "c"]))
        #expect(try bench.send("ENABLE").isPass)
        #expect(try suspended == [])
        #expect(try bench.holds(["a", "b", "c"]))
        #expect(bench.driver.applied.map(\.ids) == [[["a"], ["b"], ["c"]], [["a"], ["b"], ["c"]]])
        #expect(try bench.send("DELETE").isPass)
        #expect(try bench.holds([]))
    }

    @Test("mean only those that are named")
    func some() throws {
        #expect(try bench.send("SUSPEND", named("c", "a")).isPass)
        #expect(try suspended == ["a", "c"])
        #expect(try bench.send("ENABLE", named("a", "b")).isPass)
        #expect(try suspended == ["c"])
        #expect(bench.driver.applied.map(\.ids) == [[["c"], ["a"]], [["a"]]])
        #expect(try bench.send("DELETE", named("b", "c")).isPass)
        #expect(try bench.holds(["a"]))
    }

    @Test("mean none where the list is empty, and one where it is named twice")
    func noneAndTwice() throws {
        for action in ["SUSPEND", "ENABLE", "DELETE"] { #expect(try bench.passesUntouched(action, [])) }
        #expect(try bench.send("DELETE", named("a", "a")).isPass)
        #expect(try bench.holds(["b", "c"]))
    }

    @Test("are refused where one is named that does not exist, and the others of the job stay as they are")
    func missing() throws {
        for action in ["SUSPEND", "ENABLE", "DELETE"] {
            #expect(try bench.refuses(action, named("a", "nobody", "b"), "loadBalancers[1]", "'nobody'"))
            #expect(try bench.refuses(action, [#"{"id": "A"}"#], "loadBalancers[0]", "'A'"))
        }
        #expect(try suspended == [])
        #expect(try bench.holds(["a", "b", "c"]))
    }

    @Test("touch nothing when they are repeated, after a restart too", arguments: ["SUSPEND", "ENABLE", "DELETE"])
    func repeated(action: String) throws {
        if action == "ENABLE" { try bench.send("SUSPEND") }
        #expect(try bench.send(action, named("a", "c")).isPass)
        #expect(try bench.passesUntouched(action, named("a", "c")))
        #expect(try bench.send(action).isPass)
        #expect(try bench.passesUntouched(action))
        #expect(try bench.passesUntouched(action, named("b")))
        try bench.restart()
        #expect(try bench.passesUntouched(action))
        #expect(try bench.passesUntouched(action, named("a", "b", "c")))
    }

    @Test("leave what was deleted deleted: naming it is a FAIL but for a DELETE")
    func afterDelete() throws {
        try bench.send("DELETE", named("a"))
        for action in ["SUSPEND", "ENABLE"] { #expect(try bench.refuses(action, named("a"), "'a'")) }
        #expect(try bench.refuses("DELETE", named("a", "nobody"), "'nobody'"))
        #expect(try bench.send("DELETE", named("a", "b")).isPass)
        #expect(try bench.holds(["c"]))
    }

    @Test("DELETE of one that UPDATE removed is a repeat too")
    func deleteAfterUpdate() throws {
        try bench.send("UPDATE", [listed("a", 1)])
        #expect(try bench.passesUntouched("DELETE", named("b", "c")))
        try bench.send("CREATE", [listed("b", 2)])
        bench.driver.clear()
        #expect(try bench.send("DELETE", named("b")).isPass)
        #expect(bench.driver.applied.map(\.ids) == [[["b"]]])
    }

    @Test("of a suspended load balancer keep its nodes and settings")
    func keepSettings() throws {
        try bench.send("CREATE", [listed("a", 1, weight: 5, #", "algorithm": "LEAST_CONNECTIONS""#)])
        let before = try bench.committed
        try bench.send("SUSPEND", named("a"))
        try bench.restart()
        #expect(try bench.committed["a"]?.isSuspended == true)
        try bench.send("ENABLE", named("a"))
        #expect(try bench.committed == before)
        #expect(try bench.holds(["a", "b", "c"]))
    }
}

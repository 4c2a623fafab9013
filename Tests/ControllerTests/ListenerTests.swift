import LBaaS
import Testing

/// Pairs of addresses that are the same, or of which one is a part of the other; nil is every address.
private let conflicts: [(String?, String?)] = [
    (nil, nil), (nil, "10.0.0.9"), (nil, "fd00::9"), (nil, "0.0.0.0"), (nil, "::"), ("0.0.0.0", "0.0.0.0"), ("0.0.0.0", "10.0.0.9"),
    ("::", "::"), ("::", "fd00::9"), ("10.0.0.9", "10.0.0.9"), ("fd00::9", "fd00::9"), ("fd00::9", "fd00:0::0:9"),
]
/// Pairs of addresses of which neither is a part of the other.
private let neighbours: [(String?, String?)] = [
    ("0.0.0.0", "::"), ("0.0.0.0", "fd00::9"), ("::", "10.0.0.9"), ("10.0.0.9", "10.0.0.8"), ("10.0.0.9", "fd00::9"),
]

@Suite("No two load balancers are given one place to listen")
struct ListenerTests {
    private let bench: Bench

    init() throws { bench = try Bench() }

    private func on(_ id: String, _ port: Int, _ address: String?, _ serviceProtocol: String = "HTTP") -> String {
        listed(id, port, weight: 1, address.map { #", "address": "\#($0)""# } ?? "").replacing("HTTP", with: serviceProtocol)
    }

    @Test("in one job: both are named, and nothing is touched", arguments: conflicts, ["UPDATE", "CREATE"])
    func inOneJob(addresses: (String?, String?), action: String) throws {
        let (one, other) = (on("one", 80, addresses.0), on("other", 80, addresses.1, "TCP"))
        #expect(try bench.refuses(action, [one, other], "'one'", "'other'", "loadBalancers[1]"))
        #expect(try bench.refuses(action, [other, one], "'one'", "'other'", "loadBalancers[1]"))
        #expect(try bench.holds([]))
    }

    @Test("against one that is there: both are named, and nothing is touched", arguments: conflicts)
    func againstExisting(addresses: (String?, String?)) throws {
        for (there, coming) in [addresses, (addresses.1, addresses.0)] {
            #expect(try bench.send("UPDATE", [on("there", 80, there), listed("else", 81)]).isPass)
            #expect(try bench.refuses("CREATE", [on("coming", 80, coming)], "'there'", "'coming'", "loadBalancers[0].port"))
            let moved = [listed("free", 82), on("else", 80, coming)]
            #expect(try bench.refuses("CREATE", moved, "'there'", "'else'", "loadBalancers[1].port"))
            try bench.send("SUSPEND")
            #expect(try bench.refuses("CREATE", [on("coming", 80, coming)], "'there'"))
            #expect(try bench.holds(["else", "there"]))
        }
    }

    @Test("but places beside each other are", arguments: neighbours)
    func besideEachOther(addresses: (String?, String?)) throws {
        #expect(try bench.send("CREATE", [on("a", 80, addresses.0), on("b", 80, addresses.1)]).isPass)
        #expect(try bench.send("CREATE", [on("c", 80, nil, "UDP"), on("d", 80, nil, "SCTP"), on("e", 81, nil)]).isPass)
        #expect(try bench.holds(["a", "b", "c", "d", "e"]))
    }

    @Test("A place that one gives up in the same job can be taken by another, whoever comes first in the list")
    func handedOn() throws {
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
        #expect(try bench.send("UPDATE", [listed("c", 1), listed("a", 2)]).isPass)
        #expect(try bench.committed == byID(balancer("a", 2), balancer("c", 1)))
        #expect(try bench.send("CREATE", [listed("d", 2), listed("a", 3)]).isPass)
        #expect(try bench.send("DELETE", named("c")).isPass)
        #expect(try bench.send("CREATE", [listed("e", 1)]).isPass)
        #expect(try bench.holds(["a", "d", "e"]))
    }

    @Test("Two load balancers exchange their listeners in one job, in one group", arguments: ["UPDATE", "CREATE"])
    func exchange(action: String) throws {
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2), listed("c", 3)])
        bench.driver.clear()
        #expect(try bench.send(action, [listed("a", 2), listed("b", 1), listed("c", 3)]).isPass)
        #expect(bench.driver.applied.map(\.ids) == [[["a", "b"]]])
        #expect(try bench.send(action, [listed("a", 3), listed("b", 2), listed("c", 1)]).isPass)
        #expect(try bench.holds(["a", "b", "c"]))
        #expect(try bench.committed == byID(balancer("a", 3), balancer("b", 2), balancer("c", 1)))
    }

    @Test("A job that is refused gives no place up and takes none")
    func refusedMove() throws {
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2)])
        #expect(try bench.refuses("CREATE", [listed("a", 3), listed("c", 4), listed("d", 2)], "'b'", "'d'"))
        #expect(try bench.refuses("CREATE", [listed("x", 1)], "'a'"))
        #expect(try bench.send("CREATE", [listed("x", 3), listed("y", 4)]).isPass)
        #expect(try bench.holds(["a", "b", "x", "y"]))
    }

    /// A driver may carry groups out in any order, and no appliance can listen on a part of a place before the whole is free.
    @Test("A part of a place that one gives up is handed on inside one group", arguments: conflicts.filter { $0 != $1 }.dropLast())
    func partHandedOn(addresses: (String?, String?)) throws {
        for (old, new) in [addresses, (addresses.1, addresses.0)] {
            try bench.send("UPDATE", [on("old", 80, old)])
            bench.driver.clear()
            #expect(try bench.send("UPDATE", [on("new", 80, new)]).isPass)
            #expect(bench.driver.applied.map(\.ids) == [[["old", "new"]]])
        }
    }
}

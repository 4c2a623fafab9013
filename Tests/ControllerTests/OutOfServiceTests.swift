import LBaaS
import LoadBalancerJSON
import StateStore
import TestSupport
import Testing

@testable import Controller

/// An earlier version took `::ffff:10.0.0.9` and `10.0.0.9` for two addresses.
@Suite("Of two stored load balancers on one listener")
struct OutOfServiceTests {
    private let bench: Bench
    private let earlier = balancer("z", 80, address: "10.0.0.9")
    private let later = balancer("a", 80, address: "10.0.0.9")

    init() throws {
        let folder = try TemporaryFolder()
        try StateStore(folder: folder.path + "/state").commit([
            .put(Self.row(later, mapped: true, createdAt: 2)), .put(Self.row(earlier, createdAt: 1)),
            .put(Self.row(balancer("other", 81), createdAt: 3)),
        ])
        bench = try Bench(folder: folder)
    }

    private static func row(_ loadBalancer: LoadBalancer, mapped: Bool = false, createdAt: Int64) -> StoredLoadBalancerRow {
        let text = String(decoding: StoredLoadBalancer.text(of: loadBalancer), as: UTF8.self)
        return StoredLoadBalancerRow(
            id: loadBalancer.id.text, text: Array((mapped ? text.replacing("10.0.0.9", with: "::ffff:10.0.0.9") : text).utf8),
            isSuspended: false, createdAt: createdAt)
    }

    private func listedOn(_ id: String, _ address: String, _ port: Int = 80) -> String {
        listed(id, port, weight: 1, #", "address": "\#(address)""#)
    }

    private var running: [String] { get throws { try bench.driver.running.keys.sorted() } }

    @Test("the earlier is served and the later is kept out of service, which is logged once with what to do")
    func start() throws {
        #expect(try running == ["other", "z"])
        #expect(try bench.committed.keys.sorted() == ["a", "other", "z"])
        let lines = bench.lines.all.filter { $0.contains("not in service") }
        #expect(lines.count == 1 && lines[0].contains("load_balancer=a") && lines[0].contains("owner=z"), "\(lines)")
        #expect(lines[0].contains("give one of them another address or port"))
        bench.pipeline.resync()
        #expect(try running == ["other", "z"])
        #expect(try bench.send("STATS").nodes == ["n of a: DOWN", "n of other: UP", "n of z: UP"])
        try bench.restart()
        #expect(try running == ["other", "z"])
        #expect(bench.lines.all.filter { $0.contains("not in service") }.count == 2)
    }

    @Test("the one with the lower id is served where both were created at once")
    func sameTime() throws {
        let folder = try TemporaryFolder()
        try StateStore(folder: folder.path + "/state").commit([
            .put(Self.row(earlier, createdAt: 1)), .put(Self.row(later, mapped: true, createdAt: 1)),
        ])
        #expect(try Bench(folder: folder).driver.running.keys.sorted() == ["a"])
    }

    @Test("the later does not take the listener with it when it is deleted or moved")
    func laterLeaves() throws {
        #expect(try bench.send("CREATE", [listedOn("a", "10.0.0.9", 82)]).isPass)
        #expect(try running == ["a", "other", "z"])
        #expect(try bench.refuses("CREATE", [listedOn("new", "10.0.0.9")], "'z'"))
        try bench.send("DELETE", named("a"))
        #expect(try bench.refuses("CREATE", [listedOn("new", "::ffff:10.0.0.9")], "'z'"))
        #expect(try bench.holds(["other", "z"]))
    }

    @Test("the later is deleted without a step of the appliance")
    func laterIsDeleted() throws {
        #expect(try bench.send("DELETE", named("a")).isPass)
        #expect(bench.driver.calls.isEmpty)
        #expect(try bench.refuses("CREATE", [listedOn("new", "10.0.0.9")], "'z'"))
        #expect(try bench.holds(["other", "z"]))
    }

    @Test("the later is refused as it is, and is suspended and enabled without coming into service")
    func laterStays() throws {
        #expect(try bench.refuses("CREATE", [listedOn("a", "10.0.0.9")], "'a'", "'z'"))
        #expect(try bench.refuses("UPDATE", [listedOn("a", "10.0.0.9"), listedOn("z", "10.0.0.9")], "'a'", "'z'"))
        #expect(try bench.send("SUSPEND", named("a")).isPass && bench.send("ENABLE", named("a")).isPass)
        #expect(bench.driver.calls.isEmpty)
        #expect(try running == ["other", "z"])
    }

    @Test(
        "the later comes into service when the earlier gives the listener up, in one group",
        arguments: ["deleted", "moved", "replaced", "planned"])
    func earlierLeaves(how: String) throws {
        switch how {
        case "deleted": #expect(try bench.send("DELETE", named("z")).isPass)
        case "moved": #expect(try bench.send("CREATE", [listedOn("z", "10.0.0.8")]).isPass)
        case "replaced": #expect(try bench.send("UPDATE", [listedOn("a", "10.0.0.9"), listed("other", 81)]).isPass)
        default:
            let plan = try #require(try bench.send("DELETE", named("z"), dryRun: true).plan)
            #expect(plan.contains { $0.contains("delete") && $0.contains("'z'") } && plan.contains { $0.contains("'a'") }, "\(plan)")
            #expect(try bench.refuses("CREATE", [listedOn("new", "10.0.0.9")], "'z'"))
            return #expect(try running == ["other", "z"])
        }
        #expect(bench.driver.applied.map(\.ids) == [[["z", "a"]]] || bench.driver.applied.map(\.ids) == [[["a", "z"]]])
        #expect(try bench.holds(how == "moved" ? ["a", "other", "z"] : ["a", "other"]))
        #expect(try bench.refuses("CREATE", [listedOn("new", "10.0.0.9")], "'a'"))
    }

    @Test("the later stays out of service where the request that would bring it back fails")
    func failure() throws {
        bench.driver.fail("z")
        #expect(try !bench.send("DELETE", named("z")).isPass)
        #expect(try running == ["other", "z"])
        bench.driver.fail(nil)
        #expect(try bench.refuses("CREATE", [listedOn("new", "10.0.0.9")], "'z'"))
        #expect(try bench.send("DELETE", named("z")).isPass)
        #expect(try bench.holds(["a", "other"]))
    }
}

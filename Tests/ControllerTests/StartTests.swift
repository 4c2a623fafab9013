import LBaaS
import LoadBalancerJSON
import Requests
import StateStore
import TestSupport
import Testing

@testable import Controller

@Suite("The start")
struct StartTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Leaves a state with these load balancers.
    private func leave(_ balancers: LoadBalancer...) throws {
        let bench = try Bench(folder: folder)
        #expect(bench.pipeline.commit(.update(balancers)).isChanged)
        for balancer in balancers where balancer.isSuspended { #expect(bench.pipeline.commit(.suspend(.named([balancer.id]))).isChanged) }
    }

    private func start(_ driver: RecordingDriver, log: Log = .silent) throws -> CommitPipeline {
        let store = try StateStore(folder: folder.path + "/state")
        return try CommitPipeline(driver: driver, driverName: "fake", store: store, log: log, now: { Timestamp(microseconds: 1) })
    }

    private func failure(_ driver: RecordingDriver) throws -> StartFailure {
        do {
            _ = try start(driver)
        } catch let failure as StartFailure {
            return failure
        }
        throw StartFailure(.memory, "the start did not fail")
    }

    @Test("with nothing on either side does nothing but to ask")
    func empty() throws {
        let driver = try RecordingDriver()
        #expect(try start(driver).count == 0)
        #expect(driver.calls == [.observe])
    }

    @Test("does not touch what is right")
    func right() throws {
        let (a, b) = (balancer("a", 1, isSuspended: true), balancer("b", 2))
        try leave(a, b)
        let driver = try RecordingDriver(running: [b, a])
        #expect(try start(driver).count == 2)
        #expect(driver.calls == [.observe])
        #expect(try driver.running == byID(a, b))
    }

    @Test("creates what is missing, changes what differs and removes what is foreign, and nothing else")
    func different() throws {
        let (right, missing, suspended) = (balancer("right", 1), balancer("missing", 2), balancer("suspended", 4, isSuspended: true))
        let (other, wanted) = (balancer("differs", 3, weight: 9), balancer("differs", 3))
        let foreign = balancer("foreign", 5)
        try leave(right, missing, wanted, suspended)
        let driver = try RecordingDriver(running: [right, other, balancer("suspended", 4), foreign])
        _ = try start(driver)
        #expect(try driver.running == byID(right, missing, wanted, suspended))
        #expect(driver.calls == [.observe, .apply])
        #expect(
            driver.applied.map { Set($0) } == [
                [
                    PatchGroup([LoadBalancerPatch(.update(from: other, to: wanted))]), PatchGroup([LoadBalancerPatch(.delete(foreign))]),
                    PatchGroup([LoadBalancerPatch(.create(missing))]),
                    PatchGroup([LoadBalancerPatch(.update(from: balancer("suspended", 4), to: suspended))]),
                ]
            ])
    }

    @Test("takes a listener from what is foreign for what is committed, in one group")
    func foreignListener() throws {
        try leave(balancer("a", 1))
        let driver = try RecordingDriver(running: [balancer("foreign", 1)])
        _ = try start(driver)
        #expect(driver.applied.map(\.ids) == [[["foreign", "a"]]])
        #expect(try driver.running == byID(balancer("a", 1)))
    }

    @Test("serves the others where the appliance refuses one, tells it, and tries again later")
    func refused() throws {
        try leave(balancer("a", 1), balancer("bad", 2))
        let driver = try RecordingDriver()
        driver.fail("bad")
        let bench = try Bench(driver: driver, folder: folder)
        #expect(try driver.running == byID(balancer("a", 1)))
        #expect(bench.lines.all.contains { $0.contains("does not run what is committed") && $0.contains("told to fail bad") })
        #expect(try bench.send("STATS").nodes == ["n of a: UP", "n of bad: DOWN"])
        driver.fail(nil)
        bench.clock.advance(seconds: 6)
        #expect(try bench.send("CREATE", [listed("c", 3)]).isPass)
        #expect(try bench.holds(["a", "bad", "c"]))
    }

    @Test("fails where the appliance cannot be asked, and names the driver")
    func deaf() throws {
        try leave(balancer("a", 1))
        let driver = try RecordingDriver()
        driver.goDeaf()
        let failure = try failure(driver)
        #expect(failure.code == .appliance)
        #expect(failure.message.contains("fake driver"))
        #expect(failure.message.contains("the appliance does not answer"))
        #expect(driver.calls == [.observe])
        #expect(try start(RecordingDriver()).count == 1)
    }

    @Test(
        "fails where a load balancer's text is damaged, names it, and touches nothing",
        arguments: [
            "", "{", "[]", "null", "[{}]", "[1]", #"[{"id":"web","protocol":"HTTP","port":70000,"nodes":[]}]"#,
            #"[{"id":"web","protocol":"HTTP","port":80,"nodes":[]},{"id":"b","protocol":"TCP","port":81,"nodes":[]}]"#,
            #"[{"id":"web","protocol":"HTTP","port":80,"nodes":[{"id":"n","address":"10.0.0.1"}]}]"#,
            #"[{"id":"web","protocol":"HTTP","port":80,"nodes":[]"#,
            // Whole, but of another load balancer than the row says.
            #"[{"id":"wec","protocol":"HTTP","port":80,"nodes":[]}]"#,
        ])
    func damaged(text: String) throws {
        try leave(balancer("a", 1))
        try StateStore(folder: folder.path + "/state").commit([
            .put(StoredLoadBalancerRow(id: "web", text: Array(text.utf8), isSuspended: false, createdAt: 0))
        ])
        let driver = try RecordingDriver()
        let failure = try failure(driver)
        #expect(failure.code == .state)
        #expect(failure.message.contains("'web'"))
        #expect(failure.message.contains("backup"))
        #expect(driver.calls.isEmpty)
    }

    @Test("without a state folder begins with nothing each time")
    func memory() throws {
        let driver = try RecordingDriver()
        func start() throws -> CommitPipeline {
            try CommitPipeline(driver: driver, driverName: "fake", store: nil, log: .silent, now: { Timestamp(microseconds: 1) })
        }
        #expect(try start().commit(.create([balancer("a", 1)])).isChanged)
        #expect(try driver.running == byID(balancer("a", 1)))
        #expect(try start().count == 0)
        #expect(try driver.running.isEmpty)
    }
}

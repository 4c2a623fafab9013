import LBaaS
import Testing

@testable import Controller

@Suite("Nodes that the appliance checks")
struct StatusTests {
    private let bench: Bench
    private let checker: StatusChecker
    private let notifier: RecordingNotifier

    init() throws {
        bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(checking: .driver)))
        let (pipeline, clock) = (bench.pipeline, bench.clock)
        // It is asked when a test wants it.
        checker = StatusChecker(bench.driver, every: 86_400_000, log: bench.lines.log, now: { clock.now }) { [weak pipeline] in
            pipeline?.report($0)
        }
        notifier = RecordingNotifier(bench.driver)
        pipeline.begin(checker)
    }

    private func conditions() throws -> [String] { try #require(try bench.driver.running["a"]).nodes.map { "\($0.id) \($0.condition)" } }

    private func two(_ more: String) -> String {
        let nodes = (1...2).map { #"{"id": "n\#($0)", "address": "10.0.0.\#($0)", "port": 80, "weight": 2}"# }
        return #"{"id": "a", "protocol": "HTTP", "port": 80\#(more), "nodes": [\#(nodes.joined(separator: ","))]}"#
    }

    @Test("The world is told when the last of them goes and the first comes back, and the appliance is left alone")
    func announced() throws {
        bench.pipeline.begin([notifier])
        try bench.send("CREATE", [two("")])
        #expect(notifier.take() == ["1 UP a *:80/tcp"])
        bench.driver.failChecks(of: "n1")
        checker.look()
        #expect(notifier.take().isEmpty)
        bench.driver.failChecks(of: "n1", "n2")
        checker.look()
        #expect(notifier.take() == ["1 DOWN a *:80/tcp (weight 0 of 4)", "1 flush"])
        // What was found before counts after a restart.
        try bench.restart()
        bench.pipeline.begin([notifier])
        #expect(notifier.take() == ["begin DOWN a *:80/tcp (weight 0 of 4)"])
        bench.pipeline.report([
            "a": ["n1": (Endpoint(host: .address(.v4(0x0A00_0001)), port: 80), NodeHealth(isUp: true, since: bench.clock.now))]
        ])
        #expect(notifier.take() == ["1 UP a *:80/tcp"])
        #expect(try conditions() == ["n1 enabled", "n2 enabled"])
    }

    @Test("A new service with a monitor is told to be up after the first check that passed, whatever the appliance takes its nodes for")
    func firstResult() throws {
        let monitor = #", "monitor": {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1}"#
        bench.pipeline.begin([notifier])
        bench.driver.leaveUnchecked("n1", "n2")
        try bench.send("CREATE", [two(monitor)])
        checker.look()
        #expect(notifier.take().isEmpty)
        #expect(try conditions() == ["n1 enabled", "n2 enabled"])
        // One that fails does not bring it up, and it was not up to go down.
        bench.driver.leaveUnchecked("n2")
        bench.driver.failChecks(of: "n1")
        checker.look()
        #expect(notifier.take().isEmpty)
        bench.driver.leaveUnchecked()
        checker.look()
        #expect(notifier.take() == ["1 UP a *:80/tcp"])
        checker.look()
        // A node that is new in a service that is up counts as the appliance has it.
        bench.driver.leaveUnchecked("n2")
        try bench.send("CREATE", [two(monitor).replacing("10.0.0.2", with: "10.0.0.3")])
        checker.look()
        #expect(notifier.take().isEmpty)
    }

    @Test("Below its quorum the sorry server takes over, and above it the nodes")
    func quorum() throws {
        try bench.send("CREATE", [two(#", "quorum": 3, "sorry_server": {"address": "10.0.0.9", "port": 80}"#)])
        #expect(try conditions() == ["n1 enabled", "n2 enabled"])
        bench.driver.failChecks(of: "n2")
        checker.look()
        #expect(try conditions() == ["n1 draining", "n2 draining"])
        #expect(try bench.committed["a"]?.nodes.allSatisfy { $0.condition == .enabled } == true)
        checker.look()
        #expect(try conditions() == ["n1 draining", "n2 draining"])
        bench.driver.failChecks()
        checker.look()
        #expect(try conditions() == ["n1 enabled", "n2 enabled"])
    }

    @Test("Where it matters to nobody it is not asked")
    func unasked() throws {
        try bench.send("CREATE", [two("")])
        bench.driver.clear()
        checker.look()
        #expect(bench.driver.calls.isEmpty)
        try bench.send("CREATE", [two(#", "quorum": 1"#)])
        bench.driver.clear()
        checker.look()
        #expect(bench.driver.calls == [.status])
        try bench.send("SUSPEND", named("a"))
        bench.driver.clear()
        checker.look()
        #expect(bench.driver.calls.isEmpty)
    }

    @Test("What the appliance does not run is down within one look, and back when it runs it", arguments: [true, false])
    func ended(isAll: Bool) throws {
        bench.pipeline.begin([notifier])
        try bench.send("CREATE", [two(""), listed("b", 2)])
        _ = notifier.take()
        if isAll { bench.driver.end() } else { bench.driver.leaveOut("a") }
        checker.look()
        checker.look()
        let told = notifier.take()
        #expect(told.contains { $0.hasPrefix("1 DOWN a") || $0.hasPrefix("2 DOWN a") }, "\(told)")
        #expect(told.contains { $0.contains("DOWN b") } == isAll)
        bench.driver.end(false)
        bench.driver.leaveOut()
        checker.look()
        let back = notifier.take()
        #expect(back.contains { $0.contains("UP a") } && back.contains { $0.contains("UP b") } == isAll, "\(back)")
    }

    @Test("STATS of an appliance that does not run says that, and tells drained, disabled and suspended nodes apart")
    func states() throws {
        let conditions = ["ENABLED", "DRAINING", "DISABLED"].enumerated().map { index, condition in
            #"{"id": "n\#(index)", "address": "10.0.0.\#(index)", "port": 80, "condition": "\#(condition)"}"#
        }
        try bench.send("CREATE", [#"{"id": "a", "protocol": "HTTP", "port": 80, "nodes": [\#(conditions.joined(separator: ","))]}"#])
        func states() throws -> [String?] { try bench.send("STATS", named("a")).list.map { $0["state"] as? String } }
        #expect(try states() == ["UP", "DRAINING", "DISABLED"])
        bench.driver.end()
        let nodes = try bench.send("STATS", named("a")).list
        #expect(nodes.map { $0["state"] as? String } == ["DOWN", "DRAINING", "DISABLED"])
        #expect(nodes.allSatisfy { $0["status"] as? String == "DOWN" && $0["reason"] as? String == "the appliance does not run" })
        bench.driver.end(false)
        try bench.send("SUSPEND", named("a"))
        #expect(try states() == ["SUSPENDED", "SUSPENDED", "SUSPENDED"])
    }

    @Test("An appliance that does not answer leaves nodes as they were, and is told of once")
    func deaf() throws {
        try bench.send("CREATE", [two(#", "quorum": 1"#)])
        bench.driver.failChecks(of: "n1", "n2")
        bench.driver.goDeaf()
        checker.look()
        checker.look()
        #expect(bench.lines.all.filter { $0.contains("cannot tell how the nodes are") }.count == 1)
        #expect(bench.lines.all.filter { $0.contains("lost its quorum") }.isEmpty)
        bench.driver.goDeaf(false)
        checker.look()
        #expect(bench.lines.all.filter { $0.contains("lost its quorum") }.count == 1)
    }
}

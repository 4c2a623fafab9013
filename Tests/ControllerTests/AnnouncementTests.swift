import LBaaS
import Testing

@testable import Controller

@Suite("What the world is told")
struct AnnouncementTests {
    private let bench: Bench
    private let notifier: RecordingNotifier

    init() throws {
        bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(checking: .worker)))
        notifier = RecordingNotifier(bench.driver)
        bench.pipeline.begin(listeners: [notifier])
        #expect(notifier.take().isEmpty)
        bench.driver.clear()
    }

    @Test("A service comes up when the appliance has it, and is told to go before it goes")
    func order() throws {
        try bench.send("CREATE", [listed("a", 80)])
        #expect(notifier.take() == ["1 UP a *:80/tcp"])
        try bench.send("CREATE", [listed("a", 80, weight: 7)])
        #expect(notifier.take().isEmpty)
        try bench.send("SUSPEND", named("a"))
        #expect(notifier.take() == ["2 DOWN a *:80/tcp (suspended)", "2 flush"])
        try bench.send("ENABLE", named("a"))
        #expect(notifier.take() == ["4 UP a *:80/tcp"])
        try bench.send("DELETE", named("a"))
        #expect(notifier.take() == ["4 DOWN a *:80/tcp (deleted)", "4 flush"])
    }

    @Test("A service that moves is another")
    func moves() throws {
        try bench.send("CREATE", [listed("a", 80)])
        _ = notifier.take()
        try bench.send("CREATE", [listed("a", 81)])
        #expect(notifier.take() == ["1 DOWN a *:80/tcp (moved to *:81/tcp)", "1 flush", "2 UP a *:81/tcp"])
    }

    @Test("A service whose listener another one takes over goes when that is there")
    func heirs() throws {
        try bench.send("CREATE", [listed("a", 80), listed("b", 81)])
        _ = notifier.take()
        try bench.send("UPDATE", [listed("c", 80), listed("b", 82)])
        #expect(
            notifier.take() == [
                "1 DOWN b *:81/tcp (moved to *:82/tcp)", "1 flush", "2 UP c *:80/tcp", "2 UP b *:82/tcp", "2 DOWN a *:80/tcp (deleted)",
            ])
        try bench.send("UPDATE", [listed("d", 80, weight: 0), listed("b", 82)])
        #expect(notifier.take() == ["2 DOWN c *:80/tcp (deleted)", "2 flush"])
    }

    @Test("A service without nodes in service is down")
    func nodes() throws {
        try bench.send("CREATE", [listed("a", 80, weight: 0)])
        #expect(notifier.take().isEmpty)
        try bench.send("CREATE", [listed("a", 80, weight: 1)])
        #expect(notifier.take() == ["2 UP a *:80/tcp"])
        try bench.send("CREATE", [listed("a", 80, weight: 0)])
        #expect(notifier.take() == ["2 DOWN a *:80/tcp (weight 0 of 0)", "2 flush"])
    }

    @Test("A change that fails leaves the world as it was")
    func failure() throws {
        try bench.send("CREATE", [listed("a", 80)])
        _ = notifier.take()
        bench.driver.fail("a")
        #expect(try !bench.send("DELETE", named("a")).isPass)
        let told = notifier.take()
        #expect(told.first == "1 DOWN a *:80/tcp (deleted)")
        #expect(told.last?.hasSuffix("UP a *:80/tcp") == true)
    }

    @Test("Of a batch that fails in part, what is changed is told once, and what is not is told as it was")
    func partlyFailedBatch() throws {
        try bench.send("CREATE", [listed("a", 80), listed("b", 81), listed("c", 82)])
        _ = notifier.take()
        bench.driver.fail("b")
        let outcomes = bench.pipeline.run(["a", "b", "c"].map { .commit(.change(.suspend(.named([$0])))) })
        #expect(outcomes.map { if case .refused = $0 { true } else { false } } == [false, true, false])
        let told = notifier.take().filter { !$0.hasSuffix("flush") }
        func events(of id: String) -> [String] {
            told.filter { $0.contains(" \(id) ") }.map { String($0.split(separator: " ")[1]) }
        }
        #expect(events(of: "a") == ["DOWN"])
        #expect(events(of: "b") == ["DOWN", "UP"])
        #expect(events(of: "c") == ["DOWN"])
    }

    @Test("Quorum decides where it is asked for, and a start tells how each service is")
    func quorum() throws {
        let more = #", "quorum": 1, "monitor": {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1}"#
        try bench.send("CREATE", [listed("a", 80, more), listed("b", 81)])
        #expect(notifier.take() == ["1 UP b *:81/tcp"])
        let endpoint = Endpoint(host: .address(.v4(0x0A00_0001)), port: 8080)
        bench.pipeline.report(["a": ["n": (endpoint, NodeHealth(isUp: true, since: bench.clock.now))]])
        #expect(notifier.take() == ["2 UP a *:80/tcp"])
        try bench.restart()
        bench.pipeline.begin(listeners: [notifier])
        #expect(notifier.take().sorted() == ["begin UP a *:80/tcp", "begin UP b *:81/tcp"])
        bench.pipeline.report(["a": ["n": (endpoint, NodeHealth(isUp: false, since: bench.clock.now))]])
        #expect(notifier.take().first?.hasSuffix("DOWN a *:80/tcp (weight 0 of 1, quorum 1)") == true)
    }

    @Test("A notifier that is slow does not keep a change from being made")
    func slow() throws {
        let slow = RecordingNotifier(bench.driver, isSlow: true)
        bench.pipeline.begin(listeners: [slow])
        try bench.send("CREATE", [listed("a", 80)])
        #expect(try bench.send("DELETE", named("a")).isPass)
        #expect(try bench.driver.running.isEmpty)
    }
}

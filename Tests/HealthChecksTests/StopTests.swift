import Dispatch
import HealthChecks
import HostSystem
import LBaaS
import TestSupport
import Testing

/// Whoever takes the reports hangs.
@Suite("A checker that hangs", .timeLimit(.minutes(15)))
struct StopTests {
    @Test("is stopped within the limit, and is seen by a watchdog, until it goes on")
    func hanging() async throws {
        let (hangs, goesOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let monitor = ProgressMonitor()
        let checker = try HealthChecker(
            HealthChecker.Configuration(), progress: monitor.participant("health checks"), now: currentTime
        ) { _ in
            hangs.signal()
            goesOn.wait()
        }
        defer { goesOn.signal() }
        let later = Clock.bootTime() + .seconds(3600)
        #expect(monitor.stuck(now: later).isEmpty)
        checker.update([.begin(key("a"), check(.connect, port: 1), unchecked())])
        try await eventually("the report") { hangs.wait(timeout: .now()) == .success }
        #expect(monitor.stuck(now: later).map(\.name) == ["health checks"])
        #expect(!checker.stop(within: .milliseconds(50)))
        goesOn.signal()
        #expect(checker.stop(within: .seconds(60)))
        #expect(monitor.stuck(now: later).isEmpty)
    }
}

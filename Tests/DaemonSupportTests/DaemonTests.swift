import DaemonSupport
import Dispatch
import Glibc
import HostSystem
import LBaaS
import Synchronization
import TestSupport
import Testing

/// The life of a daemon: in which order its services start and stop, and what signals do meanwhile.
@Suite struct DaemonTests {
    private let events = Record<String>()
    private let log = Record<String>()
    private let signals = ScriptedSignals()

    private func service(_ name: String, _ behaviour: TestService.Behaviour = .init()) -> TestService {
        TestService(name, behaviour, events)
    }

    /// Runs a daemon to its end, on a thread of its own.
    private func run(
        _ services: [TestService], stopTimeout: Duration = .seconds(300), whenStarted: @escaping @Sendable () -> Void = {}
    ) async throws -> Result<ExitCode, StartupFailure> {
        let sink = Log(threshold: .info) { [log] level, message, _ in log.add("\(level) \(message)") }
        return try await onThread { [signals] in
            var daemon = Daemon(signals: signals, monitor: ProgressMonitor(), stopTimeout: stopTimeout, log: sink)
            do throws(StartupFailure) {
                return .success(try daemon.run(services, whenStarted: whenStarted))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGQUIT]) func servicesStartInOrderAndStopInReverse(signal: Int32) async throws {
        let end = try await run([service("a"), service("b"), service("c")]) { [signals, events] in
            events.add("up")
            signals.send(signal)
        }
        #expect(end == .success(.ok))
        #expect(
            events.all == [
                "start a", "start b", "start c", "up", "close c", "finish c", "close b", "finish b", "close a", "finish a",
            ])
        #expect(log.all.first?.hasPrefix("info stopping") == true && log.all.last == "info stopped")
    }

    @Test func aServiceThatCannotStartStopsThoseBeforeIt() async throws {
        let failure = StartupFailure(.unavailable, "b is not there")
        let end = try await run([service("a"), service("b", .init(failure: failure)), service("c")])
        #expect(end == .failure(failure))
        #expect(events.all == ["start a", "start b", "close a", "finish a"])
    }

    @Test func aSignalDuringTheStartKeepsTheRestFromStarting() async throws {
        let gate = DispatchSemaphore(value: 0)
        let end = Task { try await run([service("a"), service("b", .init(startGate: gate)), service("c")]) }
        try await eventually("b starts") { events.all.last == "start b" }
        signals.send(SIGTERM)
        try await eventually("it is stopping") { log.all.contains { $0.hasPrefix("info stopping") } }
        gate.signal()
        #expect(try await end.value == .success(.ok))
        #expect(events.all == ["start a", "start b", "close b", "finish b", "close a", "finish a"])
    }

    @Test func aStartThatHangsEndsWithTheTimeForStopping() async throws {
        let gate = DispatchSemaphore(value: 0)
        defer { gate.signal() }
        let end = Task { try await run([service("a", .init(startGate: gate))], stopTimeout: .milliseconds(50)) }
        try await eventually("a starts") { events.all == ["start a"] }
        signals.send(SIGTERM)
        #expect(try await end.value == .success(.tempFail))
        #expect(events.all == ["start a"])
    }

    @Test func anotherSignalEndsAtOnce() async throws {
        let gate = DispatchSemaphore(value: 0)
        defer { gate.signal() }
        let end = Task {
            try await run([service("a"), service("b", .init(finishGate: gate))], stopTimeout: .seconds(3600)) { [signals] in
                signals.send(SIGTERM)
            }
        }
        try await eventually("b finishes") { events.all.last == "finish b" }
        signals.send(SIGHUP)
        signals.send(SIGINT)
        #expect(try await end.value == .success(.tempFail))
        #expect(!events.all.contains("close a"))
        #expect(log.all.contains { $0.hasPrefix("error ended at once") })
    }

    @Test func aServiceThatHangsDoesNotKeepTheOthersFromFinishing() async throws {
        let gate = DispatchSemaphore(value: 0)
        defer { gate.signal() }
        let services = [service("a"), service("b", .init(finishGate: gate)), service("c")]
        let end = try await run(services, stopTimeout: .milliseconds(300)) { [signals] in signals.send(SIGTERM) }
        #expect(end == .success(.tempFail))
        #expect(events.all.suffix(4) == ["close b", "finish b", "close a", "finish a"])
        #expect(log.all.contains { $0.hasPrefix("error b has not finished within the shutdown timeout") })
        #expect(!log.all.contains("info stopped"))
    }

    @Test func timeIsKeptForThoseThatStopLater() async throws {
        let services = [service("a", .init(stopTime: .seconds(400))), service("b", .init(stopTime: .seconds(10_000))), service("c")]
        _ = try await run([services[0], services[2]], stopTimeout: .seconds(1000)) { [signals] in signals.send(SIGTERM) }
        #expect(services[2].limit.map { $0 > .seconds(500) && $0 <= .seconds(600) } == true)
        #expect(services[0].limit.map { $0 > .seconds(900) && $0 <= .seconds(1000) } == true)
        // Never more than half.
        _ = try await run(services, stopTimeout: .seconds(1000)) { [signals] in signals.send(SIGTERM) }
        #expect(services[2].limit.map { $0 > .seconds(400) && $0 <= .seconds(500) } == true)
    }

    @Test func whatLeavesSomethingUndoneIsToldByTheExitCode() async throws {
        let end = try await run([service("a"), service("b", .init(finishes: false))]) { [signals] in signals.send(SIGTERM) }
        #expect(end == .success(.tempFail))
        #expect(events.all.last == "finish a")
    }

    @Test func otherSignalsAreLoggedAndDoNothing() async throws {
        let others = [SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ, 40]
        let end = try await run([service("a")]) { [signals] in for signal in others + [SIGTERM] { signals.send(signal) } }
        #expect(end == .success(.ok))
        #expect(log.all.count { $0.hasPrefix("warning a signal is ignored") } == others.count)
    }
}

/// A service that notes what is done to it, and behaves as a test tells it to.
private final class TestService: DaemonService {
    struct Behaviour: Sendable {
        var failure: StartupFailure?
        var startGate: DispatchSemaphore?
        var finishGate: DispatchSemaphore?
        var finishes = true
        var stopTime = Duration.zero
    }

    let name: String
    private let behaviour: Behaviour
    private let events: Record<String>
    private let given = Mutex<Duration?>(nil)

    init(_ name: String, _ behaviour: Behaviour, _ events: Record<String>) {
        self.name = name
        self.behaviour = behaviour
        self.events = events
    }

    /// The limit that it got.
    var limit: Duration? { given.withLock(\.self) }

    var stopTime: Duration { behaviour.stopTime }

    func start() throws(StartupFailure) {
        events.add("start \(name)")
        behaviour.startGate?.wait()
        if let failure = behaviour.failure { throw failure }
    }

    func stopTaking() { events.add("close \(name)") }

    func finish(within limit: Duration) -> Bool {
        events.add("finish \(name)")
        given.withLock { $0 = limit }
        behaviour.finishGate?.wait()
        return behaviour.finishes
    }
}

import Dispatch
package import HostSystem
package import LBaaS
import Synchronization

/// Runs the services of a daemon until a signal ends it.
///
/// The thread that calls `run` does nothing but wait: for signals, for the threads that start and stop the services, and for the time to
/// tell systemd that the process is alive. So a signal is heard at any time, also while a service takes long to start or to stop.
package struct Daemon: ~Copyable {
    private let signals: any SignalSource
    private let log: Log
    private let stopTimeout: Duration
    private var watchdog: Watchdog
    private let progress = Progress()

    /// A daemon.
    ///
    /// - Parameters:
    ///   - monitor: knows whether a thread hangs.
    ///   - stopTimeout: how long all services together may take to stop.
    package init(signals: any SignalSource, monitor: ProgressMonitor, stopTimeout: Duration, log: Log) {
        self.signals = signals
        self.log = log
        self.stopTimeout = stopTimeout
        watchdog = Watchdog(monitor: monitor, interval: ServiceManager.watchdogInterval, log: log)
    }

    /// How far the threads that start and stop the services are.
    private final class Progress: Sendable {
        struct State {
            /// How many services have been started.
            var started = 0
            /// Whether no more is to be started.
            var isCancelled = false
            /// Whether starting has ended, by itself or not.
            var hasStarted = false
            var failure: StartupFailure?
            /// What was left undone; nil while it is being stopped.
            var unfinished: [String]?
        }

        let state = Mutex(State())
        let hasStarted = DispatchSemaphore(value: 0)
    }

    /// Starts the services in their order, runs them until a signal comes, and stops them in reverse.
    ///
    /// - Parameter whenStarted: called once all of them run.
    /// - Returns: how the process is to end: `tempFail` where something was left undone, which is in the log. Threads may still run then.
    /// - Throws: why a service could not be started; those that had been are stopped.
    package mutating func run(_ services: [any DaemonService], whenStarted: () -> Void) throws(StartupFailure) -> ExitCode {
        try start(services)
        var signal: ReceivedSignal?
        var isUp = false
        while signal == nil {
            signal = nextStop(until: watchdog.next())
            let (hasStarted, failure) = progress.state.withLock { ($0.hasStarted, $0.failure) }
            if let failure {
                _ = stop(services)
                throw failure
            }
            if signal == nil { watchdog.tick(isUp ? nil : .seconds(60)) }
            if hasStarted, !isUp, signal == nil {
                isUp = true
                ServiceManager.ready()
                whenStarted()
            }
        }
        ServiceManager.stopping()
        log.write(
            .info, "stopping: no more work is taken, what is in hand is finished",
            signal?.fields ?? [])
        let exitCode = stop(services)
        if exitCode == .ok { log.write(.info, "stopped") }
        return exitCode
    }

    // MARK: Signals

    /// Waits for a signal that ends the process, and logs those that do not; nil where it was woken or the time has come.
    private func nextStop(until deadline: Deadline) -> ReceivedSignal? {
        guard let signal = signals.next(until: deadline) else { return nil }
        if signal.meaning == .stop { return signal }
        log.write(
            .warning, "a signal is ignored; the configuration is read at the start, so restart the process to change it", signal.fields)
        return nil
    }

    // MARK: Starting

    private func start(_ services: [any DaemonService]) throws(StartupFailure) {
        let (progress, signals) = (progress, signals)
        let isStarted = startThread {
            for service in services where !progress.state.withLock({ $0.isCancelled || $0.failure != nil }) {
                do throws(StartupFailure) {
                    try service.start()
                    progress.state.withLock { $0.started += 1 }
                } catch {
                    progress.state.withLock { $0.failure = error }
                }
            }
            progress.state.withLock { $0.hasStarted = true }
            progress.hasStarted.signal()
            signals.wake()
        }
        if !isStarted { throw StartupFailure(.osError, "the system has no thread to spare") }
    }

    // MARK: Stopping

    /// Stops what was started, within the time for it. One more signal ends the wait.
    private mutating func stop(_ services: [any DaemonService]) -> ExitCode {
        let deadline = Deadline(in: stopTimeout)
        ServiceManager.extendTimeout(by: stopTimeout + .seconds(10))
        progress.state.withLock { $0.isCancelled = true }
        let (progress, signals, log) = (progress, signals, log)
        let isStarted = startThread {
            var unfinished: [String] = []
            if progress.hasStarted.wait(timeout: .now() + deadline.rest.seconds) == .timedOut {
                unfinished.append("the start")
            } else {
                let started = services.prefix(progress.state.withLock { $0.started })
                unfinished = Self.stop(Array(started), until: deadline, log: log)
            }
            progress.state.withLock { $0.unfinished = unfinished }
            signals.wake()
        }
        // The thread itself keeps to the deadline; this one is for what nobody thought of.
        let last = Deadline(in: deadline.rest + .seconds(2))
        while isStarted, !last.isOver {
            if let signal = nextStop(until: watchdog.next(before: last)) {
                log.write(.error, "ended at once by another signal", signal.fields)
                return .tempFail
            }
            watchdog.tick(nil)
            if let unfinished = progress.state.withLock({ $0.unfinished }) { return unfinished.isEmpty ? .ok : .tempFail }
        }
        log.write(.error, "the process ends without having stopped in order", [("seconds", String(stopTimeout.seconds))])
        return .tempFail
    }

    /// Stops services in reverse: each once those behind it have finished, with the time that is left but for what is kept for others.
    ///
    /// - Returns: the names of those that did not finish.
    private static func stop(_ services: [any DaemonService], until deadline: Deadline, log: Log) -> [String] {
        var unfinished: [String] = []
        for index in services.indices.reversed() {
            let service = services[index]
            // At most half of what is left is kept for those that stop later.
            let kept = services[..<index].reduce(Duration.zero) { $0 + $1.stopTime }
            let limit = deadline.rest - min(kept, deadline.rest / 2)
            let isFinished = within(limit) {
                service.stopTaking()
                return service.finish(within: limit)
            }
            if isFinished == true { continue }
            unfinished.append(service.name)
            if isFinished == nil {
                log.write(
                    .error, "\(service.name) has not finished within the shutdown timeout and is not waited for",
                    [("seconds", String(limit.seconds))])
            }
        }
        return unfinished
    }

    /// Does something that may block, on a thread of its own.
    ///
    /// - Returns: what it gives; nil where it takes longer than the limit and a tenth of a second.
    private static func within(_ limit: Duration, _ body: @escaping @Sendable () -> Bool) -> Bool? {
        let result = SharedFlag(false)
        let isDone = DispatchSemaphore(value: 0)
        let isStarted = startThread {
            let value = body()
            result.value.withLock { $0 = value }
            isDone.signal()
        }
        guard isStarted, isDone.wait(timeout: .now() + limit.seconds + 0.1) == .success else { return nil }
        return result.value.withLock { $0 }
    }
}

/// A value that two threads share.
private final class SharedFlag: Sendable {
    let value: Mutex<Bool>

    init(_ value: Bool) { self.value = Mutex(value) }
}

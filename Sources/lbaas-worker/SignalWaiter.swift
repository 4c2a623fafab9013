import Controller
import Dispatch
import Glibc

/// Waits for the signals that end the process: SIGTERM and SIGINT.
///
/// They are blocked in every thread and fetched by the one that waits, so that nothing is ever done inside a signal handler.
struct SignalWaiter: Sendable {
    private let signals: SignalSet

    /// Blocks the signals. To be made before any other thread.
    init() {
        signals = SignalSet([SIGTERM, SIGINT])
        signals.block()
    }

    /// Waits for a signal, and tells systemd meanwhile that the process is alive: as long as its commits are.
    ///
    /// - Returns: the signal's name.
    func wait(watching pipeline: CommitPipeline) -> String {
        let interval = ServiceManager.watchdogInterval
        while true {
            // Twice as often as systemd wants to hear of it.
            switch signals.next(within: interval.map { $0 / 2 }) {
            case SIGTERM: return "SIGTERM"
            case SIGINT: return "SIGINT"
            default:
                // A driver that hangs keeps every job waiting; then a restart is what is left.
                if let interval, pipeline.busyTime < Int64(interval) { ServiceManager.alive() }
            }
        }
    }

    /// Ends the process at once when one more signal comes.
    func endProcessAtNext(exitCode: ExitCode) {
        DispatchQueue.global().async { [signals] in
            while signals.next(within: nil) <= 0 {}
            _exit(exitCode.rawValue)
        }
    }
}

/// A set of signals.
private struct SignalSet: Sendable {
    private let set: sigset_t

    init(_ signals: [Int32]) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        self.set = set
    }

    func block() {
        var set = set
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// The next signal; 0 or less where none came within so many microseconds.
    func next(within microseconds: UInt64?) -> Int32 {
        var set = set
        guard let microseconds else { return unsafe sigwaitinfo(&set, nil) }
        var time = timespec(tv_sec: Int(microseconds / 1_000_000), tv_nsec: Int(microseconds % 1_000_000) * 1000)
        return unsafe sigtimedwait(&set, nil, &time)
    }
}

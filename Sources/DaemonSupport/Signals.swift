import CLinux
import Glibc
package import HostSystem
import LBaaS

/// Where a daemon hears signals from.
package protocol SignalSource: Sendable {
    /// Waits for a signal, until it is woken or a time has come.
    ///
    /// - Returns: the signal; nil where there was none.
    func next(until deadline: Deadline) -> ReceivedSignal?

    /// Ends the wait, or keeps the next one from being one.
    func wake()
}

/// A signal that came.
package struct ReceivedSignal: Equatable, Sendable {
    /// What the process does about a signal.
    package enum Meaning: Sendable {
        /// It stops.
        case stop
        /// Nothing, but for a line in the log.
        case nothing
    }

    /// Its number.
    package let number: Int32
    /// Who sent it; nil where the system did.
    package let sender: Int32?

    /// A signal of this number.
    package init(_ number: Int32, sender: Int32? = nil) {
        self.number = number
        self.sender = sender
    }

    /// What the process does about it.
    package var meaning: Meaning { [SIGTERM, SIGINT, SIGQUIT].contains(number) ? .stop : .nothing }

    /// Its name, as in signal(7).
    package var name: String { Self.names.first { $0.number == number }?.name ?? "signal \(number)" }

    /// The signal as the fields of a log line.
    var fields: [Log.Field] {
        let name: Log.Field = ("signal", name)
        guard let sender else { return [name] }
        return [name, ("sender", String(sender))]
    }

    /// The signals with a name that would end a process that does nothing about them, but for those that tell of a fault in it.
    static let names: [(number: Int32, name: String)] = [
        (SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGQUIT, "SIGQUIT"), (SIGHUP, "SIGHUP"), (SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2"),
        (SIGPIPE, "SIGPIPE"), (SIGALRM, "SIGALRM"), (SIGVTALRM, "SIGVTALRM"), (SIGPROF, "SIGPROF"), (SIGIO, "SIGIO"), (SIGPWR, "SIGPWR"),
        (SIGSTKFLT, "SIGSTKFLT"), (SIGXCPU, "SIGXCPU"), (SIGXFSZ, "SIGXFSZ"),
    ]

    /// The first of the real-time signals that the C library leaves to programs, and the last.
    static let realTime: ClosedRange<Int32> = 34...64
}

/// Fetches the signals of this process.
///
/// They are blocked in every thread and fetched by the one that waits, so that nothing is ever done inside a signal handler, and no signal
/// ends the process without a word. Only the signals that tell of a fault in the program itself keep their effect.
package final class Signals: SignalSource {
    private let descriptor: Descriptor
    private let waker = Waker()

    /// Blocks the signals. To be made before any other thread, for each takes over what its maker blocks.
    ///
    /// - Throws: where the system has no descriptor for them.
    package init() throws(StartupFailure) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in ReceivedSignal.names.map(\.number) + Array(ReceivedSignal.realTime) { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = Descriptor(owning: unsafe signalfd(-1, &set, O_CLOEXEC | O_NONBLOCK))
        if descriptor.number < 0 { throw StartupFailure(.osError, "signals cannot be waited for: \(systemError())") }
    }

    package func wake() { waker.wake() }

    package func next(until deadline: Deadline) -> ReceivedSignal? {
        if let signal = read() { return signal }
        return waker.wait(until: deadline, watching: descriptor.number, for: POLLIN) == 0 ? nil : read()
    }

    private func read() -> ReceivedSignal? {
        var info = signalfd_siginfo()
        let count = unsafe Glibc.read(descriptor.number, &info, MemoryLayout<signalfd_siginfo>.size)
        guard count == MemoryLayout<signalfd_siginfo>.size else { return nil }
        // Of a signal that the system sends there is no sender.
        return ReceivedSignal(Int32(info.ssi_signo), sender: info.ssi_pid == 0 ? nil : Int32(bitPattern: info.ssi_pid))
    }
}

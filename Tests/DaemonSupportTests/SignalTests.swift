import DaemonSupport
import Dispatch
import Glibc
import HostSystem
import LBaaS
import Testing

@Suite struct SignalTests {
    /// In a process of its own, because the signals are blocked for good.
    @Test func noSignalEndsTheProcessWithoutAWord() async {
        await #expect(processExitsWith: .success) {
            let signals = try Signals()
            let left = [SIGKILL, SIGSTOP, SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH]
            let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]
            for number in Int32(1)...64 where ![32, 33].contains(number) && !(left + faults).contains(number) {
                // To this thread, for others of the test's process began before the signals were blocked.
                raise(number)
                guard let signal = signals.next(until: Deadline(in: .seconds(20))) else { exit(number) }
                guard signal.number == number, signal.sender == getpid() else { exit(100) }
                guard (signal.meaning == .stop) == [SIGTERM, SIGINT, SIGQUIT].contains(number) else { exit(101) }
            }
            // A file that grows beyond its limit is an error like others.
            var limit = rlimit(rlim_cur: 1, rlim_max: 1)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let file = tmpfile()
            let count = write(fileno(file), "ab", 2)
            exit(count == 1 && write(fileno(file), "ab", 2) == -1 && errno == EFBIG ? 0 : 102)
        }
    }

    @Test func aWaitEndsWhenItIsWokenOrItsTimeHasCome() async {
        await #expect(processExitsWith: .success) {
            let signals = try Signals()
            guard signals.next(until: Deadline(in: .milliseconds(1))) == nil else { exit(1) }
            signals.wake()
            exit(signals.next(until: Deadline(in: .seconds(3600))) == nil ? 0 : 2)
        }
    }

    @Test func aSignalHasItsName() {
        #expect(ReceivedSignal(SIGHUP).name == "SIGHUP")
        #expect(ReceivedSignal(40).name == "signal 40")
    }
}

@Suite struct WatchdogTests {
    /// In a process of its own, because what systemd tells a service is in environment variables.
    @Test func systemdHearsOfProgressAndNotOfAThreadThatHangs() async throws {
        await #expect(processExitsWith: .success) {
            let listener = try NotifySocket()
            setenv("WATCHDOG_USEC", "400000", 1)
            let monitor = ProgressMonitor()
            let participant = monitor.participant("the commit pipeline")
            // Longer than the watchdog's time, and within its own.
            participant.begin(within: .seconds(3600))
            let signals = ScriptedSignals()
            let (hangs, isEnded) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let log = Log(threshold: .error) { _, message, _ in if message.contains("hangs") { hangs.signal() } }
            guard
                startThread({
                    var daemon = Daemon(signals: signals, monitor: monitor, stopTimeout: .seconds(5), log: log)
                    _ = try? daemon.run([], whenStarted: {})
                    isEnded.signal()
                })
            else { exit(1) }
            for _ in 1...8 where !listener.hears("WATCHDOG=1", within: 20) { exit(2) }
            participant.begin(within: .zero)
            if hangs.wait(timeout: .now() + 20) == .timedOut { exit(6) }
            // What was sent before that.
            listener.drain()
            if listener.hears("WATCHDOG=1", within: 0.6) { exit(3) }
            participant.end()
            if !listener.hears("WATCHDOG=1", within: 20) { exit(4) }
            signals.send(SIGTERM)
            exit(isEnded.wait(timeout: .now() + 20) == .success ? 0 : 5)
        }
    }
}

/// The socket on which systemd would hear what this process says.
final class NotifySocket: Sendable {
    private let descriptor: Int32

    /// A socket with an abstract name, which the environment names from now on.
    init() throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        let name = "lbaas-test-\(getpid())"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: [0] + Array(name.utf8)) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard descriptor >= 0, code == 0 else { throw StartupFailure(.osError, "no socket") }
        setenv("NOTIFY_SOCKET", "@\(name)", 1)
    }

    /// Whether a message comes in that time. Others are passed over.
    func hears(_ message: String, within seconds: Double) -> Bool {
        let deadline = Deadline(in: .seconds(seconds))
        while !deadline.isOver { if next(until: deadline) == message { return true } }
        return false
    }

    /// Takes everything that is there.
    func drain() { while next(until: Deadline(in: .zero)) != nil {} }

    private func next(until deadline: Deadline) -> String? {
        guard poll([descriptor: POLLIN], until: deadline)[0] != 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}

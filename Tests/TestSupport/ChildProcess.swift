import Foundation
import Glibc
import Synchronization

/// A process that a test started. Its number is used only until it was waited for, so it never means another process.
package final class ChildProcess: Sendable {
    /// How a process ended.
    package enum End: Equatable, Sendable {
        case exit(Int32)
        case signal(Int32)
    }

    /// Its number.
    package let pid: pid_t
    private let end = Mutex<End?>(nil)

    /// Starts a program with standard output and standard error in files.
    ///
    /// - Parameter input: what its standard input is, for reading and writing.
    package init(
        _ program: String, _ arguments: [String], folder: String, input: String = "/dev/null", output: String, errors: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDWR, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        // The sockets of the tests are not for their children: a connection would outlive its end.
        for descriptor in try Self.openDescriptors where descriptor > STDERR_FILENO {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        // Swift does not see the function by which posix_spawn would change the folder.
        let words = (["env", "--chdir=\(folder)", program] + arguments).map { strdup($0) }
        let variables = Self.environment.map { strdup("\($0.key)=\($0.value)") }
        defer { (words + variables).forEach { free($0) } }
        var pid = pid_t()
        let code = posix_spawn(&pid, "/usr/bin/env", &actions, &attributes, words + [nil], variables + [nil])
        guard code == 0 else { throw systemError("cannot start \(program)", code) }
        self.pid = pid
    }

    /// The environment of the tests, without what systemd may have told them.
    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !["NOTIFY_SOCKET", "JOURNAL_STREAM", "WATCHDOG_USEC"].contains($0.key) }
    }

    /// The file descriptors of the tests. One that is closed meanwhile does no harm.
    private static var openDescriptors: [Int32] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) } }
    }

    /// How it ended; nil while it runs.
    package var ended: End? { collect(WNOHANG) }

    private func collect(_ options: Int32) -> End? {
        end.withLock { end in
            var status: Int32 = 0
            var found: pid_t = 0
            if end == nil { repeat { found = waitpid(pid, &status, options) } while found < 0 && errno == EINTR }
            if found == pid {
                let signal = status & 0x7F
                end = signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
            }
            return end
        }
    }

    /// Sends a signal, unless it ended.
    package func send(_ signal: Int32) {
        end.withLock { if $0 == nil { _ = kill(pid, signal) } }
    }

    /// Waits for its end.
    package func end(within seconds: Double = 60) async throws -> End {
        var end: End?
        try await eventually("the end of process \(pid)", within: seconds) {
            end = ended
            return end != nil
        }
        guard let end else { throw Failure("process \(pid) has no end") }
        return end
    }

    /// Ends it at once, also where the test is over time and everything that could be cancelled is.
    package func destroy() async {
        send(SIGKILL)
        _ = try? await onThread { self.collect(0) }
    }
}

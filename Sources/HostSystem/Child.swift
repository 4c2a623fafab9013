import CLinux
import Glibc

/// A program that was started. Whoever has it must see it through to its end: kill it, perhaps, and collect it.
package final class Child {
    /// How a program ended.
    package enum End: Equatable, Sendable {
        /// By itself, with this status.
        case exit(Int32)
        /// By this signal.
        case signal(Int32)
    }

    /// Why a program was not started: a code of `errno.h`.
    package struct StartFailure: Error {
        package let code: Int32
    }

    /// The PATH of Debian's services.
    static let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Its number. It is nobody else's until it is collected.
    package let pid: Int32
    /// Ready to be read when it has ended (pidfd).
    package let process: Descriptor
    private var end: End?

    /// Starts a program.
    ///
    /// It gets default signals, an empty signal mask, a process group of its own, and no descriptors but the first three.
    ///
    /// - Parameters:
    ///   - variables: its environment, besides the PATH of Debian's services: each `NAME=value`.
    ///   - input: what it reads.
    ///   - output: where it writes, errors too.
    package init(_ program: Program, variables: [String] = [], input: Int32, output: Int32) throws(StartFailure) {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        let words: [UnsafeMutablePointer<CChar>?] = unsafe ([program.path] + program.arguments).map { (word: String) in unsafe strdup(word)
        }
        let values: [UnsafeMutablePointer<CChar>?] = unsafe ([Self.path] + variables).map { (value: String) in unsafe strdup(value) }
        defer { unsafe (words + values).forEach { unsafe free($0) } }
        var pid = pid_t()
        var code = unsafe posix_spawn(&pid, program.path, &actions, &attributes, words + [nil], values + [nil])
        if code != 0 { throw StartFailure(code: code) }
        self.pid = pid
        process = Descriptor(owning: pidfd_open(pid, 0))
        code = process.number < 0 ? errno : 0
        if code == 0 { return }
        kill()
        _ = collect()
        throw StartFailure(code: code)
    }

    /// Kills what is left of its process group.
    package func kill() {
        if end == nil { Glibc.kill(-pid, SIGKILL) }
    }

    /// Waits for its end, where it has not ended yet.
    package func collect() -> End { collect(0) ?? .signal(SIGKILL) }

    /// How it ended; nil where it has not.
    package func collectIfEnded() -> End? { collect(WNOHANG) }

    private func collect(_ options: Int32) -> End? {
        var status: Int32 = 0
        var found: pid_t = 0
        if end == nil { repeat { found = unsafe waitpid(pid, &status, options) } while found < 0 && errno == EINTR }
        if found == pid {
            let signal = status & 0x7F
            end = signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal)
        }
        return end
    }
}

import CSpawn
import Glibc
import HostSystem
import Synchronization

/// A process that this one started, in a session of its own: it need not end with this one.
///
/// A thread waits for its end, so that it leaves nothing behind.
final class DetachedProcess: Sendable {
    /// Its number. It may be another process's once this one ended.
    let pid: pid_t
    private let status = Mutex<Int32?>(nil)

    /// Starts a program, looked for on the PATH of Debian's services. It has no environment but that.
    ///
    /// - Parameters:
    ///   - input: its standard input; nil for nothing.
    ///   - output: its standard output and standard error; nil for nowhere.
    init(_ program: String, _ arguments: [String], name: String? = nil, input: Int32? = nil, output: Int32? = nil) throws(ApplianceError) {
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        let words: [UnsafeMutablePointer<CChar>?] = unsafe ([name ?? program] + arguments).map { (word: String) in unsafe strdup(word) }
        let variables: [UnsafeMutablePointer<CChar>?] = unsafe [unsafe strdup(path)]
        defer { unsafe (words + variables).forEach { unsafe free($0) } }
        var pid = pid_t()
        let error = unsafe spawn_session(&pid, Self.located(program), words + [nil], variables + [nil], input ?? -1, output ?? -1)
        if error != 0 { throw .system("cannot start \(program)", error) }
        self.pid = pid
        // The thread holds the object until it is done.
        if !startThread({ self.waitForEnd() }) { throw .system("cannot make a thread", EAGAIN) }
    }

    /// The worker's own PATH may lack the folder of haproxy.
    private static func located(_ program: String) -> String {
        if program.contains("/") { return program }
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return folders.lazy.map { $0 + "/" + program }.first { unsafe access($0, X_OK) == 0 } ?? program
    }

    /// How it ended, as `waitpid` tells; nil while it runs.
    var end: Int32? { status.withLock { $0 } }

    /// Ends it at once.
    func kill() { status.withLock { if $0 == nil { _ = Glibc.kill(pid, SIGKILL) } } }

    private func waitForEnd() {
        var information = unsafe siginfo_t()
        // Not collected before the lock is held: until then the number is its own, and `kill` hits nobody else.
        while unsafe waitid(P_PID, id_t(pid), &information, Int32(WEXITED | WNOWAIT)) != 0, errno == EINTR {}
        self.status.withLock { end in
            var status: Int32 = 0
            while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
            end = status
        }
    }

    /// How much of what a program writes is kept, in bytes.
    private static let keptOutput = 1 << 20

    /// Runs a program to its end.
    ///
    /// - Returns: whether it ended with 0, and what it wrote, the first MiB of it.
    /// - Throws: where it takes longer than it may; it is ended then.
    static func run(_ program: String, _ arguments: [String], within duration: Duration) throws(ApplianceError) -> (
        ok: Bool, output: String
    ) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        if unsafe socketpair(AF_UNIX, type, 0, &ends) != 0 { throw .system("cannot make a pair of sockets") }
        defer { close(ends[0]) }
        let child: DetachedProcess
        do {
            defer { close(ends[1]) }
            child = try DetachedProcess(program, arguments, output: ends[1])
        }
        let deadline = Deadline(in: duration)
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            var descriptor = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            let count = unsafe poll(&descriptor, 1, deadline.milliseconds) > 0 ? unsafe read(ends[0], &buffer, buffer.count) : -1
            if count > 0 { output += buffer[..<min(count, keptOutput - output.count)] }
            if count == 0 { break }
            if deadline.isOver {
                child.kill()
                throw ApplianceError(
                    .late, "\(program) \(arguments.joined(separator: " ")) took more than \(duration), and was ended; raise reload_timeout")
            }
        }
        // It has closed its output, so it is about to end.
        let status = Deadline(in: duration + .seconds(1)).wait { child.end }
        return (status == 0, String(decoding: output, as: UTF8.self))
    }
}

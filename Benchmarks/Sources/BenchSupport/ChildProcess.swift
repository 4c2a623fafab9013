package import Foundation
package import Synchronization

/// A program that this one started, and stops again at the latest when nobody holds it any more.
package final class ChildProcess {
    /// The children that run now, for the one who ends them all at a signal.
    package static let running = Mutex<Set<pid_t>>([])

    package let name: String
    package let pid: pid_t
    /// What it writes, where that was asked for.
    private let output: FileHandle?
    private var status: Int32?

    /// Starts a program, found through `PATH`. What it writes goes to the log file, or where this program writes its errors; its standard
    /// output is kept to be read if so asked.
    package init(_ command: [String], log: String? = nil, readsOutput: Bool = false) throws(BenchFailure) {
        name = (command[0] as NSString).lastPathComponent
        let pipe = readsOutput ? Pipe() : nil
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        if let log { unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o600) }
        let target = pipe?.fileHandleForWriting.fileDescriptor ?? STDERR_FILENO
        unsafe posix_spawn_file_actions_adddup2(&actions, target, STDOUT_FILENO)

        // A signal that this program handles is nothing special to its children.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var pid = pid_t()
        let result = unsafe posix_spawnp(&pid, command[0], &actions, &attributes, &arguments, environ)
        guard result == 0 else { throw BenchFailure("\(command[0]) cannot be started: error \(result)") }
        self.pid = pid
        Self.running.withLock { _ = $0.insert(pid) }
        try? pipe?.fileHandleForWriting.close()
        output = pipe?.fileHandleForReading
    }

    deinit { stop() }

    /// Whether it has not ended yet.
    package var isRunning: Bool {
        if status == nil { collect(WNOHANG) }
        return status == nil
    }

    /// What it wrote and its exit status, once it has ended; 128 and more for a signal.
    package func finish() -> (output: String, status: Int) {
        let bytes = output?.readDataToEndOfFile() ?? Data()
        if status == nil { collect(0) }
        let status = status ?? 0
        return (String(decoding: bytes, as: UTF8.self), Int(status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f))
    }

    /// The next line that it writes; nil at the end. Not together with the other ways to read.
    package func readLine() -> String? {
        var line: [UInt8] = []
        while let byte = try? output?.read(upToCount: 1)?.first {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    /// Hands on each line as it is written, and waits until it has ended.
    ///
    /// - Returns: its exit status; 128 and more for a signal.
    package func readLines(_ body: (String) -> Void) -> Int {
        var line: [UInt8] = []
        while let bytes = output?.availableData, !bytes.isEmpty {
            for byte in bytes {
                if byte == UInt8(ascii: "\n") {
                    body(String(decoding: line, as: UTF8.self))
                    line = []
                } else {
                    line.append(byte)
                }
            }
        }
        return finish().status
    }

    /// Ends it with SIGTERM, and with SIGKILL where that takes over ten seconds.
    package func stop() {
        guard isRunning else { return }
        kill(pid, SIGTERM)
        guard !waitUntil(seconds: 10, { !isRunning }) else { return }
        kill(pid, SIGKILL)
        collect(0)
    }

    private func collect(_ flags: Int32) {
        var status: Int32 = 0
        guard unsafe waitpid(pid, &status, flags) == pid else { return }
        self.status = status
        Self.running.withLock { _ = $0.remove(pid) }
    }

    /// What the system says of it.
    package var figures: ProcessFigures { ProcessFigures(pid: pid) }

    /// The processor time that all its threads have used, in microseconds.
    package var cpuMicroseconds: Double { figures.cpuMicroseconds }

    /// A size in `/proc/PID/status`, such as `VmRSS`, in MB of a million bytes.
    package func megabytes(_ field: String) throws(BenchFailure) -> Double { try figures.megabytes(field) }
}

/// What the system says of a process.
package struct ProcessFigures {
    private let pid: pid_t

    package init(pid: Int32) { self.pid = pid }

    /// The processor time that all its threads have used, in microseconds. It is what `utime` and `stime` in `/proc/PID/stat` say in
    /// hundredths of a second, to the nanosecond.
    package var cpuMicroseconds: Double {
        var clock = clockid_t()
        guard unsafe clock_getcpuclockid(pid, &clock) == 0 else { return 0 }
        return nanoseconds(clock) / 1000
    }

    /// A size in `/proc/PID/status`, such as `VmRSS`, in MB of a million bytes.
    package func megabytes(_ field: String) throws(BenchFailure) -> Double {
        let lines = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        for line in lines.split(separator: "\n") where line.hasPrefix(field + ":") {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count == 3, let kibibytes = Double(words[1]) { return kibibytes * 1024 / 1e6 }
        }
        throw BenchFailure("process \(pid) has no \(field): it has ended")
    }
}

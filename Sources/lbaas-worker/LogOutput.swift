import Glibc
import HostSystem
import LBaaS
import Synchronization

/// Writes log lines to a file descriptor, from any thread.
///
/// Many threads have a line at once when a batch of jobs is committed, and would wait for each other in the system. So a thread that
/// finds another one writing leaves its line with it. That one writes whatever gathered meanwhile, with one system call.
///
/// A line that cannot be written is dropped: neither a full pipe that does not block nor a closed one stops the program.
final class LogOutput: Sendable {
    fileprivate struct Pending {
        var lines: [UInt8] = []
        var isBeingWritten = false
        /// Whether what was written last was cut off in the middle of a line.
        var isAfterFragment = false
    }

    /// Where a descriptor blocks, lines are dropped rather than gathered beyond this many bytes.
    private static let mostBytes = 1 << 20
    /// How often in a row a thread writes what others left, before it makes them wait for one last time.
    private static let mostRounds = 16

    private let descriptor: Int32
    private let style: LogLine.Style
    private let pending = Mutex(Pending())

    /// Writes lines of this style to the descriptor, which stays open as long as this object.
    init(style: LogLine.Style, descriptor: Int32 = STDERR_FILENO) {
        self.descriptor = descriptor
        self.style = style
        // A write to a closed pipe is to fail, not to end the process.
        signal(SIGPIPE, SIG_IGN)
    }

    /// The style for a format: where the descriptor is the journal, text is written the journal's way.
    ///
    /// systemd names the device and inode of the journal's stream in `JOURNAL_STREAM`, which a redirected descriptor does not match.
    static func style(
        _ format: LogFormat, descriptor: Int32 = STDERR_FILENO, journalStream: String? = environment("JOURNAL_STREAM")
    ) -> LogLine.Style {
        switch format {
        case .json: return .json
        case .text:
            var status = stat()
            let isKnown = unsafe fstat(descriptor, &status) == 0
            return isKnown && journalStream == "\(status.st_dev):\(status.st_ino)" ? .journal : .text
        }
    }

    /// A log whose lines of `level` and above are written here.
    func log(level: LogLevel) -> Log {
        Log(threshold: level) { level, message, fields in self.write(level, message, fields) }
    }

    /// Writes a line, or leaves it with the thread that writes.
    func write(_ level: LogLevel, _ message: String, _ fields: [Log.Field]) {
        var line = LogLine(style)
        line.make(level, message, fields, at: Clock.now())
        let isToWrite = pending.withLock { pending in
            if pending.lines.count < Self.mostBytes { pending.lines.append(contentsOf: line.bytes) }
            defer { pending.isBeingWritten = true }
            return !pending.isBeingWritten
        }
        if isToWrite { writePending() }
    }

    private func writePending() {
        var isCutOff: Bool?
        for _ in 0..<Self.mostRounds {
            let lines = pending.withLock { $0.take(isCutOff) }
            if lines.isEmpty { return }
            isCutOff = cutsOff(lines)
        }
        pending.withLock { pending in
            let lines = pending.take(isCutOff)
            _ = pending.take(cutsOff(lines))
        }
    }

    /// Writes lines, and tells whether the last was cut off; nil where nothing was written.
    private func cutsOff(_ lines: [UInt8]) -> Bool? {
        let written = write(lines)
        return written == 0 ? nil : written < lines.count
    }

    /// Writes bytes until all are written or the rest cannot be, and answers how many were.
    private func write(_ bytes: [UInt8]) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                if count > 0 {
                    written += count
                } else if count == 0 || errno != EINTR {
                    break
                }
            }
            return written
        }
    }
}

extension LogOutput.Pending {
    /// Takes what gathered; where that is nothing, the writing ends.
    ///
    /// - Parameter isCutOff: whether what was taken before was cut off; nil where nothing was written before.
    fileprivate mutating func take(_ isCutOff: Bool?) -> [UInt8] {
        if let isCutOff { isAfterFragment = isCutOff }
        if lines.isEmpty {
            isBeingWritten = false
            return []
        }
        defer { lines = [] }
        return isAfterFragment ? [UInt8(ascii: "\n")] + lines : lines
    }
}

/// The value of an environment variable.
func environment(_ name: String) -> String? {
    unsafe getenv(name).map { value in unsafe String(cString: value) }
}

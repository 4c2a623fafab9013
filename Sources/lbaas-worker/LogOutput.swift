import Glibc
import LBaaS
import Synchronization

/// Writes log lines to a file descriptor, each with one system call, from any thread.
///
/// A line that cannot be written is dropped: neither a full pipe that does not block nor a closed one stops the program.
final class LogOutput: Sendable {
    private let descriptor: Int32
    private let style: LogLine.Style
    /// Whether the last line was cut off in its middle.
    private let isAfterFragment = Atomic(false)

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

    /// Writes a line.
    ///
    /// No lock: each line is built by its thread and written with one call, which the system does not mix with others.
    func write(_ level: LogLevel, _ message: String, _ fields: [Log.Field]) {
        var line = LogLine(style)
        let wasFragment = isAfterFragment.load(ordering: .relaxed)
        line.make(level, message, fields, at: Clock.now(), isAfterFragment: wasFragment)
        let written = write(line.bytes)
        // Where nothing was written, what was written before still ends as it did.
        if written > 0, wasFragment || written < line.bytes.count {
            isAfterFragment.store(written < line.bytes.count, ordering: .relaxed)
        }
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

/// The value of an environment variable.
func environment(_ name: String) -> String? {
    unsafe getenv(name).map { value in unsafe String(cString: value) }
}

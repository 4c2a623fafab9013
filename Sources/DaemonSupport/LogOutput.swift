import Dispatch
import Glibc
import HostSystem
package import LBaaS
import Synchronization

/// Writes log lines to a file descriptor by a thread of its own, so that nobody who logs ever waits for whoever reads the log.
///
/// Lines gather in a buffer until the thread has written them. Where the buffer is full because the log is not read, lines are dropped;
/// how many is told in the log as soon as there is room again.
package final class LogOutput: Sendable {
    private struct Buffer {
        /// The lines.
        var lines: LogLines
        /// How many lines were dropped since the bytes were taken.
        var dropped = 0
        /// Whether the thread waits until it is woken.
        var isIdle = false
        /// Whether what was taken is not yet written.
        var isWriting = false
        /// Those who wait until all is written.
        var waiting: [DispatchSemaphore] = []
    }

    /// How many bytes of lines are kept at most.
    private static let mostBytes = 1 << 20
    /// For how long the thread lets lines gather after it has written some, so that many lines cost one system call.
    private static let gatheringTime = DispatchTimeInterval.milliseconds(3)

    private let descriptor: Int32
    private let style: LogLines.Style
    private let buffer: Mutex<Buffer>
    private let wake = DispatchSemaphore(value: 0)

    /// Writes lines of this style to the descriptor, which stays open as long as the process.
    ///
    /// - Throws: where the system has no thread to spare.
    package init(style: LogLines.Style, descriptor: Int32 = STDERR_FILENO) throws(StartupFailure) {
        self.descriptor = descriptor
        self.style = style
        buffer = Mutex(Buffer(lines: LogLines(style)))
        // A write to a closed pipe is to fail, not to end the process.
        signal(SIGPIPE, SIG_IGN)
        guard startThread({ [self] in run() }) else { throw StartupFailure(.osError, "the system has no thread to spare for the log") }
    }

    /// The style for a format: where the descriptor is the journal, text is written the journal's way.
    ///
    /// systemd names the device and inode of the journal's stream in `JOURNAL_STREAM`, which a redirected descriptor does not match.
    package static func style(
        _ format: LogFormat, descriptor: Int32 = STDERR_FILENO, journalStream: String? = environment("JOURNAL_STREAM")
    ) -> LogLines.Style {
        switch format {
        case .json: return .json
        case .text:
            var status = stat()
            let isKnown = unsafe fstat(descriptor, &status) == 0
            return isKnown && journalStream == "\(status.st_dev):\(status.st_ino)" ? .journal : .text
        }
    }

    /// A log whose lines of `level` and above are written here.
    package func log(level: LogLevel) -> Log {
        Log(threshold: level) { level, message, fields in self.write(level, message, fields) }
    }

    /// Takes a line, and never waits.
    package func write(_ level: LogLevel, _ message: String, _ fields: [Log.Field]) {
        let isToWake = buffer.withLock { buffer in
            let end = buffer.lines.bytes.count
            buffer.lines.append(level, message, fields, at: Clock.now())
            if buffer.lines.bytes.count > Self.mostBytes {
                buffer.lines.remove(from: end)
                buffer.dropped += 1
            }
            defer { buffer.isIdle = false }
            return buffer.isIdle
        }
        if isToWake { wake.signal() }
    }

    /// Waits until every line taken so far is written.
    ///
    /// - Returns: false where it was not within that time.
    @discardableResult package func flush(within limit: Duration) -> Bool {
        let isWritten = DispatchSemaphore(value: 0)
        let mustWait = buffer.withLock { buffer in
            if buffer.lines.bytes.isEmpty, buffer.dropped == 0, !buffer.isWriting { return false }
            buffer.waiting.append(isWritten)
            return true
        }
        if !mustWait { return true }
        // Not to wait until the lines have gathered.
        wake.signal()
        return isWritten.wait(timeout: .now() + limit.seconds) == .success
    }

    // MARK: The thread

    private func run() {
        var isAfterFragment = false
        while true {
            guard let (bytes, dropped) = take() else {
                wake.wait()
                continue
            }
            var lines = isAfterFragment ? [UInt8(ascii: "\n")] : []
            lines += bytes
            if dropped > 0 { lines += note(dropped) }
            let written = write(lines)
            if written > 0 { isAfterFragment = written < lines.count }
            buffer.withLock { $0.isWriting = false }
            _ = wake.wait(timeout: .now() + Self.gatheringTime)
        }
    }

    /// Takes the lines that gathered; nil where there are none.
    private func take() -> (bytes: [UInt8], dropped: Int)? {
        buffer.withLock { buffer in
            if buffer.lines.bytes.isEmpty, buffer.dropped == 0 {
                buffer.isIdle = true
                for waiter in buffer.waiting { waiter.signal() }
                buffer.waiting = []
                return nil
            }
            defer { (buffer.dropped, buffer.isWriting) = (0, true) }
            return (buffer.lines.take(), buffer.dropped)
        }
    }

    /// The line that tells how many others are missing.
    private func note(_ dropped: Int) -> [UInt8] {
        var lines = LogLines(style)
        lines.append(
            .warning, "log lines are missing here: the log was not read in time, and the buffer was full", [("lines", String(dropped))],
            at: Clock.now())
        return lines.take()
    }

    /// Writes bytes, for as long as that takes, until all are written or the rest cannot be, and answers how many were.
    private func write(_ bytes: [UInt8]) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                if count > 0 {
                    written += count
                } else if count < 0, errno == EAGAIN {
                    _ = poll([descriptor: POLLOUT], until: Deadline(in: .seconds(60)))
                } else if count == 0 || errno != EINTR {
                    break
                }
            }
            return written
        }
    }
}

/// How a log line is written.
package enum LogFormat: Sendable, CaseIterable {
    case text, json
}

/// The value of an environment variable.
package func environment(_ name: String) -> String? {
    unsafe getenv(name).map { value in unsafe String(cString: value) }
}

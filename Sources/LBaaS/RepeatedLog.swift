import Synchronization

/// Logs a condition that lasts: when it begins and when its message changes, and not each time that it is met.
public final class RepeatedLog: Sendable {
    private let log: Log
    private let last = Mutex<String?>(nil)

    /// No condition yet.
    ///
    /// - Parameter log: where the lines are written.
    public init(_ log: Log) { self.log = log }

    /// Writes a line, unless the last one since the condition began is the same.
    public func write(_ level: LogLevel, _ message: String, _ fields: [Log.Field] = []) {
        let line = fields.reduce(message) { "\($0) \($1.name)=\($1.value)" }
        let isNew = last.withLock { last in
            defer { last = line }
            return last != line
        }
        if isNew { log.write(level, message, fields) }
    }

    /// Ends the condition: where it comes back it is logged again.
    public func end() { last.withLock { $0 = nil } }
}

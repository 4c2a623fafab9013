import Synchronization

/// A trouble that may last: told of when it begins and when it becomes another, and not each time it is met again.
public final class Trouble: Sendable {
    private let log: Log
    private let told = Mutex<String?>(nil)

    /// No trouble yet.
    ///
    /// - Parameter log: where it is told.
    public init(_ log: Log) { self.log = log }

    /// Tells of the trouble, unless it was told in the same words since it began.
    public func tell(_ level: LogLevel, _ message: String, _ fields: [Log.Field] = []) {
        let words = fields.reduce(message) { "\($0) \($1.name)=\($1.value)" }
        let isNew = told.withLock { told in
            defer { told = words }
            return told != words
        }
        if isNew { log.write(level, message, fields) }
    }

    /// Takes it that the trouble is over: should it come back it is told again.
    public func isOver() { told.withLock { $0 = nil } }
}

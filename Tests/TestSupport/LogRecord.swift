public import LBaaS

/// What was logged, each line as `level message name=value …`.
public final class LogRecord: Sendable {
    private let record = Record<String>()

    /// An empty record.
    public init() {}

    /// The log that it keeps, with every level.
    public var log: Log {
        Log(threshold: .debug) { [record] level, message, fields in
            let words = ["\(level)", message] + fields.map { "\($0.name)=\($0.value)" }
            record.add(words.joined(separator: " "))
        }
    }

    /// The lines so far.
    public var lines: [String] { record.all }

    /// Whether a line has this part.
    public func contains(_ part: String) -> Bool { lines.contains { $0.contains(part) } }
}

/// How much a log line matters.
public enum LogLevel: Int, Comparable, Sendable, CaseIterable {
    case debug, info, warning, error

    /// The order of importance.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A place to log to, handed to every room that has something to say to the operator.
public struct Log: Sendable {
    /// A named value of a log line.
    public typealias Field = (name: StaticString, value: String)

    private let threshold: LogLevel
    private let sink: @Sendable (LogLevel, String, [Field]) -> Void

    /// A log whose lines of `threshold` and above go to `sink`, which may be called from any thread.
    public init(threshold: LogLevel, sink: @escaping @Sendable (LogLevel, String, [Field]) -> Void) {
        self.threshold = threshold
        self.sink = sink
    }

    /// A log that keeps nothing.
    public static let silent = Log(threshold: .error) { _, _, _ in }

    /// Microseconds, 0 or more, for a field of a line in milliseconds: `12.045`.
    package static func milliseconds(_ microseconds: Int64) -> String {
        var writer = ByteWriter(capacity: 24)
        writer.append(thousandths: UInt64(clamping: microseconds))
        return writer.text
    }

    /// Whether lines of this level are kept.
    public func wants(_ level: LogLevel) -> Bool { level >= threshold }

    /// Writes a line. Message and fields are only computed where the line is wanted.
    public func write(_ level: LogLevel, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [Field] = []) {
        if wants(level) { sink(level, message(), fields()) }
    }
}

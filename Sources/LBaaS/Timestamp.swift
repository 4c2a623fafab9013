/// A time, in microseconds since 1970 began (UTC).
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Microseconds since 1970 began.
    public let microseconds: Int64

    /// A time.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// The order in time.
    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }
}

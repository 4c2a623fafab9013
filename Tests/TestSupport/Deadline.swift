/// A point in time by which something must have happened.
public struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    /// So many seconds from now.
    public init(seconds: Double) { instant = .now + .seconds(seconds) }

    /// Whether that time has come.
    public var isOver: Bool { ContinuousClock.now >= instant }

    /// The milliseconds until then, as system calls take them; 0 when it is over.
    public var milliseconds: Int32 {
        let rest = (instant - .now).components
        return Int32(clamping: max(0, rest.seconds * 1000 + rest.attoseconds / 1_000_000_000_000_000))
    }
}

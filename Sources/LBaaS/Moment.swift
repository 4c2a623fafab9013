/// One moment by two clocks.
public struct Moment: Sendable {
    /// The time for all that is waited for and compared. It does not jump, and is of no use after the process.
    public let steady: Timestamp
    /// The time for what people read and what survives: the clock of the wall, which somebody may set.
    public let wall: Timestamp

    /// A moment.
    public init(steady: Timestamp, wall: Timestamp) {
        self.steady = steady
        self.wall = wall
    }

    /// A steady time as the clock of the wall would show it now.
    public func wall(_ time: Timestamp) -> Timestamp {
        Timestamp(microseconds: time.microseconds &+ (wall.microseconds &- steady.microseconds))
    }
}

/// A point in time by which something must have happened.
package struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    /// So long from now.
    package init(in duration: Duration) { instant = .now + duration }

    /// Whether that time has come.
    package var isOver: Bool { ContinuousClock.now >= instant }

    /// How long it is until then; nothing when it is over.
    package var rest: Duration { max(.zero, instant - .now) }

    /// The milliseconds until then as system calls take them, rounded up so that nobody wakes too early; 0 when it is over.
    package var milliseconds: Int32 {
        let (seconds, attoseconds) = rest.components
        let whole = seconds.multipliedReportingOverflow(by: 1000)
        let part = attoseconds / 1_000_000_000_000_000 + (attoseconds % 1_000_000_000_000_000 > 0 ? 1 : 0)
        return whole.overflow ? .max : Int32(clamping: whole.partialValue.addingReportingOverflow(part).partialValue)
    }
}

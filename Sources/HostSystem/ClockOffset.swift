import Synchronization

/// By how much one clock is ahead of another. It is measured by reading one after the other, which takes some time, so it changes only
/// where a measurement differs by more than that, or by what clocks drift apart in a while.
package final class ClockOffset: Sendable {
    /// The least change that is followed, in microseconds.
    package static let leastChange: Int64 = 10_000

    private let microseconds = Atomic<Int64>(0)

    /// Two clocks that show the same.
    package init() {}

    /// Takes a measurement.
    ///
    /// - Parameter measured: the difference in microseconds.
    /// - Returns: the difference to go by.
    package func follow(measured: Int64) -> Duration {
        let known = microseconds.load(ordering: .relaxed)
        if (measured &- known).magnitude < UInt64(Self.leastChange) { return .microseconds(known) }
        microseconds.store(measured, ordering: .relaxed)
        return .microseconds(measured)
    }
}

import LBaaS
import Synchronization

/// A clock that stands until it is moved.
public final class ManualClock: Sendable {
    private let microseconds = Atomic<Int64>(1_389_280_305_704_754)

    /// A clock in January 2014.
    public init() {}

    /// What it shows.
    public var now: Timestamp { Timestamp(microseconds: microseconds.load(ordering: .relaxed)) }

    /// Moves it.
    public func advance(seconds: Int64) { advance(milliseconds: seconds * 1000) }

    /// Moves it.
    public func advance(milliseconds: Int64) { microseconds.add(milliseconds * 1000, ordering: .relaxed) }
}

/// A time that stands until it is moved, with what is to be done in it.
public final class FakeTime: Sendable {
    private struct State {
        var now = ContinuousClock.now
        var timers: [(due: ContinuousClock.Instant, work: @Sendable () -> Void)] = []
    }

    private let state = Mutex(State())

    /// A time that begins now.
    public init() {}

    /// The time.
    public var now: ContinuousClock.Instant { state.withLock { $0.now } }

    /// Has something done once so much time has passed.
    public func add(_ work: @escaping @Sendable () -> Void, after delay: Duration) {
        state.withLock { $0.timers.append(($0.now + delay, work)) }
    }

    /// Lets time pass, with all that is to be done in it.
    public func advance(_ duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.timers.filter { $0.due <= state.now }
            state.timers.removeAll { $0.due <= state.now }
            return due
        }
        for timer in due { timer.work() }
    }

    /// Leaves undone what was to be done.
    public func forget() { state.withLock { $0.timers = [] } }
}

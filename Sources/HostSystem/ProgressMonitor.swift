import Synchronization

/// Tells progress from hanging, for a watchdog.
///
/// Each thread that must not hang is a participant. It says how long the step that it begins may take at most, and when the step ends. A
/// step that takes long is progress as long as it is within its own limit; a participant between two steps is idle, which is no fault.
package final class ProgressMonitor: Sendable {
    /// A thread that does work. Its steps are begun and ended by one thread at a time, without a lock.
    package final class Participant: Sendable {
        /// What it is called in `stuck`.
        package let name: String
        private let now: @Sendable () -> Duration
        /// When the step in hand must have ended, in nanoseconds of the clock; `idle` between two steps.
        private let deadline = Atomic<Int64>(idle)

        fileprivate static let idle = Int64.max

        /// A participant that no monitor watches.
        package init(name: String, now: @escaping @Sendable () -> Duration = Clock.bootTime) {
            self.name = name
            self.now = now
        }

        /// Begins a step, in place of the one in hand.
        ///
        /// - Parameter limit: the longest time that it may take.
        package func begin(within limit: Duration) { deadline.store((now() + limit).nanoseconds, ordering: .relaxed) }

        /// Ends the step in hand. The participant is idle.
        package func end() { deadline.store(Self.idle, ordering: .relaxed) }

        /// Does something as a step. Inside of another step, the time that this one takes does not count against the limit of the other.
        ///
        /// - Parameter limit: the longest time that it may take.
        package func step<Result: ~Copyable, Failure: Error>(
            within limit: Duration, _ body: () throws(Failure) -> Result
        ) throws(Failure) -> Result {
            let outer = deadline.load(ordering: .relaxed)
            let start = now()
            deadline.store((start + limit).nanoseconds, ordering: .relaxed)
            defer {
                deadline.store(outer == Self.idle ? outer : outer + (now() - start).nanoseconds, ordering: .relaxed)
            }
            return try body()
        }

        /// How long the step in hand takes beyond its limit; nil where it is within the limit, or there is none.
        package func overrun(now: Duration) -> Duration? {
            let excess = now.nanoseconds - deadline.load(ordering: .relaxed)
            return excess > 0 ? .nanoseconds(excess) : nil
        }
    }

    /// A participant that has overrun the limit of its step.
    package struct Stuck: Equatable, Sendable {
        /// Whose step it is.
        package let name: String
        /// How long it takes beyond its limit.
        package let overrun: Duration

        /// A participant of this name, and how long its step takes beyond its limit.
        package init(name: String, overrun: Duration) {
            self.name = name
            self.overrun = overrun
        }
    }

    private struct Member: Sendable {
        weak var participant: Participant?
    }

    private let now: @Sendable () -> Duration
    private let members = Mutex<[Member]>([])

    /// A monitor without participants.
    ///
    /// - Parameter now: the clock, which must not go back.
    package init(now: @escaping @Sendable () -> Duration = Clock.bootTime) { self.now = now }

    /// A new participant, which is watched as long as somebody keeps it.
    package func participant(_ name: String) -> Participant {
        let participant = Participant(name: name, now: now)
        members.withLock { members in
            members.removeAll { $0.participant == nil }
            members.append(Member(participant: participant))
        }
        return participant
    }

    /// The participants that have overrun the limits of their steps, in the order in which they were made.
    package func stuck(now: Duration) -> [Stuck] {
        members.withLock { $0.compactMap(\.participant) }.compactMap { participant in
            participant.overrun(now: now).map { Stuck(name: participant.name, overrun: $0) }
        }
    }

    /// The participants that have overrun the limits of their steps by now.
    package func stuck() -> [Stuck] { stuck(now: now()) }
}

extension Duration {
    /// The duration in nanoseconds, at most the largest number that is less than `Int64.max`.
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let sum = whole.partialValue.addingReportingOverflow(attoseconds / 1_000_000_000)
        return whole.overflow || sum.overflow ? Int64.max - 1 : min(sum.partialValue, Int64.max - 1)
    }
}

import HostSystem
import Synchronization
import Testing

/// Whether the watchdog can tell a thread that hangs from one that works.
@Suite struct ProgressMonitorTests {
    private let clock = SetClock()
    private let monitor: ProgressMonitor

    init() { monitor = ProgressMonitor(now: clock.now) }

    @Test func idleParticipantIsNeverStuck() {
        let participant = monitor.participant("commit")
        clock.set(.seconds(1_000_000_000))
        #expect(monitor.stuck() == [])
        participant.begin(within: .seconds(1))
        participant.end()
        clock.set(.seconds(2_000_000_000))
        #expect(monitor.stuck() == [])
    }

    @Test func stepIsStuckOnceItHasOverrunItsOwnLimit() {
        let quick = monitor.participant("intake")
        let slow = monitor.participant("commit")
        quick.begin(within: .seconds(2))
        slow.begin(within: .seconds(30))
        clock.set(.seconds(2))
        #expect(monitor.stuck() == [])
        clock.set(.milliseconds(2001))
        #expect(monitor.stuck() == [.init(name: "intake", overrun: .milliseconds(1))])
        clock.set(.seconds(31))
        #expect(monitor.stuck() == [.init(name: "intake", overrun: .seconds(29)), .init(name: "commit", overrun: .seconds(1))])
        quick.end()
        #expect(monitor.stuck().map(\.name) == ["commit"])
    }

    @Test func nextStepHasAFreshLimit() {
        let participant = monitor.participant("commit")
        // haproxy -c, the reload and the rollback: together more than any one of them may take.
        for start in [0, 29, 58] {
            clock.set(.seconds(start))
            participant.begin(within: .seconds(30))
            clock.set(.seconds(start + 29))
            #expect(monitor.stuck() == [])
        }
        clock.set(.seconds(89))
        #expect(monitor.stuck() == [.init(name: "commit", overrun: .seconds(1))])
    }

    @Test func timeOfAnInnerStepDoesNotCountAgainstTheOuterOne() {
        let participant = monitor.participant("commit")
        participant.step(within: .seconds(5)) {
            clock.set(.seconds(4))
            participant.step(within: .seconds(30)) {
                clock.set(.seconds(33))
                #expect(monitor.stuck() == [])
                clock.set(.seconds(35))
                #expect(monitor.stuck() == [.init(name: "commit", overrun: .seconds(1))])
            }
            #expect(monitor.stuck() == [])
            clock.set(.milliseconds(36_001))
            #expect(monitor.stuck() == [.init(name: "commit", overrun: .milliseconds(1))])
        }
        #expect(monitor.stuck() == [])
    }

    @Test func stepThatThrowsHasEnded() {
        struct Failure: Error {}
        let participant = monitor.participant("commit")
        #expect(throws: Failure.self) { try participant.step(within: .seconds(1)) { throw Failure() } }
        clock.set(.seconds(60))
        #expect(monitor.stuck() == [])
    }

    @Test func limitWithoutAnEndIsNeverOverrun() {
        let participant = monitor.participant("commit")
        participant.begin(within: .seconds(Int64.max / 2))
        clock.set(.seconds(9_000_000_000))
        #expect(monitor.stuck() == [])
    }

    @Test func participantThatNobodyKeepsIsNotWatched() {
        monitor.participant("gone").begin(within: .seconds(1))
        clock.set(.seconds(60))
        #expect(monitor.stuck() == [])
    }

    @Test func systemClockGoesOn() {
        let participant = ProgressMonitor.Participant(name: "alone")
        participant.begin(within: .zero)
        let start = Clock.bootTime()
        while Clock.bootTime() == start {}
        #expect(participant.overrun(now: Clock.bootTime()) != nil)
        #expect(participant.overrun(now: .zero) == nil)
    }
}

/// A clock that a test sets.
private final class SetClock: Sendable {
    private let time = Mutex(Duration.zero)

    func set(_ time: Duration) { self.time.withLock { $0 = time } }

    @Sendable func now() -> Duration { time.withLock { $0 } }
}

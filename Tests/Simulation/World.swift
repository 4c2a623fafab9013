import HostSystem
import LBaaS
import Synchronization
import TestSupport

/// What surrounds the core in a simulation: the power, the time, the truth about nodes, and what goes wrong next.
final class World: Sendable {
    struct State {
        /// Whether the machine is on: without power nothing has an effect any more.
        var hasPower = true
        /// After so many effects the power fails; nil for never.
        var effectsUntilCrash: Int?
        /// Nodes that do not serve, by the appliance's or the worker's checks.
        var downNodes: Set<NodeID> = []
        /// The load balancer whose groups fail, and how.
        var failing: (id: LoadBalancerID, kind: FailureKind)?
        /// Whether the appliance cannot be asked.
        var isSilent = false
        /// How many of the next writes the store refuses.
        var refusedWrites = 0
        /// Whether anything fails in this step.
        var isFailing = false
        /// Whether somebody changed the appliance since it was looked at.
        var isMeddled = false
        /// How long each call of the driver takes, in seconds.
        var callTime: Int64 = 0
        /// What is begun beside the step, each after so many calls of the appliance, the store and the listener.
        var meanwhile: [(calls: Int, body: @Sendable () -> Void)] = []
        /// How often these were called in this step.
        var calls = 0
        /// What was found wrong.
        var violations: [String] = []
    }

    enum FailureKind: CaseIterable, Sendable { case refused, partly, carriedOut }

    let clock = ManualClock()
    let lockStep: LockStep
    private let state = Mutex(State())
    private let elapsed = Atomic<Int64>(0)

    init(seed: UInt64) { lockStep = LockStep(seed: seed) }

    func with<Result: Sendable>(_ body: (inout State) -> Result) -> Result { state.withLock { body(&$0) } }

    /// Whether an effect takes place. Counts down to the crash.
    func effect() -> Bool {
        with { state in
            guard state.hasPower else { return false }
            if let left = state.effectsUntilCrash {
                if left == 0 {
                    state.hasPower = false
                    return false
                }
                state.effectsUntilCrash = left - 1
            }
            return true
        }
    }

    /// The core waits for something outside: other tasks may go on, and what is to come meanwhile comes.
    func call() {
        let begun = with { state -> [@Sendable () -> Void] in
            state.calls += 1
            let due = state.meanwhile.filter { $0.calls <= state.calls }
            state.meanwhile.removeAll { $0.calls <= state.calls }
            return due.map(\.body)
        }
        for body in begun { lockStep.start(body) }
        lockStep.mayPause()
    }

    /// Lets time pass, in seconds.
    func pass(_ seconds: Int64) {
        clock.advance(seconds: seconds)
        elapsed.add(seconds, ordering: .relaxed)
    }

    /// The time since the beginning, by which hanging is judged.
    var time: Duration { .seconds(elapsed.load(ordering: .relaxed)) }

    func violate(_ what: String) { with { $0.violations.append(what) } }
}

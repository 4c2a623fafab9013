import LBaaS
import Synchronization
import TestSupport

@testable import HealthChecks

/// The worker's checks, with the results that the world gives: what the engine decides, on the time of the world. What is found goes by a
/// mail that can be late, out of order and delivered twice.
final class SimulatedChecks: NodeChecker {
    private struct State {
        var subjects = CheckSubjects()
        var register: CheckRegister<SeededGenerator>
        /// What the engine is to do differently.
        var commands: [HealthChecker.Change] = []
        var random: SeededGenerator
        /// What was found and is not delivered.
        var mail: [HealthFindings] = []
        var delivered: [HealthFindings] = []
    }

    private let world: World
    private let start = ContinuousClock.now
    private let state: Mutex<State>

    init(_ world: World, seed: UInt64) {
        self.world = world
        var configuration = HealthChecker.Configuration()
        configuration.firstWithin = .zero
        let random = SeededGenerator(seed: seed)
        state = Mutex(State(register: CheckRegister(configuration, random: random), random: random))
    }

    func check(_ id: LoadBalancerID, _ loadBalancer: LoadBalancer?, facts: [NodeID: ServiceHealth.NodeFact]) {
        state.withLock { $0.commands += $0.subjects.follow(id, loadBalancer, facts: facts) }
    }

    /// Makes the checks that are due, and posts what they find. Commands that come meanwhile can cross with it.
    func round() {
        let (down, now, time) = (world.with { $0.downNodes }, start + world.time, world.clock.now)
        let reports = state.withLock { state in
            state.register.apply(state.commands, now: now) { _ in }
            state.commands = []
            while let check = state.register.popDue(at: now) {
                let result: CheckResult = down.contains(check.key.node) ? .failed("connect: refused") : .passed
                state.register.take(result, of: check, at: time, now: now)
            }
            return state.register.takeReports()
        }
        world.call()
        state.withLock { state in
            state.subjects.take(reports)
            if state.subjects.hasFindings { state.mail.append(state.subjects.takeFindings()) }
        }
    }

    /// Takes out what is delivered now: mostly what was posted first, and now and then something else, or the same as before.
    func delivery() -> HealthFindings? {
        state.withLock { state in
            if let twice = state.delivered.randomElement(using: &state.random), state.random.next() % 8 == 0 { return twice }
            if state.mail.isEmpty || state.random.next() % 4 == 0 { return nil }
            let place = state.random.next() % 4 == 0 ? Int.random(in: 0..<state.mail.count, using: &state.random) : 0
            let findings = state.mail.remove(at: place)
            state.delivered = state.delivered.suffix(3) + [findings]
            return findings
        }
    }

    /// Whether something is not delivered.
    var hasMail: Bool { state.withLock { !$0.mail.isEmpty } }
}

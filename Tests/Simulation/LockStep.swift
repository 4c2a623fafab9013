import Dispatch
import HostSystem
import Synchronization
import TestSupport

@testable import Controller

/// Lets tasks run one at a time, each on a thread of its own: the one that runs says where another may go on, and the seed says which. So the
/// same seed does the same again.
final class LockStep: Sendable {
    private final class Runner: Sendable {
        let mayRun = DispatchSemaphore(value: 0)
    }

    private struct State {
        var generator: SeededGenerator
        /// The task that runs; at first that of the simulation.
        var current = Runner()
        /// The tasks that may go on.
        var ready: [Runner] = []
        /// How often in a row tasks only waited.
        var idlePauses = 0

        mutating func takeNext() -> Runner {
            current = ready.remove(at: Int.random(in: 0..<ready.count, using: &generator))
            return current
        }
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(generator: SeededGenerator(seed: seed))) }

    /// The threads of the core: each is a task.
    var threads: Threads {
        Threads(
            start: { [self] body in
                start(body)
                return true
            },
            pause: { [self] in wait() })
    }

    /// Begins a task. It goes on where the one that runs lets it.
    func start(_ body: @escaping @Sendable () -> Void) {
        let runner = Runner()
        state.withLock { $0.ready.append(runner) }
        let isStarted = startThread {
            runner.mayRun.wait()
            body()
            self.end()
        }
        precondition(isStarted, "the system has no thread to spare")
    }

    private func end() {
        let next = state.withLock { state in
            state.idlePauses = 0
            return state.takeNext()
        }
        next.mayRun.signal()
    }

    /// Lets another task go on, or not, where one may.
    func mayPause() {
        let pauses = state.withLock { state in
            state.idlePauses = 0
            return !state.ready.isEmpty && Bool.random(using: &state.generator)
        }
        if pauses { pause() }
    }

    /// Lets all other tasks end.
    func finish() {
        while state.withLock({ !$0.ready.isEmpty }) { wait() }
    }

    private func wait() {
        let isStuck = state.withLock { state in
            state.idlePauses += 1
            return state.idlePauses > 10_000 || state.ready.isEmpty
        }
        precondition(!isStuck, "all tasks wait for each other")
        pause()
    }

    private func pause() {
        let (own, next) = state.withLock { state in
            let own = state.current
            state.ready.append(own)
            return (own, state.takeNext())
        }
        if own === next { return }
        next.mayRun.signal()
        own.mayRun.wait()
    }
}

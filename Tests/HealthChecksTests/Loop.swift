import Dispatch
import Foundation
import Synchronization

/// A thread that does the same again and again until nobody has this value any more. It ends before this value does.
final class Loop: Sendable {
    private let state = State()

    private final class State: Sendable {
        let isStopped = Atomic<Bool>(false)
        let end = DispatchSemaphore(value: 0)
    }

    /// - Parameter round: what it does; no longer than a moment.
    init(_ round: @escaping @Sendable () -> Void) {
        Thread.detachNewThread { [state] in
            while !state.isStopped.load(ordering: .relaxed) { round() }
            state.end.signal()
        }
    }

    deinit {
        state.isStopped.store(true, ordering: .relaxed)
        state.end.wait()
    }
}

import Dispatch
import Synchronization

/// Threads for work that blocks, such as requests to a store, with a limit of what may wait for one.
package final class WorkQueue: Sendable {
    private struct State: Sendable {
        var waiting: [@Sendable () -> Void] = []
        var isStopping = false
    }

    /// What the threads have in common.
    private final class Shared: Sendable {
        let state = Mutex(State())
        let isThere = DispatchSemaphore(value: 0)
        let running = DispatchGroup()

        /// The next work; nil at the end.
        func next() -> (@Sendable () -> Void)? {
            isThere.wait()
            return state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
        }
    }

    private let shared = Shared()
    private let threads: Int
    private let mostWaiting: Int

    /// Starts the threads, which end when this is released.
    ///
    /// - Parameters:
    ///   - threads: how many, 1 at least.
    ///   - mostWaiting: how much work may wait while all of them are busy.
    /// - Returns: nil where the system has no threads to spare.
    package init?(threads: Int, mostWaiting: Int) {
        (self.threads, self.mostWaiting) = (threads, mostWaiting)
        for _ in 0..<threads {
            shared.running.enter()
            let isStarted = startThread { [shared] in
                while let work = shared.next() { work() }
                shared.running.leave()
            }
            if isStarted { continue }
            shared.running.leave()
            end()
            return nil
        }
    }

    deinit { end() }

    /// Adds work, which is carried out in turn.
    ///
    /// - Returns: false where too much waits, or the threads are to end: then it is not carried out.
    package func add(_ work: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = shared.state.withLock { state in
            if state.isStopping || state.waiting.count >= mostWaiting { return false }
            state.waiting.append(work)
            return true
        }
        if isTaken { shared.isThere.signal() }
        return isTaken
    }

    /// Takes no more work, and ends the threads behind what waits.
    ///
    /// - Returns: false where they had not ended in that time.
    package func stop(within limit: Duration) -> Bool {
        end()
        return shared.running.wait(timeout: .now() + limit.seconds) == .success
    }

    private func end() {
        let wasStopping = shared.state.withLock { state in
            defer { state.isStopping = true }
            return state.isStopping
        }
        // Work that waits has signals of its own, which come first.
        if !wasStopping { for _ in 0..<threads { shared.isThere.signal() } }
    }
}

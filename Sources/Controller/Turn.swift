import Dispatch

/// A right that one thread has at a time. Unlike a lock's, its holder may give it away on another thread.
final class Turn: Sendable {
    private let semaphore = DispatchSemaphore(value: 1)
    private let threads: Threads

    init(_ threads: Threads) { self.threads = threads }

    /// Takes the turn if nobody has it.
    func takeIfFree() -> Bool { semaphore.wait(timeout: .now()) == .success }

    /// Takes the turn, when its holder has passed it on.
    ///
    /// - Returns: whether nobody had it.
    @discardableResult
    func take() -> Bool {
        if takeIfFree() { return true }
        if let pause = threads.pause {
            while !takeIfFree() { pause() }
        } else {
            semaphore.wait()
        }
        return false
    }

    /// Gives the turn to the next.
    func pass() { semaphore.signal() }
}

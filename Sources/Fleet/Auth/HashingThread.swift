import Dispatch
import HostSystem
import Synchronization

/// A thread that hashes passwords one after the other, so that many logins at a time take neither all processors nor all memory.
final class HashingThread: Sendable {
    /// How many may wait.
    static let mostWaiting = 16

    private let queue: WorkQueue

    /// - Throws: `failed` where the system has no thread to spare.
    init() throws(AuthError) {
        guard let queue = WorkQueue(threads: 1, mostWaiting: Self.mostWaiting) else {
            throw AuthError(.failed, "the system has no thread to spare for passwords")
        }
        self.queue = queue
    }

    /// Does something on the thread, and blocks the calling one meanwhile.
    ///
    /// - Throws: `busy` where too many wait, or it takes longer than the limit.
    func run<Value: Sendable>(within limit: Duration, _ body: @escaping @Sendable () -> Value) throws(AuthError) -> Value {
        let answer = Answer<Value>()
        let isTaken = queue.add { if !answer.isAbandoned { answer.set(body()) } }
        guard isTaken else {
            throw AuthError(.busy, "\(Self.mostWaiting) others are logging in: try again in a second", retryAfter: 1)
        }
        guard let value = answer.wait(limit) else {
            throw AuthError(.busy, "the login took longer than \(limit.seconds) s: try again", retryAfter: 1)
        }
        return value
    }

    /// What somebody waits for.
    private final class Answer<Value: Sendable>: Sendable {
        private enum State: Sendable {
            case open, abandoned
            case done(Value)
        }

        private let state = Mutex(State.open)
        private let isThere = DispatchSemaphore(value: 0)

        var isAbandoned: Bool { state.withLock { if case .abandoned = $0 { true } else { false } } }

        func set(_ value: Value) {
            state.withLock { $0 = .done(value) }
            isThere.signal()
        }

        func wait(_ limit: Duration) -> Value? {
            _ = isThere.wait(timeout: .now() + limit.seconds)
            return state.withLock { state in
                if case .done(let value) = state { return value }
                state = .abandoned
                return nil
            }
        }
    }
}

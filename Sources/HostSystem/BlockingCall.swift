import Dispatch
import Synchronization

/// Something that can block for longer than anybody may wait for it.
package enum BlockingCall {
    /// How many calls that nobody waits for any more may go on: more than these hang for the same reason.
    private static let most = 16
    private static let hanging = Atomic<Int>(0)

    /// Does something on a thread of its own.
    ///
    /// - Parameter limit: the longest wait. The thread goes on where it is over, and what it returns is lost.
    /// - Returns: what came of it; nil where it took longer, or so many others hang that it was not begun, or there is no thread for it.
    package static func run<Value: Sendable>(within limit: Duration, _ body: @escaping @Sendable () -> Value) -> Value? {
        guard hanging.load(ordering: .relaxed) < most else { return nil }
        let call = Call<Value>()
        guard startThread({ if call.end(with: body()) { hanging.subtract(1, ordering: .relaxed) } }) else { return nil }
        return call.wait(within: limit) { hanging.add(1, ordering: .relaxed) }
    }

    private final class Call<Value: Sendable>: Sendable {
        private enum State: Sendable {
            case running
            case abandoned
            case ended(Value)
        }

        private let state = Mutex(State.running)
        private let hasEnded = DispatchSemaphore(value: 0)

        /// - Returns: whether nobody waits for it any more.
        func end(with value: Value) -> Bool {
            let isAbandoned = state.withLock { state in
                if case .abandoned = state { return true }
                state = .ended(value)
                return false
            }
            hasEnded.signal()
            return isAbandoned
        }

        /// - Parameter abandon: called where the time is over, before the call can end.
        func wait(within limit: Duration, abandon: () -> Void) -> Value? {
            _ = hasEnded.wait(timeout: .now() + limit.seconds)
            return state.withLock { state in
                if case .ended(let value) = state { return value }
                state = .abandoned
                abandon()
                return nil
            }
        }
    }
}

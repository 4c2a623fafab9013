import Dispatch
import Glibc
import Synchronization

/// What is to be handed on by a thread of its own, which may be slow or stuck without holding up those who tell it something.
///
/// Whoever has something to tell changes the contents, and the thread takes from them. So what has to wait is as much as the contents
/// keep, and what is told last can replace what was told before.
package final class Outbox<Contents: Sendable>: Sendable {
    fileprivate struct State: Sendable {
        var contents: Contents
        /// How often something was told.
        var told: UInt64 = 0
        /// How much of that is handed on.
        var handedOn: UInt64 = 0
        /// Whether nothing can be handed on now.
        var isStuck = false
        var isStopping = false
        var isRunning = false
        var waiting: [(count: UInt64, semaphore: DispatchSemaphore)] = []
    }

    private let state: Mutex<State>
    private let waker = Waker()
    private let running = DispatchGroup()

    /// An outbox with these contents.
    package init(_ contents: Contents) { state = Mutex(State(contents: contents)) }

    /// Starts the thread.
    ///
    /// - Returns: false where the system has no thread to spare.
    package func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        running.enter()
        state.withLock { $0.isRunning = true }
        let isStarted = startThread {
            blockPipeSignal()
            body()
            self.end()
        }
        if !isStarted { end() }
        return isStarted
    }

    private func end() {
        state.withLock { state in
            state.isRunning = false
            state.letGo()
        }
        running.leave()
    }

    /// Tells the thread something, by changing the contents.
    package func tell<Value: Sendable>(_ change: (inout Contents) -> Value) -> Value {
        defer { waker.wake() }
        return state.withLock { state in
            state.told += 1
            return change(&state.contents)
        }
    }

    /// Looks at the contents and changes them, from the thread, or without telling anything.
    package func with<Value: Sendable>(_ body: (inout Contents) -> Value) -> Value { state.withLock { body(&$0.contents) } }
}

extension Outbox {
    /// What the thread has to do.
    package struct Order: Sendable {
        /// How much was told.
        package let told: UInt64
        /// Whether it is the last.
        package let isLast: Bool
    }

    /// How much was told by now.
    package var order: Order { state.withLock { Order(told: $0.told, isLast: $0.isStopping) } }

    /// Whether something was told that is not handed on, or the thread is to end.
    package var isWaitedFor: Bool { state.withLock { $0.told > $0.handedOn || $0.isStopping } }

    /// Whether the thread is to end.
    package var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Says that everything in an order is handed on.
    package func handedOn(_ order: Order) {
        state.withLock { state in
            state.handedOn = order.told
            state.isStuck = false
            state.letGo()
        }
    }

    /// Says that nothing can be handed on for now: nobody is to wait for it.
    package func stuck() {
        state.withLock { state in
            state.isStuck = true
            state.letGo()
        }
    }

    /// Says that it is worth waiting again.
    package func unstuck() { state.withLock { $0.isStuck = false } }

    /// Waits in the thread until something is told or the thread is to end, something happens to a descriptor, or a time has come.
    ///
    /// - Returns: what happened to the descriptor, as in poll(2).
    package func wait(until deadline: Deadline, watching descriptor: Int32 = -1) -> Int32 {
        waker.wait(until: deadline, watching: descriptor)
    }

    /// Waits until everything told so far is handed on.
    ///
    /// - Returns: false where it was not in that time, or cannot be now.
    package func flush(within limit: Duration) -> Bool {
        let semaphore = DispatchSemaphore(value: 0)
        let count: UInt64? = state.withLock { state in
            if state.handedOn >= state.told || state.isStuck || !state.isRunning { return nil }
            state.waiting.append((state.told, semaphore))
            return state.told
        }
        guard let count else { return state.withLock { $0.handedOn >= $0.told } }
        _ = semaphore.wait(timeout: .now() + limit.seconds)
        return state.withLock { state in
            state.waiting.removeAll { $0.semaphore === semaphore }
            return state.handedOn >= count
        }
    }

    /// Ends the thread, which hands on what is left where it can.
    ///
    /// - Returns: false where it had not ended in that time, or something is left.
    package func stop(within limit: Duration) -> Bool {
        state.withLock { $0.isStopping = true }
        waker.wake()
        let isOver = running.wait(timeout: .now() + limit.seconds) == .success
        return state.withLock { isOver && $0.handedOn >= $0.told }
    }
}

extension Outbox.State {
    /// Lets go whoever waits for what is handed on, or for nothing.
    fileprivate mutating func letGo() {
        for waiter in waiting where waiter.count <= handedOn || isStuck || !isRunning { waiter.semaphore.signal() }
        waiting.removeAll { $0.count <= handedOn || isStuck || !isRunning }
    }
}

extension Duration {
    /// The duration in seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// Keeps the thread from being ended by SIGPIPE when whoever reads from it goes: that is an error like others.
private func blockPipeSignal() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
}

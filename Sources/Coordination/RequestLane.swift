import Dispatch
import Etcd
import HostSystem
import Synchronization

/// A thread that sends one request after the other.
final class RequestLane: Sendable {
    private struct State: Sendable {
        var next: EtcdTransaction?
        var isOver = false
    }

    private let state = Mutex(State())
    private let isThere = DispatchSemaphore(value: 0)

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - limit: the longest that a request may take.
    ///   - answer: takes the time just before each was sent, and what came of it.
    /// - Returns: false where the system has no thread to spare.
    func start(
        _ client: EtcdClient, within limit: Duration, _ running: DispatchGroup,
        _ answer: @escaping @Sendable (Duration, Result<EtcdTransactionResult, EtcdError>) -> Void
    ) -> Bool {
        running.enter()
        let isStarted = startThread { [self] in
            while let transaction = next() {
                let sentAt = Clock.bootTime()
                let result: Result<EtcdTransactionResult, EtcdError>
                do throws(EtcdError) {
                    result = .success(try client.transact(transaction, within: limit))
                } catch {
                    result = .failure(error)
                }
                answer(sentAt, result)
            }
            running.leave()
        }
        if !isStarted { running.leave() }
        return isStarted
    }

    /// Has a request sent. The one before was answered.
    func send(_ transaction: EtcdTransaction) {
        state.withLock { $0.next = transaction }
        isThere.signal()
    }

    /// Ends the thread, behind the request under way.
    func end() {
        state.withLock { $0.isOver = true }
        isThere.signal()
    }

    private func next() -> EtcdTransaction? {
        isThere.wait()
        return state.withLock { state in
            defer { state.next = nil }
            return state.isOver ? nil : state.next
        }
    }
}

import LBaaS
import StateStore

/// Where what was decided becomes durable, one decision after the other, while the next one is decided on.
///
/// Unchecked because everything in it is touched by the holder of its turn alone.
final class DurableStage: @unchecked Sendable {
    private let store: (any DurableStore)?
    private let turn: Turn
    /// The decision that could not be made durable and was not taken back yet.
    private(set) var failed: Decision?

    /// Deleted identities that were forgotten for newer ones, and that the store is to forget with the next decision.
    private var forgotten: [LoadBalancerID] = []

    /// A stage before this store; nil where the state is kept in memory alone.
    init(_ store: (any DurableStore)?, _ threads: Threads) {
        self.store = store
        turn = Turn(threads)
    }

    /// Waits for the decision in hand to be durable or failed, and takes the turn.
    func take() { turn.take() }

    /// Takes the turn if no decision is being made durable.
    func takeIfIdle() -> Bool { turn.takeIfFree() }

    /// Gives the turn to the next.
    func pass() { turn.pass() }

    /// Makes writes durable, by the holder of the turn.
    func write(_ writes: [StateWrite]) throws(StateStoreError) {
        if writes.isEmpty { return }
        try store?.commit(writes)
    }

    /// Entries of the journal; waits for its turn.
    func journal(after revision: UInt64, limit: Int) throws(StateStoreError) -> [JournalEntry] {
        take()
        defer { pass() }
        return try store?.journal(after: revision, limit: limit) ?? []
    }

    /// Notes a decision that could not be made durable.
    func fail(_ decision: Decision) { failed = decision }

    /// Notes identities that the store is to forget.
    func forgot(_ ids: [LoadBalancerID]) { forgotten += ids }

    /// The identities that the store is to forget, which it is told now.
    func takeForgotten() -> [LoadBalancerID] {
        if forgotten.isEmpty { return [] }
        defer { forgotten = [] }
        return forgotten
    }

    /// The failed decision, which is taken back now.
    func takeFailed() -> Decision? {
        defer { failed = nil }
        return failed
    }
}

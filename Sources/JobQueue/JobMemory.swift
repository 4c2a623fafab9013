import Synchronization

/// The memory that large jobs may take, shared by all connections of a queue: pure admission, first come, first served.
///
/// A job is many times as large while it is read as on the wire. So only as many large jobs are in hand at a time as fit here; the
/// others wait in the job server.
final class JobMemory: Sendable {
    /// A packet of at most so many bytes takes none of it.
    static let smallPacket = 1 << 18

    /// A part of the memory, which is given back when nobody needs it any more.
    final class Reservation: Sendable {
        private let memory: JobMemory
        private let count: Int

        fileprivate init(_ count: Int, of memory: JobMemory) {
            self.count = count
            self.memory = memory
        }

        deinit { memory.release(count) }
    }

    private struct State {
        var free: Int
        var waiting: [Session] = []
    }

    private let size: Int
    private let state: Mutex<State>

    /// - Parameter size: the bytes of large jobs in hand at a time, as they are on the wire.
    init(size: Int) {
        self.size = size
        state = Mutex(State(free: size))
    }

    /// Reserves memory for a connection.
    ///
    /// - Parameter count: in bytes. More than there is at all counts as all.
    /// - Returns: nil where it must wait: its thread is woken when it may ask again.
    func reserve(_ count: Int, for session: Session) -> Reservation? {
        let count = min(count, size)
        let isGranted = state.withLock { state in
            let isNext = state.waiting.first.map { $0 === session } ?? true
            guard isNext, state.free >= count else {
                if !state.waiting.contains(where: { $0 === session }) { state.waiting.append(session) }
                return false
            }
            state.free -= count
            if !state.waiting.isEmpty { state.waiting.removeFirst() }
            return true
        }
        guard isGranted else { return nil }
        wakeNext()
        return Reservation(count, of: self)
    }

    /// A connection waits no longer.
    func leaves(_ session: Session) {
        state.withLock { $0.waiting.removeAll { $0 === session } }
        wakeNext()
    }

    private func release(_ count: Int) {
        state.withLock { $0.free += count }
        wakeNext()
    }

    private func wakeNext() { state.withLock { $0.waiting.first }?.wake() }
}

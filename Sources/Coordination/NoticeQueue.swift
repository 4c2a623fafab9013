import Synchronization

/// Hands notices on in order, one at a time, by the thread that brings them or by the one that is handing on others already. So a notice waits
/// for the call under way at most, and that call may bring further ones.
final class NoticeQueue: Sendable {
    private struct State: Sendable {
        var receive: (@Sendable (OwnershipNotice) -> Void)?
        var steps: [Step] = []
        var isBusy = false
    }

    /// A notice, or what is done behind those before it.
    enum Step: Sendable {
        case notice(OwnershipNotice)
        case work(@Sendable () -> Void)
    }

    private let state = Mutex(State())

    func start(_ receive: @escaping @Sendable (OwnershipNotice) -> Void) { state.withLock { $0.receive = receive } }

    /// Hands on nothing any more.
    func end() { state.withLock { $0.receive = nil } }

    func tell(_ notices: [OwnershipNotice]) {
        add(notices.map { .notice($0) })
        run()
    }

    /// Adds steps. They are taken by the next `run`, or by the one under way.
    func add(_ steps: [Step]) { state.withLock { $0.steps += steps } }

    /// Takes the steps.
    func run() {
        guard begin() else { return }
        while let (step, receive) = next() {
            switch step {
            case .notice(let notice): receive?(notice)
            case .work(let work): work()
            }
        }
    }

    private func begin() -> Bool {
        state.withLock { state in
            if state.isBusy { return false }
            state.isBusy = true
            return true
        }
    }

    private func next() -> (Step, (@Sendable (OwnershipNotice) -> Void)?)? {
        state.withLock { state in
            if state.steps.isEmpty {
                state.isBusy = false
                return nil
            }
            return (state.steps.removeFirst(), state.receive)
        }
    }
}

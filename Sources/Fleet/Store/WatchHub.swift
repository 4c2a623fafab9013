import Dispatch
import HostSystem
import Synchronization

/// What a watch hub reads changes from.
protocol ChangeSource: AnyObject, Sendable {
    /// How long the thread waits where nobody tells it of a change.
    var pollInterval: Duration { get }

    /// Deletes the keys whose lifetime is over, and looks whether anything may have changed since it was asked last.
    func refresh() -> Bool

    /// The next changes behind a revision, all up to another one. There are more behind that one where it is not the newest.
    ///
    /// - Throws: `compacted` where they are not known; other errors where they cannot be read now.
    func changes(of prefix: String, after revision: Int) throws(FleetStoreError) -> ChangeBatch
}

/// Changes behind a revision.
struct ChangeBatch {
    /// The changes, in the order of their revisions.
    var changes: [StoreChange]
    /// Up to which revision these are all.
    var revision: Int
    /// The revision of the store.
    var newest: Int
}

/// Tells the watches of a store within this process, by one thread for all, which runs from the first watch on.
final class WatchHub: Sendable {
    private let watchers = Outbox<[Watcher]>([])
    private let isStarted = Mutex(false)

    deinit { _ = watchers.stop(within: .zero) }

    /// Says that something was committed.
    func wake() { if isStarted.withLock({ $0 }) { watchers.tell { _ in } } }

    /// Begins a watch.
    func watch(
        _ source: some ChangeSource, _ prefix: String, after revision: Int, _ receive: @escaping @Sendable (StoreUpdate) -> Void
    ) throws(FleetStoreError) -> StoreWatch {
        try StoreLimits.check(prefix: prefix)
        let watcher = Watcher(prefix: prefix, position: revision, receive: receive)
        watchers.tell { $0.append(watcher) }
        let isRunning = isStarted.withLock { isStarted in
            if !isStarted { isStarted = start(source) }
            return isStarted
        }
        guard isRunning else { throw FleetStoreError(.exhausted, "the system has no thread to spare for watches of the store") }
        return StoreWatch(end: { watcher.end() }, wait: { watcher.telling.wait(timeout: .now() + $0.seconds) == .success })
    }

    private func start(_ source: some ChangeSource) -> Bool {
        watchers.start { [weak source, watchers] in
            while !watchers.isStopping {
                let order = watchers.order
                let isTold = watchers.isWaitedFor
                var interval = Duration.zero
                if let source {
                    interval = source.pollInterval
                    if source.refresh() || isTold { Self.tell(watchers.with { $0 }, from: source) }
                } else {
                    break
                }
                watchers.with { $0.removeAll(where: \.isOver) }
                watchers.handedOn(order)
                _ = watchers.wait(until: Deadline(in: interval))
            }
        }
    }

    private static func tell(_ watchers: [Watcher], from source: some ChangeSource) {
        for watcher in watchers { watcher.tell(from: source) }
    }
}

/// A watch of a hub.
private final class Watcher: Sendable {
    private struct State: Sendable {
        var position: Int
        var isOver = false
    }

    private let prefix: String
    private let state: Mutex<State>
    private let receive: @Sendable (StoreUpdate) -> Void
    /// Entered while an update is being told.
    let telling = DispatchGroup()

    init(prefix: String, position: Int, receive: @escaping @Sendable (StoreUpdate) -> Void) {
        self.prefix = prefix
        state = Mutex(State(position: position))
        self.receive = receive
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    func end() { state.withLock { $0.isOver = true } }

    /// Tells all there is. What cannot be read now is told the next time.
    func tell(from source: some ChangeSource) {
        var isBehind = true
        while isBehind {
            let position: Int? = state.withLock { state in
                if state.isOver { return nil }
                telling.enter()
                return state.position
            }
            guard let position else { return }
            defer { telling.leave() }
            do throws(FleetStoreError) {
                let batch = try source.changes(of: prefix, after: position)
                if !batch.changes.isEmpty { receive(.changes(batch.changes, revision: batch.revision)) }
                state.withLock { $0.position = batch.revision }
                isBehind = batch.revision < batch.newest
            } catch {
                isBehind = false
                if error.code == .compacted {
                    receive(.lost(error))
                    end()
                }
            }
        }
    }
}

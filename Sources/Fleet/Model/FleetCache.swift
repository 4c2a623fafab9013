import Dispatch
package import FleetStore
import HostSystem
package import LBaaS
import Synchronization

/// Everything that the store has of a fleet, in the memory of a server. One watch of the store feeds it, so that what is read at a time is of
/// one revision.
///
/// Any thread may use it. What it costs to follow a change does not depend on how much there is.
package final class FleetCache: Sendable {
    /// What changed.
    package struct Change: Sendable {
        /// The revision of the store from now on.
        package let revision: Int
        /// What was put or deleted; empty for a reset.
        package let keys: [FleetKey]
        /// Whether everything was read again: anything can have changed.
        package let isReset: Bool
    }

    /// Whoever waits for a revision.
    fileprivate struct Waiter {
        let revision: Int
        let semaphore: DispatchSemaphore
    }

    fileprivate struct Contents {
        var state: FleetState
        var waiters: [Waiter] = []
        var observers: [@Sendable (Change) -> Void] = []
        var watch: StoreWatch?
        var isStopped = false
    }

    private let store: any FleetStore
    private let log: Log
    private let contents: Mutex<Contents>
    /// The records of a batch of changes are read with it.
    private let reader: Mutex<ReaderBox>
    /// Reads everything again after a loss.
    private let resets = Outbox(false)

    /// The longest time that a page of the first reading may take.
    private static let readLimit: Duration = .seconds(10)

    /// A cache, which is empty until `start`.
    ///
    /// - Throws: `exhausted` where there is no memory for it.
    package init(_ store: any FleetStore, groups: [FleetGroup], log: Log = .silent) throws(FleetStoreError) {
        guard let reader = RecordReader() else { throw FleetStoreError(.exhausted, "there is no memory to read records of the store") }
        (self.store, self.log) = (store, log)
        contents = Mutex(Contents(state: FleetState(groups: groups)))
        self.reader = Mutex(ReaderBox(reader: reader))
    }

    deinit {
        contents.withLock { $0.watch }?.cancel()
        _ = resets.stop(within: .zero)
    }

    /// Reads everything, and follows the store from then on.
    package func start() throws(FleetStoreError) {
        try readAll()
        let isStarted = resets.start { [weak self, resets] in
            var backoff = Backoff(maximum: 2)
            while !resets.isStopping {
                if resets.with({ $0 }), let self {
                    do throws(FleetStoreError) {
                        try self.readAll()
                        backoff = Backoff(maximum: 2)
                    } catch {
                        self.log.write(.warning, "the store cannot be read again", [("reason", error.message)])
                        _ = resets.wait(until: Deadline(in: .seconds(backoff.next(share: .random(in: 0...1)))), watching: -1)
                        continue
                    }
                }
                _ = resets.wait(until: Deadline(in: .seconds(60)), watching: -1)
            }
        }
        if !isStarted { throw FleetStoreError(.exhausted, "the system has no thread to spare to follow the store") }
    }

    /// Follows the store no longer.
    package func stop() {
        let watch = contents.withLock { contents in
            contents.isStopped = true
            return contents.watch.take()
        }
        watch?.cancel()
        _ = watch?.join(within: .seconds(1))
        _ = resets.stop(within: .seconds(1))
    }
}

extension FleetCache {
    /// Looks at the fleet as of one revision. What is done meanwhile holds up the watch: it must be short, and not block.
    package func read<Value>(_ body: (FleetState) throws -> Value) rethrows -> Value where Value: Sendable {
        try contents.withLock { try body($0.state) }
    }

    /// The revision that it has.
    package var revision: Int { contents.withLock { $0.state.revision } }

    /// Waits until it has a revision of the store, such as that of a commit.
    ///
    /// - Returns: false where it had not in that time.
    package func wait(for revision: Int, within limit: Duration) -> Bool {
        let semaphore = DispatchSemaphore(value: 0)
        let isThere = contents.withLock { contents in
            if contents.state.revision >= revision { return true }
            contents.waiters.append(Waiter(revision: revision, semaphore: semaphore))
            return false
        }
        if isThere { return true }
        let isSignalled = semaphore.wait(timeout: .now() + limit.seconds) == .success
        if !isSignalled { contents.withLock { $0.waiters.removeAll { $0.semaphore === semaphore } } }
        return isSignalled
    }

    /// Has somebody told of each change, from now on, by the thread that follows the store: it must return soon. The cache has the change
    /// when it is told.
    package func observe(_ observer: @escaping @Sendable (Change) -> Void) { contents.withLock { $0.observers.append(observer) } }

    /// Reads everything, and begins a watch.
    private func readAll() throws(FleetStoreError) {
        var entries: [StoreEntry] = []
        var revision: Int?
        for prefix in FleetKey.prefixes {
            let page = try store.all(prefix, within: Self.readLimit)
            entries += page.entries
            revision = revision ?? page.revision
        }
        let first = revision ?? 0
        // A page behind the first can have what was put later; the watch tells of it again.
        reader.withLock { box in
            var state = FleetState(groups: contents.withLock { Array($0.state.groups.values) })
            for entry in entries { _ = state.apply(.put(entry), box.reader) }
            state.revision = first
            state.noteDeletions()
            publish(state)
        }
        // Before the watch, which can be lost at once.
        resets.with { $0 = false }
        let watch: StoreWatch
        do throws(FleetStoreError) {
            watch = try store.watch("", after: first) { [weak self] in self?.follow($0) }
        } catch {
            resets.with { $0 = true }
            throw error
        }
        let isStopped = contents.withLock { contents in
            if !contents.isStopped { contents.watch = watch }
            return contents.isStopped
        }
        if isStopped { watch.cancel() }
    }

    private func follow(_ update: StoreUpdate) {
        switch update {
        case .changes(let changes, let revision):
            reader.withLock { box in
                // No copy is made: nobody else has the state meanwhile.
                let (keys, observers) = contents.withLock { contents in
                    let keys = changes.compactMap { contents.state.apply($0, box.reader) }
                    contents.state.revision = max(revision, contents.state.revision)
                    contents.letGo()
                    return (keys, contents.observers)
                }
                if !keys.isEmpty { for observer in observers { observer(Change(revision: revision, keys: keys, isReset: false)) } }
            }
        case .lost(let error):
            log.write(
                .warning, "the changes of the store are not known any more, and everything is read again", [("reason", error.message)])
            resets.tell { $0 = true }
        }
    }

    private func publish(_ state: FleetState) {
        let observers = contents.withLock { contents in
            contents.state = state
            contents.letGo()
            return contents.observers
        }
        for observer in observers { observer(Change(revision: state.revision, keys: [], isReset: true)) }
    }
}

extension FleetCache.Contents {
    /// Lets go whoever waits for what is there.
    fileprivate mutating func letGo() {
        if waiters.isEmpty { return }
        for waiter in waiters where waiter.revision <= state.revision { waiter.semaphore.signal() }
        waiters.removeAll { $0.revision <= state.revision }
    }
}

/// A reader of records, which is used by one thread at a time.
private struct ReaderBox: ~Copyable, @unchecked Sendable {
    // It is only reached under the lock that the box is in.
    let reader: RecordReader
}

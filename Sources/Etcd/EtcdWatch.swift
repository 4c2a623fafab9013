import Dispatch
import HostSystem

/// A watch of keys, which ends when it is cancelled or released.
package final class EtcdWatch: Sendable {
    /// What a watch tells.
    package enum Update: Sendable {
        /// What all keys of the range have: at first, and after an interruption of which the changes are not known. Keys that are not in it are
        /// gone. `isRollback` is true where the store is older than what the watch has told before: it was restored from a backup,
        /// or is another one.
        case snapshot(EtcdSnapshot, isRollback: Bool)
        /// The changes up to this revision, in order.
        case changes([EtcdChange], revision: Int)
        /// The endpoint sends what follows on this revision. It proves nothing: an endpoint without a leader says so too.
        case opened(revision: Int)
        /// Nothing changed up to this revision.
        case progress(revision: Int)
        /// The connection is lost, or nothing came for too long. The watch goes on with the next endpoint.
        case interrupted(EtcdError)
        /// A watch behind a revision is over, because the changes behind it are not known, or the store is older than it was: `compacted`; or
        /// because they are too many for a message: `tooLarge`.
        case lost(EtcdError)
    }

    private let stream: WatchStream
    private let running: DispatchGroup

    private init(_ stream: WatchStream, _ running: DispatchGroup) { (self.stream, self.running) = (stream, running) }

    static func start(_ stream: WatchStream, _ body: @escaping @Sendable () -> Void) throws(EtcdError) -> EtcdWatch {
        let running = DispatchGroup()
        running.enter()
        let isStarted = startThread {
            body()
            running.leave()
        }
        guard isStarted else {
            running.leave()
            throw EtcdError(.exhausted, "the system has no thread to spare for a watch")
        }
        return EtcdWatch(stream, running)
    }

    deinit { stream.cancel() }

    /// Ends the watch and closes its connection. A call of `receive` that is under way goes on.
    package func cancel() { stream.cancel() }

    /// Waits until the thread of a cancelled watch has ended: nothing is told any more then. Not to be called from `receive`.
    ///
    /// - Returns: false where it had not ended in that time.
    package func join(within limit: Duration) -> Bool { running.wait(timeout: .now() + limit.seconds) == .success }
}

/// What the thread of a watch does.
struct Watcher: Sendable {
    let client: EtcdClient
    let range: EtcdRange
    let stream: WatchStream
    /// What is behind this revision is told; nil where all is read first.
    let start: Int?
    let silence: Duration
    /// The longest time for a connection and the first message.
    let openLimit: Duration
    let receive: @Sendable (EtcdWatch.Update) -> Void

    /// The pauses between tries: from the first, twice as long each time up to the longest.
    private static let pauses = (first: Duration.milliseconds(10), longest: Duration.milliseconds(250))

    /// What is known of the store.
    private struct Position {
        /// What follows is asked for; nil where all is read first.
        var revision: Int?
        /// The newest revision that was seen.
        var newest = 0
        var token: String?
    }

    func run() {
        let rotation = Rotation(client.endpoints)
        var position = Position(revision: start, newest: start ?? 0)
        var pause = Self.pauses.first
        while !stream.isCancelled {
            do throws(EtcdError) {
                if start != nil {
                    try checkRevision(position)
                } else if position.revision == nil {
                    try read(&position)
                    pause = Self.pauses.first
                }
                try follow(on: rotation.current, &position) { pause = Self.pauses.first }
                continue
            } catch {
                stream.close()
                rotation.leave(rotation.current)
                if stream.isCancelled { return }
                if start != nil, [.compacted, .tooLarge].contains(error.code) {
                    receive(.lost(error))
                    return
                }
                receive(.interrupted(error))
                switch error.code {
                // Any endpoint tells the changes behind a revision.
                case _ where start != nil && error.code != .unauthenticated: break
                // What changed meanwhile is not known, or the endpoint cannot tell.
                case .compacted, .timedOut, .unavailable, .invalidAnswer, .tooLarge: position.revision = nil
                case .unauthenticated: position.token = try? client.token(renewing: position.token, within: .seconds(5))
                default: break
                }
            }
            stream.pause(pause)
            pause = min(pause * 2, Self.pauses.longest)
        }
    }

    /// Checks that the store has the newest revision that was seen. One that is older would tell nothing until it had it again.
    private func checkRevision(_ position: Position) throws(EtcdError) {
        // Any key will do, as long as the user may read it.
        let revision = try client.range(.key(range.description), within: openLimit).revision
        if revision < position.newest {
            throw EtcdError(
                .compacted,
                "watch of \(range): the store is at revision \(revision) and was at \(position.newest): it was restored from a backup, or is "
                    + "another one")
        }
    }

    /// Reads everything.
    private func read(_ position: inout Position) throws(EtcdError) {
        let snapshot = try client.rangeAll(range, within: openLimit)
        if stream.isCancelled { return }
        receive(.snapshot(snapshot, isRollback: snapshot.revision < position.newest))
        position.revision = snapshot.revision
        position.newest = snapshot.revision
    }

    /// Tells what comes, until the stream ends.
    private func follow(on endpoint: EtcdEndpoint, _ position: inout Position, _ worked: () -> Void) throws(EtcdError) {
        guard let revision = position.revision, !stream.isCancelled else { return }
        if position.token == nil { position.token = try client.token(renewing: nil, within: .seconds(5)) }
        stream.open(
            RequestWriting.watch(range, from: revision + 1), as: RequestName(endpoint: endpoint, operation: "watch of \(range)"),
            token: position.token, connectLimit: openLimit)
        defer { stream.close() }
        var deadline = Deadline(in: openLimit)
        while case .message(let message) = try stream.next(until: deadline) {
            deadline = Deadline(in: silence)
            if let failure = stream.failure(message) { throw failure }
            switch message {
            case .created(let revision):
                // The endpoint is behind the others, or the store is older than it was: reading everything tells which.
                if revision < position.newest {
                    throw EtcdError(.unavailable, "\(endpoint): watch of \(range): revision \(revision) is older than \(position.newest)")
                }
                receive(.opened(revision: revision))
            case .changes(let changes, let revision):
                worked()
                // A revision is told whole, so the next one is what to go on with.
                position.revision = revision
                position.newest = max(position.newest, revision)
                receive(.changes(changes, revision: revision))
            case .progress(let revision):
                worked()
                position.revision = max(position.revision ?? 0, revision)
                position.newest = max(position.newest, revision)
                receive(.progress(revision: revision))
            case .cancelled, .failure: break
            }
        }
    }
}

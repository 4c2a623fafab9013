import Glibc
import HostSystem
import LBaaS
import Synchronization

/// Stores load balancers' logs in an object store.
///
/// A log is a row of segments, each of which becomes an object, `ENDPOINT/BASEPATH/ID/haproxy-UTC.log.gz` with the time at which it was
/// begun; a log that is shorter than a quarter of its limit is one. What is stored goes from the disk. What is not stays, and is stored under
/// the same name with the next archive, so that no line is lost and none is there twice, also where a store took an object and its answer
/// was lost. Lines that come in meanwhile go to the next archive. Where nothing was logged an object without lines is stored, so
/// that every archive that went well has one.
struct Archive: Sendable {
    private let collector: LogCollector
    private let log: Log
    private let endpoints: ArchiveEndpoints
    private let patience: Patience
    private let now: @Sendable () -> Timestamp
    private let turns = Turns()

    /// Archives of what this collector keeps.
    ///
    /// - Parameter endpoints: which stores are allowed.
    init(
        of collector: LogCollector, to endpoints: ArchiveEndpoints, log: Log, patience: Patience = Patience(),
        now: @escaping @Sendable () -> Timestamp = Clock.now
    ) {
        self.collector = collector
        self.endpoints = endpoints
        self.log = log
        self.patience = patience
        self.now = now
    }

    /// Stores the log of a load balancer, up to now. Of two at a time for one load balancer, one waits for the other.
    ///
    /// - Parameter frontend: the name in `log-tag`.
    /// - Throws: where not all of it could be stored, after 100 s at the latest.
    func store(_ order: ArchiveOrder, frontend: String) throws(DriverError) {
        let deadline = ContinuousClock.now + patience.archive
        let store = try ObjectStore.of(order, endpoints: endpoints, patience: patience, deadline: deadline)
        try turns.take(frontend) { () throws(DriverError) in
            try store.makeContainer()
            // What an archive before left comes first. Were a new segment begun before that is stored, a store that is away for days
            // would make one for each try.
            let old = try send(collector.sealed(of: frontend), of: frontend, to: store, for: order)
            let new = try send(collector.seal(frontend), of: frontend, to: store, for: order)
            if old + new == 0 { tell(try store.store(nil, begun: now()), order) }
        }
    }
}

extension Archive {
    /// Stores segments one after the other; how many it stored.
    private func send(_ segments: [LogSegment], of frontend: String, to store: borrowing ObjectStore, for order: ArchiveOrder)
        throws(DriverError) -> Int
    {
        var count = 0
        for segment in segments {
            let descriptor = unsafe open(segment.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            // The log grew beyond its limit meanwhile, or the load balancer was deleted.
            if descriptor < 0, errno == ENOENT { continue }
            let file: Descriptor
            do throws(ApplianceError) {
                file = try Descriptor(descriptor, "cannot read \(segment.path)")
            } catch {
                throw DriverError("the log cannot be archived: \(error.message); look at the disk")
            }
            tell(try store.store(file, begun: segment.begun), order)
            collector.remove(segment, of: frontend)
            count += 1
        }
        return count
    }

    private func tell(_ stored: (path: String, length: Int), _ order: ArchiveOrder) {
        log.write(
            .info, "log archived",
            [("load_balancer", order.loadBalancer.text), ("object", stored.path), ("bytes", "\(stored.length)"), ("store", order.endpoint)])
    }
}

/// Lets those that ask for the same name go one after the other.
private final class Turns: Sendable {
    private final class Turn: Sendable {
        let lock = Mutex(())
    }

    private let turns = Mutex<[String: (turn: Turn, users: Int)]>([:])

    /// Does something while nobody else does for that name.
    func take<Failure: Error>(_ name: String, _ body: () throws(Failure) -> Void) throws(Failure) {
        let turn = turns.withLock { turns in
            let entry = turns[name] ?? (Turn(), 0)
            turns[name] = (entry.turn, entry.users + 1)
            return entry.turn
        }
        defer {
            turns.withLock { turns in
                guard let entry = turns[name] else { return }
                turns[name] = entry.users == 1 ? nil : (entry.turn, entry.users - 1)
            }
        }
        try turn.lock.withLock { _ throws(Failure) in try body() }
    }
}

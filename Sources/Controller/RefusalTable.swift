import LBaaS
import Requests
import Synchronization

/// The last requests about each load balancer that were refused.
final class RefusalTable: Sendable {
    /// A request that was refused.
    struct Entry: Sendable {
        /// Whose load balancer.
        let id: LoadBalancerID
        /// Who made it.
        let origin: Origin
        /// What it wanted: the action of a job.
        let action: String
        /// Why it was refused.
        let sentence: String
        /// When.
        let time: Timestamp
        /// The revision of the state then.
        let revision: UInt64
    }

    /// How many are remembered, of all load balancers.
    static let capacity = 256
    /// Of how many load balancers of one request it is remembered.
    private static let mostOfOne = 16

    private let entries = Mutex<[Entry]>([])

    /// Remembers a request that was refused.
    func note(_ change: WantedChange, by origin: Origin, _ refusal: Refusal, at time: Timestamp, revision: UInt64) {
        let new = change.loadBalancers.prefix(Self.mostOfOne).map { id in
            Entry(id: id, origin: origin, action: change.name, sentence: refusal.sentence, time: time, revision: revision)
        }
        entries.withLock { entries in
            entries += new
            if entries.count > Self.capacity { entries.removeFirst(entries.count - Self.capacity) }
        }
    }

    /// What was refused of a load balancer since a revision, the latest first.
    func entries(of id: LoadBalancerID, since revision: UInt64) -> [Entry] {
        entries.withLock { entries in entries.filter { $0.id == id && $0.revision >= revision }.reversed() }
    }
}

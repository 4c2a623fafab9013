import LBaaS
import Synchronization

/// The last operation on the appliance for each load balancer, since the start of the worker.
final class OperationTable: Sendable {
    /// An operation.
    struct Entry: Sendable {
        /// The step.
        let patch: LoadBalancerPatch
        /// When it was carried out.
        let time: Timestamp
        /// Why it failed; nil where it did not.
        let failure: String?
    }

    /// When the worker began.
    let start: Timestamp
    private let entries = Mutex<[LoadBalancerID: Entry]>([:])

    init(start: Timestamp) { self.start = start }

    subscript(id: LoadBalancerID) -> Entry? { entries.withLock { $0[id] } }

    /// Notes what became of steps. Of what is gone nothing is kept.
    func note(_ groups: [PatchGroup], _ outcomes: [GroupOutcome], at time: Timestamp) {
        entries.withLock { entries in
            for (group, outcome) in zip(groups, outcomes) {
                for patch in group.patches {
                    let isGone = patch.loadBalancer.new == nil && outcome.failure == nil
                    entries[patch.id] = isGone ? nil : Entry(patch: patch, time: time, failure: outcome.failure?.message)
                }
            }
        }
    }
}

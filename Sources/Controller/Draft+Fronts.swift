import LBaaS
import Requests

// Which states of the fronts of fleets requests carry.

extension Draft {
    /// Refuses a state that is older than one that came from the same front; nil for a change that no front sends.
    func check(_ front: FrontRevision?) throws(Refusal) {
        guard let front, let newest = changes.fronts[front.name], front.number < newest else { return }
        let name = front.name.isEmpty ? "this front" : "the front \(quoted(front.name))"
        throw Refusal(
            .precondition,
            "hpcs_revision: \(front.number) is older than \(newest), which this worker has from \(name); send the newest state, and where the"
                + " front's store was restored from a backup, with a revision above \(newest)",
            frontRevision: newest)
    }

    /// Whether a state of a front is another than the last that it sent.
    func isNew(_ front: FrontRevision) -> Bool { changes.fronts[front.name] != front.number }

    /// Takes note of the state that the change of the present revision carries.
    mutating func take(_ front: FrontRevision) {
        changes.changedFronts.insert(front.name)
        if let forgotten = changes.fronts.take(front.number, of: front.name, revision: changes.revision) {
            changes.changedFronts.insert(forgotten)
        }
    }
}

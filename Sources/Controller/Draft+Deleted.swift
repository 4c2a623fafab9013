import LBaaS
import Requests

extension Draft {
    /// Whether a job asks after what was deleted.
    func asksAfterDeleted(_ selection: Selection) -> Bool {
        switch selection {
        case .all: isEmptyByDelete
        case .named(let ids): ids.contains { self[$0] == nil && wasDeleted($0) }
        }
    }

    /// Keeps in mind whether a change leaves nothing because it is a DELETE.
    mutating func note(_ change: WantedChange) {
        switch change {
        case .update: isEmptyByDelete = false
        case .create(let loadBalancers): if !loadBalancers.isEmpty { isEmptyByDelete = false }
        case .delete: isEmptyByDelete = count == 0
        case .suspend, .enable: break
        }
    }
}

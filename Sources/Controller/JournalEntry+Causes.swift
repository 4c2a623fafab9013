import LBaaS
import Requests

extension JournalEntry {
    static func request(
        _ change: WantedChange, by origin: Origin, steps: [Transition], _ virtualIPs: VirtualIPChanges, at time: Timestamp
    ) -> JournalEntry {
        let ids = steps.map(\.id)
        var what = "\(change.name) \(ids.shown)"
        var cause = origin.source.rawValue
        if case .virtualIPs(let change, _) = change {
            let addresses = (Array(virtualIPs.requested.keys) + virtualIPs.failovers.map(\.address)).shown
            if !addresses.isEmpty { what += (steps.isEmpty ? "" : " ") + "virtual IP " + addresses }
            if case .adopt = change { cause = "cluster" }
        }
        if case .routes(let change) = change { what = "\(change.name) \(change.address?.description ?? "*")" }
        var isStored = origin.source.isStored
        if case .update = change { isStored = true }
        return JournalEntry(time: time, cause: cause, origin: origin.name, what: what, loadBalancers: ids, isStored: isStored)
    }

    static func virtualIPs(_ changed: [(address: IPAddress, fact: VirtualIPFact)], at time: Timestamp) -> JournalEntry {
        let states = changed.prefix(8).map { address, fact in
            let owner = fact.owner.map { ", owner \($0)" } ?? ""
            return "\(address) \(fact.state.rawValue)\(owner)\(fact.reason.map { " (\($0))" } ?? "")"
        }
        return JournalEntry(
            time: time, cause: "virtual_ip", what: states.joined(separator: "; ") + (changed.count > 8 ? "; … (\(changed.count))" : ""))
    }

    static func finished(_ drains: [Listener: [Drain]], at time: Timestamp) -> JournalEntry {
        let ended = drains.flatMap { listener, drains in drains.map { "\($0.endpoint) on \(listener)" } }.sorted()
        return JournalEntry(
            time: time, cause: "drain", what: "drained " + ended.prefix(8).joined(separator: ", ") + (ended.count > 8 ? ", …" : ""))
    }

    static func health(of ids: [LoadBalancerID], at time: Timestamp) -> JournalEntry {
        JournalEntry(time: time, cause: health, what: "nodes of " + ids.sorted().shown, loadBalancers: ids)
    }
}

import LBaaS
import Requests

extension JournalEntry {
    static func request(
        _ change: WantedChange, by origin: Origin, steps: [Transition], at time: Timestamp
    ) -> JournalEntry {
        let ids = steps.map(\.id)
        return JournalEntry(
            time: time, cause: origin.source.rawValue, origin: origin.name, what: "\(change.name) \(ids.shown)", loadBalancers: ids)
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

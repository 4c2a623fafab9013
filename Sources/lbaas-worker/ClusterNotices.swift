import Kubernetes
import LBaaS
import Requests

/// What was told of a cluster that is not as it should be: each thing is told once, in the log and, where it concerns one service, in the journal.
struct ClusterNotices: Sendable {
    /// Who has the journal.
    var core: (any RequestHandler)?
    private let log: Log
    private var faults: [ObjectKey: [String]] = [:]
    private var unreadable: [String: String] = [:]
    private var troubles: [String: String] = [:]
    private var fault: String?

    /// Nothing told yet.
    init(_ log: Log) { self.log = log }

    /// Of how many services a part is not served because of the objects themselves.
    var faultyServices: Int { faults.count }

    /// Tells what of services cannot be carried out because of the objects themselves.
    mutating func faults(of keys: Set<ObjectKey>, in table: ClusterTable) {
        for key in keys.sorted() {
            let found = table.faults(of: key)
            let known = faults[key] ?? []
            if found == known { continue }
            faults[key] = found.isEmpty ? nil : found
            for fault in found where !known.contains(fault) {
                log.write(.warning, "a part of a service of the cluster is not served", [("service", key.description), ("error", fault)])
                core?.remark("\(key): \(fault)", outcome: "FAIL", from: Origin(.kubernetes, name: key.description))
            }
            if found.isEmpty { log.write(.info, "all of a service of the cluster is served now", [("service", key.description)]) }
        }
    }

    /// Tells which other objects cannot be read, with the reasons: the endpoints of a slice, for example, are missed.
    mutating func unreadable(_ new: [String: String]) {
        if new == unreadable { return }
        for (object, reason) in new.sorted(by: { $0.key < $1.key }) where unreadable[object] != reason {
            log.write(.error, "an object of the cluster cannot be read; nothing of it is served", [("object", object), ("error", reason)])
            core?.remark("\(object) cannot be read: \(reason)", outcome: "FAIL", from: Origin(.kubernetes, name: object))
        }
        for object in unreadable.keys.sorted() where new[object] == nil {
            log.write(.info, "an object of the cluster can be read again, or is gone", [("object", object)])
        }
        unreadable = new
    }

    /// Tells why something of the cluster cannot be read; nil where it can.
    mutating func trouble(_ trouble: String?, at place: String) {
        if troubles[place] == trouble { return }
        troubles[place] = trouble
        if let trouble {
            log.write(.warning, "the cluster cannot be read; what is served goes on", [("what", place), ("error", trouble)])
        } else {
            log.write(.info, "the cluster can be read again", [("what", place)])
        }
    }

    /// Tells what is wrong with the cluster as a whole; nil where nothing is.
    mutating func fault(_ new: String?) {
        if let new, new != fault { log.write(.error, new) }
        fault = new
    }
}

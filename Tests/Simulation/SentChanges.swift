import LBaaS
import Requests

/// The changes that were sent, and what should be wanted by those that are durable, in the order in which they became so.
struct SentChanges {
    private struct Sent {
        let change: WantedChange
        let source: WantedState.Source
        /// What was wanted when it was sent, as a place in `history`.
        let place: Int
        var isDurable = false
        var isRefused = false
    }

    private var sent: [String: Sent] = [:]
    /// What was wanted one after the other.
    private var history = [Model()]
    /// How much of the journal was read.
    private var read = 0
    private var lastRevision: UInt64 = 0
    /// The entries of the file of which as many are wanted as can be: these changes have no name.
    var skipping: [LoadBalancer] = []
    /// Whether something was deleted.
    private(set) var hasDeleted = false

    /// What should be wanted.
    var model: Model { history[history.count - 1] }

    /// Notes a change that is sent.
    ///
    /// - Returns: its origin.
    mutating func send(_ change: WantedChange, by source: WantedState.Source) -> Origin {
        let name = "change \(sent.count)"
        sent[name] = Sent(change: change, source: source, place: history.count - 1)
        return Origin(source, name: name)
    }

    /// Takes what has become durable since.
    ///
    /// - Returns: what is wrong with it.
    mutating func follow(_ store: SimulatedStore) -> [String] {
        var faults: [String] = []
        for entry in store.journal(from: read) {
            read += 1
            if entry.revision <= lastRevision { faults.append("revision \(entry.revision) comes after \(lastRevision)") }
            lastRevision = entry.revision
            guard let source = WantedState.Source(rawValue: entry.cause) else { continue }
            let change: WantedChange
            if let known = sent[entry.origin] {
                if known.isDurable { faults.append("\(entry.origin) is durable twice") }
                if known.isRefused { faults.append("\(entry.origin) was refused and is durable") }
                sent[entry.origin]?.isDurable = true
                change = known.change
            } else {
                guard let skipped = skippedChange(entry.what) else {
                    faults.append("nobody sent \(entry.what)")
                    continue
                }
                change = skipped
            }
            take(change, by: source)
        }
        return faults
    }

    /// The change of the file that the journal tells of without a name.
    private func skippedChange(_ what: String) -> WantedChange? {
        let words = what.split(separator: " ", maxSplits: 1).map(String.init)
        let ids = Set((words.last ?? "").split(separator: ",").map { LoadBalancerID(String($0)) })
        switch words.first {
        case "UPDATE": return .update(skipping)
        case "CREATE": return .create(skipping.filter { ids.contains($0.id) })
        case "DELETE":
            let mayGo = model.entries.filter { id, entry in entry.source == .file && !skipping.contains { $0.id == id } }
            return ids.isSubset(of: mayGo.keys) ? .delete(.named(ids.sorted())) : nil
        default: return nil
        }
    }

    private mutating func take(_ change: WantedChange, by source: WantedState.Source) {
        var new = model
        new.take(change, by: source)
        if model.entries.keys.contains(where: { new.entries[$0] == nil }) { hasDeleted = true }
        history.append(new)
    }

    /// Takes the answer to a change.
    ///
    /// - Returns: what is wrong with it.
    mutating func answer(_ outcome: Outcome, to origin: Origin) -> String? {
        guard let known = sent[origin.name] else { return nil }
        switch outcome {
        case .changed:
            // What changes nothing need not be written.
            let changesNothing = history[known.place...].contains { model in
                var new = model
                new.take(known.change, by: known.source)
                return new.matches(model.entries)
            }
            return known.isDurable || changesNothing ? nil : "\(known.change.text) was answered with PASS and is not durable"
        case .refused:
            sent[origin.name]?.isRefused = true
            return known.isDurable ? "\(known.change.text) was refused and is durable" : nil
        default: return "\(known.change.text) was answered with \(outcome)"
        }
    }
}

extension WantedChange {
    /// The change, for the trace.
    var text: String {
        switch self {
        case .create(let list), .update(let list):
            name + " "
                + list.map { "\($0.id)@\($0.listener) \($0.nodes.map { "\($0.id)*\($0.weight) \($0.condition)" })" }.joined(separator: ", ")
        default: name + " " + loadBalancers.shown
        }
    }
}

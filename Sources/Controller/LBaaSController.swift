import JobMessages
import LBaaS

/// Turns what a job wants changed into steps of the wanted state, or refuses it. It does no I/O.
struct LBaaSController {
    /// The name of the driver, for the sentences.
    let driverName: String
    private let capabilities: Capabilities
    private let refusal: @Sendable (LoadBalancer) -> (field: String, reason: String)?

    /// A controller for what this driver can do.
    init(driverName: String, driver: any LoadBalancerDriver) {
        self.driverName = driverName
        capabilities = driver.capabilities
        refusal = { driver.refusal(of: $0) }
    }

    /// Decides on a change.
    ///
    /// - Parameters:
    ///   - draft: the wanted state with the changes decided on before.
    ///   - now: when new load balancers are created.
    /// - Returns: the load balancers that change, each once.
    /// - Throws: why the change is refused.
    func decide(_ change: WantedChange, on draft: Draft, now: Timestamp) throws(Refusal) -> [Transition] {
        switch change {
        case .update(let wanted): try replaceAll(with: wanted, on: draft, now: now)
        case .create(let wanted): try put(wanted, on: draft, now: now)
        case .suspend(let selection): try set(suspended: true, selection, on: draft)
        case .enable(let selection): try set(suspended: false, selection, on: draft)
        case .delete(let selection): try delete(selection, on: draft)
        }
    }

    private func replaceAll(with wanted: [LoadBalancer], on draft: Draft, now: Timestamp) throws(Refusal) -> [Transition] {
        let transitions = try put(wanted, on: draft, now: now)
        let kept = Set(wanted.map(\.id))
        // Mostly everything is kept; then the table need not be gone through.
        if draft.count == kept.count(where: { draft[$0] != nil }) { return transitions }
        return draft.ids.filter { !kept.contains($0) }.map { Transition(id: $0, old: draft[$0], new: nil) } + transitions
    }

    private func put(_ wanted: [LoadBalancer], on draft: Draft, now: Timestamp) throws(Refusal) -> [Transition] {
        var transitions: [Transition] = []
        transitions.reserveCapacity(wanted.count)
        for (index, loadBalancer) in wanted.enumerated() {
            if let missing = capabilities.missing(for: loadBalancer) {
                throw Refusal("loadBalancers[\(index)].\(missing.field): \(missing.asked) is beyond the \(driverName) driver")
            }
            let old = draft[loadBalancer.id]
            if old?.loadBalancer == loadBalancer { continue }
            if let refusal = refusal(loadBalancer) { throw Refusal("loadBalancers[\(index)].\(refusal.field): \(refusal.reason)") }
            let new = WantedState.Entry(loadBalancer: loadBalancer, createdAt: old?.createdAt ?? now)
            transitions.append(Transition(id: loadBalancer.id, index: index, old: old, new: new))
        }
        return transitions
    }

    private func set(suspended: Bool, _ selection: Selection, on draft: Draft) throws(Refusal) -> [Transition] {
        try draft.entries(of: selection).compactMap { entry in
            if entry.loadBalancer.isSuspended == suspended { return nil }
            var new = entry
            new.loadBalancer.isSuspended = suspended
            return Transition(id: entry.loadBalancer.id, old: entry, new: new)
        }
    }

    /// What was deleted already is left deleted: the job may have come twice.
    private func delete(_ selection: Selection, on draft: Draft) throws(Refusal) -> [Transition] {
        switch selection {
        case .all:
            return draft.ids.map { Transition(id: $0, old: draft[$0], new: nil) }
        case .named(let ids):
            var transitions: [Transition] = []
            for (index, id) in ids.enumerated() {
                if let old = draft[id] {
                    transitions.append(Transition(id: id, old: old, new: nil))
                } else if !draft.wasDeleted(id) {
                    throw Refusal(missing: id, index: index)
                }
            }
            return transitions
        }
    }
}

/// The step of one load balancer in the wanted state.
struct Transition {
    let id: LoadBalancerID
    /// The load balancer's place in the job, where it has one.
    var index: Int?
    let old: WantedState.Entry?
    let new: WantedState.Entry?
}

/// Why a job is refused, in a sentence.
struct Refusal: Error {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }

    /// The job names what is not there.
    init(missing id: LoadBalancerID, index: Int) {
        sentence = "loadBalancers[\(index)]: there is no load balancer \(quoted(id.text))"
    }
}

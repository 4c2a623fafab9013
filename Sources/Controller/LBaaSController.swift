import JobMessages
import LBaaS
import Requests

/// Turns what a job wants changed into steps of the wanted state, or refuses it. It does no I/O.
struct LBaaSController {
    /// The name of the driver, for the sentences.
    let driverName: String
    private let capabilities: Capabilities
    private let refusal: @Sendable (LoadBalancer) -> (field: String, reason: String)?

    /// A controller for what this driver can do, and may.
    init(driverName: String, driver: any LoadBalancerDriver, capabilities: Capabilities) {
        self.driverName = driverName
        self.capabilities = capabilities
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
        let gone = draft.ids.filter { !kept.contains($0) && !(draft[$0]?.isConfigured ?? false) }
        return gone.map { Transition(id: $0, old: draft[$0], new: nil) } + transitions
    }

    private func put(_ wanted: [LoadBalancer], on draft: Draft, now: Timestamp) throws(Refusal) -> [Transition] {
        var transitions: [Transition] = []
        transitions.reserveCapacity(wanted.count)
        for (index, loadBalancer) in wanted.enumerated() {
            let old = draft[loadBalancer.id]
            if old?.isConfigured ?? false { throw Refusal(configured: loadBalancer.id, index: index) }
            if let objection = capabilities.objection(to: loadBalancer, driverName: driverName, replacing: old?.loadBalancer) {
                throw Refusal(.unsupported, "loadBalancers[\(index)].\(objection.field): \(objection.reason)")
            }
            if old?.loadBalancer == loadBalancer { continue }
            if let refusal = refusal(loadBalancer) {
                throw Refusal(.unsupported, "loadBalancers[\(index)].\(refusal.field): \(refusal.reason)")
            }
            let new = WantedState.Entry(loadBalancer: loadBalancer, createdAt: old?.createdAt ?? now)
            transitions.append(Transition(id: loadBalancer.id, index: index, old: old, new: new))
        }
        return transitions
    }

    private func set(suspended: Bool, _ selection: Selection, on draft: Draft) throws(Refusal) -> [Transition] {
        try changeable(selection, on: draft).compactMap { entry in
            if entry.loadBalancer.isSuspended == suspended { return nil }
            var new = entry
            new.loadBalancer.isSuspended = suspended
            return Transition(id: entry.loadBalancer.id, old: entry, new: new)
        }
    }

    /// What a job means that changes: of all, those that are not the configuration file's.
    private func changeable(_ selection: Selection, on draft: Draft) throws(Refusal) -> [WantedState.Entry] {
        let entries = try draft.entries(of: selection)
        if case .all = selection { return entries.filter { !$0.isConfigured } }
        if let index = entries.firstIndex(where: \.isConfigured) { throw Refusal(configured: entries[index].loadBalancer.id, index: index) }
        return entries
    }

    /// Decides on the services of the configuration file: these, and no others of them.
    ///
    /// - Throws: where one cannot be, with its name.
    func configure(_ services: [LoadBalancer], on draft: Draft, now: Timestamp) throws(Refusal) -> [Transition] {
        var transitions: [Transition] = []
        let kept = Set(services.map(\.id))
        for id in draft.configuredIDs where !kept.contains(id) {
            if let old = draft[id], old.isConfigured { transitions.append(Transition(id: id, old: old, new: nil)) }
        }
        for service in services {
            let old = draft[service.id]
            if let old, !old.isConfigured {
                throw Refusal(
                    .conflict,
                    "[service:\(service.id.text)]: a job has made a load balancer of this id; give the service another name, or take it out"
                        + " of the file until a job has deleted that one")
            }
            let objection = capabilities.objection(to: service, driverName: driverName, replacing: old?.loadBalancer)
            if let objection = objection ?? refusal(service) {
                throw Refusal(.unsupported, "[service:\(service.id.text)] \(objection.field): \(objection.reason)")
            }
            if old?.loadBalancer == service { continue }
            let new = WantedState.Entry(loadBalancer: service, createdAt: old?.createdAt ?? now, isConfigured: true)
            transitions.append(Transition(id: service.id, old: old, new: new))
        }
        return transitions
    }

    /// What was deleted already is left deleted: the job may have come twice.
    private func delete(_ selection: Selection, on draft: Draft) throws(Refusal) -> [Transition] {
        switch selection {
        case .all:
            return try changeable(selection, on: draft).map { Transition(id: $0.loadBalancer.id, old: $0, new: nil) }
        case .named(let ids):
            var transitions: [Transition] = []
            for (index, id) in ids.enumerated() {
                if let old = draft[id] {
                    if old.isConfigured { throw Refusal(configured: id, index: index) }
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

extension Refusal {
    /// The request would change what the configuration file wants.
    init(configured id: LoadBalancerID, index: Int) {
        self.init(
            .conflict, "loadBalancers[\(index)]: \(quoted(id.text)) is a service of the configuration file; change it there")
    }

    /// The request names what is not there.
    init(missing id: LoadBalancerID, index: Int) {
        self.init(.notFound, "loadBalancers[\(index)]: there is no load balancer \(quoted(id.text))")
    }
}

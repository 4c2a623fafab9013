import LBaaS
import Requests

/// Turns what a request wants changed into steps of the wanted state, or refuses it. It does no I/O.
struct Admission {
    /// The name of the driver, for the sentences.
    let driverName: String
    /// Has the virtual IPs; nil where nobody has.
    let keeper: (any VirtualIPKeeper)?
    private let capabilities: Capabilities
    private let refusal: @Sendable (LoadBalancer) -> (field: String, reason: String)?

    /// Admission for what this driver can do, and may.
    init(driverName: String, driver: any LoadBalancerDriver, capabilities: Capabilities, keeper: (any VirtualIPKeeper)? = nil) {
        self.keeper = keeper
        self.driverName = driverName
        self.capabilities = capabilities
        refusal = { driver.refusal(of: $0) }
    }

    /// Decides on a change.
    ///
    /// - Parameters:
    ///   - origin: who wants it; what others want it cannot change.
    ///   - draft: the wanted state with the changes decided on before.
    ///   - now: when new load balancers are created.
    /// - Returns: the load balancers that change, each once.
    /// - Throws: why the change is refused.
    func decide(_ change: WantedChange, by origin: Origin, on draft: Draft, now: Timestamp) throws(Refusal) -> [Transition] {
        switch change {
        case .update(let wanted): try replaceAll(with: wanted, by: origin, on: draft, now: now)
        case .create(let wanted): try put(wanted, by: origin, on: draft, now: now)
        case .suspend(let selection): try set(suspended: true, selection, by: origin, on: draft)
        case .enable(let selection): try set(suspended: false, selection, by: origin, on: draft)
        case .delete(let selection): try delete(selection, by: origin, on: draft)
        case .routes: []
        case .virtualIPs(_, let other):
            try other.map { change throws(Refusal) in try decide(change, by: origin, on: draft, now: now) } ?? []
        }
    }

    private func replaceAll(
        with wanted: [LoadBalancer], by origin: Origin, on draft: Draft, now: Timestamp
    ) throws(Refusal) -> [Transition] {
        let transitions = try put(wanted, by: origin, on: draft, now: now)
        let kept = Set(wanted.map(\.id))
        // Mostly everything is kept; then the table need not be gone through.
        if origin.source == .jobs, draft.count == kept.count(where: { draft[$0]?.source == .jobs }) { return transitions }
        let others = origin.source == .jobs ? draft.ids : draft.ids(of: origin.source)
        let gone = others.filter { !kept.contains($0) && draft[$0]?.source == origin.source }
        return gone.map { Transition(id: $0, old: draft[$0], new: nil) } + transitions
    }

    private func put(
        _ wanted: [LoadBalancer], by origin: Origin, on draft: Draft, now: Timestamp
    ) throws(Refusal) -> [Transition] {
        var transitions: [Transition] = []
        transitions.reserveCapacity(wanted.count)
        var refusals = PartRefusals()
        for (index, loadBalancer) in wanted.enumerated() {
            let transition = refusals.part { () throws(Refusal) in try put(loadBalancer, at: index, by: origin, on: draft, now: now) }
            if let transition { transitions.append(transition) }
        }
        try refusals.check()
        return transitions
    }

    /// The step of one load balancer of a list; nil where it is so already.
    private func put(
        _ loadBalancer: LoadBalancer, at index: Int, by origin: Origin, on draft: Draft, now: Timestamp
    ) throws(Refusal) -> Transition? {
        let id = loadBalancer.id
        let old = draft[id]
        if let old, old.source != origin.source { throw Refusal(foreign: old, at: index, for: origin) }
        if let objection = capabilities.objection(to: loadBalancer, driverName: driverName, replacing: old?.loadBalancer) {
            throw Refusal(.unsupported, "\(origin.path(to: index, id, field: objection.field)): \(objection.reason)")
        }
        if let old, old.loadBalancer == loadBalancer, !old.isOutOfService { return nil }
        if let refusal = refusal(loadBalancer) {
            throw Refusal(.unsupported, "\(origin.path(to: index, id, field: refusal.field)): \(refusal.reason)")
        }
        let new = WantedState.Entry(loadBalancer: loadBalancer, createdAt: old?.createdAt ?? now, source: origin.source)
        return Transition(id: id, index: index, old: old, new: new)
    }

    private func set(
        suspended: Bool, _ selection: Selection, by origin: Origin, on draft: Draft
    ) throws(Refusal) -> [Transition] {
        try changeable(selection, by: origin, on: draft).compactMap { entry in
            if entry.loadBalancer.isSuspended == suspended { return nil }
            var new = entry
            new.loadBalancer.isSuspended = suspended
            return Transition(id: entry.loadBalancer.id, old: entry, new: new)
        }
    }

    /// What a change means: of all, those of its source.
    private func changeable(
        _ selection: Selection, by origin: Origin, on draft: Draft
    ) throws(Refusal) -> [WantedState.Entry] {
        let entries = try draft.entries(of: selection)
        if case .all = selection { return entries.filter { $0.source == origin.source } }
        if let index = entries.firstIndex(where: { $0.source != origin.source }) {
            throw Refusal(foreign: entries[index], at: index, for: origin)
        }
        return entries
    }

    /// What was deleted already is left deleted: the request may have come twice.
    private func delete(_ selection: Selection, by origin: Origin, on draft: Draft) throws(Refusal) -> [Transition] {
        switch selection {
        case .all:
            return try changeable(selection, by: origin, on: draft).map { Transition(id: $0.loadBalancer.id, old: $0, new: nil) }
        case .named(let ids):
            var transitions: [Transition] = []
            for (index, id) in ids.enumerated() {
                if let old = draft[id] {
                    if old.source != origin.source { throw Refusal(foreign: old, at: index, for: origin) }
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
    /// The load balancer's place in the request, where it has one.
    var index: Int?
    let old: WantedState.Entry?
    let new: WantedState.Entry?

    /// Whether the load balancer listens where it did.
    var listensAsBefore: Bool { old?.listener == new?.listener }
}

extension Refusal {
    /// The request would change what another source wants.
    init(foreign entry: WantedState.Entry, at index: Int, for origin: Origin) {
        let id = entry.loadBalancer.id
        let path = origin.path(to: index, id)
        switch (entry.source, origin.source) {
        case (.file, _):
            self.init(.conflict, "\(path): \(quoted(id.text)) is a service of the configuration file; change it there")
        case (.kubernetes, _):
            self.init(.conflict, "\(path): \(quoted(id.text)) is a service of the Kubernetes cluster; change it there")
        case (.keepalived, _):
            self.init(.conflict, "\(path): \(quoted(id.text)) was made by go_keepalived's API; change it there")
        case (.jobs, .file):
            self.init(
                .conflict,
                "\(path): a job has made a load balancer of this id; give the service another name, or take it out of the file until a"
                    + " job has deleted that one")
        case (.jobs, _):
            self.init(.conflict, "\(path): a job has made a load balancer of this id; it must be deleted by a job first")
        }
    }

    /// The request names what is not there.
    init(missing id: LoadBalancerID, index: Int) {
        self.init(.notFound, "loadBalancers[\(index)]: there is no load balancer \(quoted(id.text))")
    }
}

import LBaaS
import Requests

/// The state as it will be once the requests decided on so far are committed.
struct Draft {
    /// What it builds on.
    let base: BaseState
    /// What differs from that.
    var changes: Changes

    init(on base: BaseState) {
        self.base = base
        changes = base.noChanges
    }

    /// A load balancer; nil where there is none of this identity.
    subscript(id: LoadBalancerID) -> WantedState.Entry? {
        if let entry = changes.entries[id] { return entry }
        return base[id]
    }

    /// Every identity, in their order.
    var ids: [LoadBalancerID] {
        var ids = base.ids
        for (id, entry) in changes.entries {
            if entry == nil { ids.remove(id) } else { ids.insert(id) }
        }
        return ids.sorted()
    }

    /// The identities of what this source wants, as far as it was decided on before this draft, in their order.
    func ids(of source: WantedState.Source) -> [LoadBalancerID] {
        // Mostly all there is are jobs'; then the table need not be gone through.
        let mayBe = base.committed.read { snapshot in
            snapshot.wanted.entries.count == snapshot.wanted.jobCount && source != .jobs
                ? [] : snapshot.wanted.entries.filter { $0.value.source == source }.map(\.key)
        }
        let pending = base.pending?.entries.compactMap { $0.value?.source == source ? $0.key : nil } ?? []
        return Set(mayBe + pending).filter { base[$0]?.source == source }.sorted()
    }

    /// Whether there was a load balancer of this identity, and it was deleted.
    func wasDeleted(_ id: LoadBalancerID) -> Bool {
        if let entry = changes.entries[id] { return entry == nil }
        return base.wasDeleted(id)
    }

    /// Refuses a change of what is not as its client has read it, and one from a front that has sent a newer state.
    func check(_ change: WantedChange, _ options: ChangeOptions) throws(Refusal) {
        try check(change, expecting: options.expectedRevision)
        try check(options.front)
    }

    private func check(_ change: WantedChange, expecting revision: UInt64?) throws(Refusal) {
        guard let revision else { return }
        if revision == 0 {
            guard let index = change.loadBalancers.firstIndex(where: { self[$0] != nil }) else { return }
            let id = change.loadBalancers[index]
            throw Refusal(.precondition, "loadBalancers[\(index)]: \(quoted(id.text)) is there already")
        }
        for (index, id) in change.loadBalancers.enumerated() where !isUnchanged(id, since: revision) {
            throw Refusal(
                .precondition,
                "loadBalancers[\(index)]: \(quoted(id.text)) is not as it was at revision \(revision); read it again, and then change it")
        }
        for (index, address) in change.addresses.enumerated() where !isUnchanged(address, since: revision) {
            throw Refusal(
                .precondition,
                "virtualIPs[\(index)]: \(address) is not as it was at revision \(revision); read it again, and then change it")
        }
    }

    private func isUnchanged(_ address: IPAddress, since revision: UInt64) -> Bool {
        if changes.virtualIPs.requested[address] != nil || base.pending?.virtualIPs.requested[address] != nil { return false }
        return base.committed.read { snapshot in
            snapshot.wanted.virtualIPs[address] != nil && revision <= snapshot.revision && snapshot.revision(of: address) <= revision
        }
    }

    private func isUnchanged(_ id: LoadBalancerID, since revision: UInt64) -> Bool {
        if changes.entries[id] != nil { return false }
        return base.committed.read { snapshot in
            // Nobody has read what is not published. What is may still be there until the next commit.
            if let pending = base.pending, pending.revision > snapshot.revision, pending.entries[id] != nil { return false }
            return snapshot.wanted.entries[id] != nil && revision <= snapshot.revision && snapshot.revision(of: id) <= revision
        }
    }

    /// How many load balancers jobs want.
    var count: Int { changes.count }

    /// A load balancer as it should be in force.
    func effective(_ id: LoadBalancerID, _ rule: EffectiveRule) -> EffectiveState {
        let wanted = self[id]?.inService
        return rule.state(
            of: id, wanted: wanted, drains: changes.drains, health: health(of: id),
            isSilenced: self[id]?.source == .kubernetes || changes.silencedRoutes[wanted?.address] != nil)
    }

    /// Numbers a change, and notes it for the journal where it is worth an entry.
    mutating func number(_ entry: JournalEntry?) {
        changes.revision += 1
        if var entry {
            entry.revision = changes.revision
            changes.journal.append(entry)
        }
    }

    /// Has load balancers brought to the appliance though they do not change.
    mutating func settle(_ ids: some Sequence<LoadBalancerID>) { changes.unsettled.formUnion(ids) }

    /// Whether a request asks after what was deleted.
    func asksAfterDeleted(_ selection: Selection) -> Bool {
        selection.meansDeleted(isEmptyByDelete: changes.isEmptyByDelete) { self[$0] == nil && wasDeleted($0) }
    }

    /// Keeps in mind whether a change of a client leaves nothing because it is a DELETE.
    mutating func note(_ change: WantedChange) {
        switch change {
        case .update: changes.isEmptyByDelete = false
        case .create(let loadBalancers): if !loadBalancers.isEmpty { changes.isEmptyByDelete = false }
        case .delete: changes.isEmptyByDelete = count == 0
        case .virtualIPs(_, let other): if let other { note(other) }
        case .suspend, .enable, .routes: break
        }
    }

    /// The load balancers that a request means.
    ///
    /// - Throws: where it names one that is not there.
    func entries(of selection: Selection) throws(Refusal) -> [WantedState.Entry] {
        try selection.entries(all: { ids }, find: { self[$0] })
    }

    /// Takes the steps of one request.
    ///
    /// - Parameters:
    ///   - rule: what becomes of the real servers that leave.
    ///   - isForced: whether what the request takes out goes at once.
    ///   - health: of which load balancers it matters how their nodes are.
    ///   - now: the time.
    /// - Throws: where a listener is taken; then nothing is changed.
    mutating func accept(
        _ transitions: [Transition], by origin: Origin, listeners: inout ListenerTable, rule: DrainRule?, isForced: Bool,
        health: HealthRule,
        now: Timestamp
    ) throws(Refusal) {
        try move(transitions, by: origin, in: &listeners)
        if isForced { changes.forced.formUnion(transitions.lazy.map(\.id)) }
        for transition in transitions { follow(transition, health, now) }
        if let rule { drain(transitions, rule) }
        for transition in transitions {
            var new = transition.new
            new?.revision = changes.revision + 1
            if changes.entries.updateValue(new, forKey: transition.id) == nil {
                changes.order.append(transition.id)
            } else {
                changes.changedTwice.insert(transition.id)
            }
            changes.count += (transition.new?.source == .jobs ? 1 : 0) - (transition.old?.source == .jobs ? 1 : 0)
        }
    }

    /// How the nodes of a load balancer are; nil where nobody checks them.
    func health(of id: LoadBalancerID) -> ServiceHealth? {
        if let health = changes.health[id] { return health }
        return base.health(of: id)
    }

    /// Takes what checks found.
    ///
    /// - Returns: of which load balancers the facts say something else now.
    mutating func take(_ findings: HealthFindings, now: Timestamp) -> [LoadBalancerID] {
        findings.compactMap { id, findings in
            change(id) { health, loadBalancer in health.take(findings, of: loadBalancer, now: now) } ? id : nil
        }
    }

    /// Takes it that time has passed for these.
    ///
    /// - Returns: of which load balancers the facts say something else now.
    mutating func advance(_ ids: [LoadBalancerID], now: Timestamp) -> [LoadBalancerID] {
        ids.filter { id in change(id) { health, loadBalancer in health.advance(loadBalancer, now: now) } }
    }

    private mutating func change(_ id: LoadBalancerID, _ change: (inout ServiceHealth, LoadBalancer) -> Void) -> Bool {
        guard let loadBalancer = self[id]?.inService, let old = health(of: id) else { return false }
        var new = old
        change(&new, loadBalancer)
        if new == old { return false }
        changes.health.updateValue(new, forKey: id)
        if new.saySame(as: old) { return false }
        changes.unsettled.insert(id)
        return true
    }

    /// Lets what is known of the nodes follow a step. What needs no health has none.
    private mutating func follow(_ step: Transition, _ rule: HealthRule, _ now: Timestamp) {
        let old = health(of: step.id)
        guard let loadBalancer = step.new?.inService, rule.applies(to: loadBalancer) else {
            if old != nil { changes.health.updateValue(nil, forKey: step.id) }
            return
        }
        var new = old ?? ServiceHealth()
        let isMonitorNew = step.old.map { $0.loadBalancer.monitor != loadBalancer.monitor } ?? true
        new.follow(loadBalancer, checkedBy: rule.checking, version: changes.revision + 1, isMonitorNew: isMonitorNew, now: now)
        if new != old { changes.health.updateValue(new, forKey: step.id) }
    }

    /// Gives the listeners back as the committed state has them.
    func undo(in listeners: inout ListenerTable) {
        takeBack(changes.order.map { Transition(id: $0, old: base[$0], new: self[$0]) }, in: &listeners)
    }

    /// Gives the listeners that steps took back to who had them.
    func takeBack(_ steps: some Sequence<Transition>, in listeners: inout ListenerTable) {
        for step in steps { step.release(step.new, in: &listeners) }
        for step in steps { _ = step.claim(step.old, in: &listeners) }
    }

    /// All listeners are given up before the first is taken, so that load balancers can exchange theirs.
    private func move(_ transitions: [Transition], by origin: Origin, in listeners: inout ListenerTable) throws(Refusal) {
        let moving = transitions.filter { !$0.listensAsBefore }
        for step in moving { step.release(step.old, in: &listeners) }
        var refusals = PartRefusals()
        // What has claimed nothing has its old listener to get back all the same.
        var claims: [Transition] = []
        for step in moving {
            guard let new = step.new, let owner = step.claim(new, in: &listeners) else {
                claims.append(step)
                continue
            }
            claims.append(Transition(id: step.id, old: step.old, new: nil))
            let path = step.index.map { origin.path(to: $0, step.id, field: "port") + ": " } ?? ""
            let isService = self[owner]?.source == .file
            refusals.add(
                Refusal(
                    .conflict,
                    "\(path)\(quoted(step.id.text)) would listen on \(new.loadBalancer.listener), where \(quoted(owner.text))"
                        + "\(isService ? ", a service of the configuration file," : "") listens already; give it another port or address"))
        }
        do throws(Refusal) {
            try refusals.check()
        } catch {
            takeBack(claims, in: &listeners)
            throw error
        }
    }
}

extension Transition {
    fileprivate func release(_ entry: WantedState.Entry?, in listeners: inout ListenerTable) {
        if let listener = entry?.listener { listeners.release(listener) }
    }

    fileprivate func claim(_ entry: WantedState.Entry?, in listeners: inout ListenerTable) -> LoadBalancerID? {
        entry?.listener.flatMap { listeners.claim($0, for: id) }
    }
}

extension WantedState.Entry {
    /// The listener that it has; nil where another load balancer has it.
    var listener: Listener? { isOutOfService ? nil : loadBalancer.listener }
}

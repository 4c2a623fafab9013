import LBaaS

extension Draft {
    /// Takes it that real servers have finished. One that began to drain anew since goes on.
    mutating func end(_ finished: [Listener: [Drain]]) {
        for (listener, ended) in finished {
            guard let entry = changes.drains[listener] else { continue }
            let ended = Set(ended)
            setDrains(entry.drains.filter { !ended.contains($0) }, on: listener, owner: entry.owner)
        }
    }

    /// Notes what begins to drain with the steps of a job, and what drains no longer.
    ///
    /// Listener by listener, not step by step: what leaves a listener drains with who takes it, in whichever order the job lists the two.
    mutating func drain(_ steps: [Transition], _ rule: DrainRule) {
        var formers: [Listener: LoadBalancer] = [:]
        var heirs: [Listener: LoadBalancer] = [:]
        var listeners: [Listener] = []
        for step in steps {
            if let old = step.old?.inService {
                formers[old.listener] = old
                listeners.append(old.listener)
            }
            if let new = step.new?.inService {
                heirs[new.listener] = new
                listeners.append(new.listener)
            }
            // What one that goes, or is suspended, lets drain where it listened before.
            if step.new?.loadBalancer.isSuspended ?? true { listeners += changes.drains.drains(of: step.id).map(\.listener) }
        }
        let suspended = Set(steps.lazy.filter { $0.new?.loadBalancer.isSuspended ?? false }.map(\.id))
        var done: Set<Listener> = []
        for listener in listeners where done.insert(listener).inserted {
            if let owner = changes.drains[listener]?.owner, suspended.contains(owner) { setDrains([], on: listener, owner: owner) }
            drain(listener, from: formers[listener], to: heirs[listener], rule)
        }
    }

    private mutating func drain(_ listener: Listener, from former: LoadBalancer?, to heir: LoadBalancer?, _ rule: DrainRule) {
        let running = changes.drains[listener]
        let beginning = former.map { rule.beginning(with: $0, to: heir, on: listener) } ?? []
        guard let owner = heir?.id ?? former?.id ?? running?.owner, running != nil || !beginning.isEmpty else { return }
        let kept = rule.keeps(heir) ? (running?.drains ?? []) : []
        let draining = Set(kept.map(\.endpoint))
        let back = Set(heir.map { $0.nodes.filter { $0.condition == .enabled }.map(\.endpoint) } ?? [])
        let drains = (kept + beginning.filter { !draining.contains($0.endpoint) }).filter { !back.contains($0.endpoint) }
        setDrains(drains, on: listener, owner: owner)
    }

    private mutating func setDrains(_ new: [Drain], on listener: Listener, owner: LoadBalancerID) {
        let entry = DrainTable.Entry(owner: owner, drains: new)
        if changes.drains[listener] == entry { return }
        if let former = changes.drains[listener]?.owner { changes.unsettled.insert(former) }
        changes.unsettled.insert(owner)
        changes.drainingListeners.insert(listener)
        changes.drains[listener] = entry
    }
}

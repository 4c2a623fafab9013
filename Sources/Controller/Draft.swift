import JobMessages
import LBaaS
import Requests
import Synchronization

/// The committed state, what is wanted and the facts: changed by the commit pipeline alone, read by anyone.
final class CommittedState: Sendable {
    private let state: Mutex<WantedState>
    private let draining: Mutex<DrainTable>
    private let health: Mutex<[LoadBalancerID: ServiceHealth]>

    init(_ state: WantedState, drains: DrainTable = DrainTable(), health: [LoadBalancerID: ServiceHealth] = [:]) {
        self.state = Mutex(state)
        draining = Mutex(drains)
        self.health = Mutex(health)
    }

    /// How the nodes of a load balancer are; nil where nobody checks them.
    func health(of id: LoadBalancerID) -> ServiceHealth? { health.withLock { $0[id] } }

    /// Keeps how nodes are; nil for what nobody checks any more.
    func keep(_ changes: [LoadBalancerID: ServiceHealth?]) {
        if changes.isEmpty { return }
        health.withLock { health in
            for (id, change) in changes { health[id] = change }
        }
    }

    /// The load balancers of which time alone can change how their nodes are.
    var restless: [LoadBalancerID] { health.withLock { health in health.lazy.filter(\.value.isRestless).map(\.key) } }

    /// What drains.
    var drains: DrainTable {
        get { draining.withLock { $0 } }
        set { draining.withLock { $0 = newValue } }
    }

    /// Reads or changes the state; nothing that takes long belongs in here.
    func withLock<Result: Sendable>(_ body: (inout WantedState) -> Result) -> Result { state.withLock { body(&$0) } }

    subscript(id: LoadBalancerID) -> WantedState.Entry? { withLock { $0.entries[id] } }
}

/// The state as it will be once the jobs decided on so far are committed: the committed state and what differs from it.
struct Draft {
    let committed: CommittedState
    /// What differs; nil for what goes.
    private(set) var changed: [LoadBalancerID: WantedState.Entry?] = [:]
    /// The changed identities in the order of their first change.
    private(set) var order: [LoadBalancerID] = []
    /// What drains.
    private(set) var drains: DrainTable
    /// The listeners of which the drains change.
    private(set) var drainingListeners: Set<Listener> = []
    /// How nodes are, where that differs; nil for what nobody checks any more.
    private(set) var health: [LoadBalancerID: ServiceHealth?] = [:]
    /// Identities that are to be brought to the appliance though they do not change as wanted: of some the drains change, of others the
    /// appliance runs something else.
    var unsettled: Set<LoadBalancerID> = []
    /// Identities of which a job wants what it takes out gone at once.
    private(set) var forced: Set<LoadBalancerID> = []
    /// How many load balancers there are that jobs want.
    private(set) var count: Int
    /// Whether the last change is a DELETE that leaves nothing.
    var isEmptyByDelete: Bool

    init(on committed: CommittedState) {
        self.committed = committed
        drains = committed.drains
        (count, isEmptyByDelete) = committed.withLock { ($0.jobCount, $0.isEmptyByDelete) }
    }

    /// A load balancer; nil where there is none of this identity.
    subscript(id: LoadBalancerID) -> WantedState.Entry? {
        if let entry = changed[id] { return entry }
        return committed[id]
    }

    /// Every identity, in their order.
    var ids: [LoadBalancerID] {
        var ids = committed.withLock { Set($0.entries.keys) }
        for (id, entry) in changed {
            if entry == nil { ids.remove(id) } else { ids.insert(id) }
        }
        return ids.sorted()
    }

    /// The identities of the services of the configuration file, as far as they are committed, in their order.
    var configuredIDs: [LoadBalancerID] {
        // Mostly there are none; then the table need not be gone through.
        committed.withLock { $0.entries.count == $0.jobCount ? [] : $0.entries.filter(\.value.isConfigured).keys.sorted() }
    }

    /// Whether there was a load balancer of this identity, and it was deleted.
    func wasDeleted(_ id: LoadBalancerID) -> Bool {
        if let entry = changed[id] { return entry == nil }
        return committed.withLock { $0.deleted.contains(id) }
    }

    /// The load balancers that a job means.
    ///
    /// - Throws: where it names one that is not there.
    func entries(of selection: Selection) throws(Refusal) -> [WantedState.Entry] {
        switch selection {
        case .all:
            return ids.compactMap { self[$0] }
        case .named(let ids):
            var entries: [WantedState.Entry] = []
            for (index, id) in ids.enumerated() {
                guard let entry = self[id] else { throw Refusal(missing: id, index: index) }
                entries.append(entry)
            }
            return entries
        }
    }

    /// Takes the steps of one job.
    ///
    /// - Parameters:
    ///   - rule: what becomes of the real servers that leave.
    ///   - isForced: whether what the job takes out goes at once.
    ///   - health: of which load balancers it matters how their nodes are.
    ///   - now: the time.
    /// - Throws: where a listener is taken; then nothing is changed.
    mutating func accept(
        _ transitions: [Transition], listeners: inout ListenerTable, rule: DrainRule?, isForced: Bool = false, health: HealthRule,
        now: Timestamp
    ) throws(Refusal) {
        try move(transitions, in: &listeners)
        if isForced { forced.formUnion(transitions.lazy.map(\.id)) }
        for transition in transitions { follow(transition, health, now) }
        if let rule { drain(transitions, rule) }
        for transition in transitions {
            if changed.updateValue(transition.new, forKey: transition.id) == nil { order.append(transition.id) }
            count += (transition.new?.isJob ?? false ? 1 : 0) - (transition.old?.isJob ?? false ? 1 : 0)
        }
    }

    /// How the nodes of a load balancer are; nil where nobody checks them.
    func health(of id: LoadBalancerID) -> ServiceHealth? { health[id] ?? committed.health(of: id) }

    /// Takes what checks report.
    mutating func take(_ reports: HealthReports, now: Timestamp) {
        for (id, reports) in reports {
            change(id) { health, loadBalancer in health.take(reports, of: loadBalancer, now: now) }
        }
    }

    /// Takes it that time has passed for these.
    mutating func advance(_ ids: [LoadBalancerID], now: Timestamp) {
        for id in ids {
            change(id) { health, loadBalancer in health.advance(loadBalancer, now: now) }
        }
    }

    private mutating func change(_ id: LoadBalancerID, _ change: (inout ServiceHealth, LoadBalancer) -> Void) {
        guard let loadBalancer = self[id]?.loadBalancer, let old = health(of: id) else { return }
        var new = old
        change(&new, loadBalancer)
        if new == old { return }
        health.updateValue(new, forKey: id)
        unsettled.insert(id)
    }

    /// Lets what is known of the nodes follow a step. What needs no health has none.
    private mutating func follow(_ step: Transition, _ rule: HealthRule, _ now: Timestamp) {
        let old = health(of: step.id)
        guard let loadBalancer = step.new?.loadBalancer, rule.applies(to: loadBalancer) else {
            if old != nil { health.updateValue(nil, forKey: step.id) }
            return
        }
        var new = old ?? ServiceHealth()
        new.follow(loadBalancer, checkedBy: rule.checking, now: now)
        if new != old { health.updateValue(new, forKey: step.id) }
    }

    /// Takes it that real servers have finished. One that began to drain anew since goes on.
    mutating func end(_ finished: [Listener: [Drain]]) {
        for (listener, ended) in finished {
            guard let entry = drains[listener] else { continue }
            let ended = Set(ended)
            setDrains(entry.drains.filter { !ended.contains($0) }, on: listener, owner: entry.owner)
        }
    }

    /// Notes what begins to drain with the steps of a job, and what drains no longer.
    ///
    /// Listener by listener, not step by step: what leaves a listener drains with who takes it, in whichever order the job lists the two.
    private mutating func drain(_ steps: [Transition], _ rule: DrainRule) {
        var formers: [Listener: LoadBalancer] = [:]
        var heirs: [Listener: LoadBalancer] = [:]
        var listeners: [Listener] = []
        for step in steps {
            if let old = step.old?.loadBalancer {
                formers[old.listener] = old
                listeners.append(old.listener)
            }
            if let new = step.new?.loadBalancer {
                heirs[new.listener] = new
                listeners.append(new.listener)
            }
            // What one that goes, or is suspended, lets drain where it listened before.
            if step.new?.loadBalancer.isSuspended ?? true { listeners += drains.drains(of: step.id).map(\.listener) }
        }
        let suspended = Set(steps.lazy.filter { $0.new?.loadBalancer.isSuspended ?? false }.map(\.id))
        var done: Set<Listener> = []
        for listener in listeners where done.insert(listener).inserted {
            if let owner = drains[listener]?.owner, suspended.contains(owner) { setDrains([], on: listener, owner: owner) }
            drain(listener, from: formers[listener], to: heirs[listener], rule)
        }
    }

    private mutating func drain(_ listener: Listener, from former: LoadBalancer?, to heir: LoadBalancer?, _ rule: DrainRule) {
        let running = drains[listener]
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
        if drains[listener] == entry { return }
        if let former = drains[listener]?.owner { unsettled.insert(former) }
        unsettled.insert(owner)
        drainingListeners.insert(listener)
        drains[listener] = entry
    }

    /// Gives the listeners back as the committed state has them.
    func undo(in listeners: inout ListenerTable) {
        let steps = order.map { Transition(id: $0, old: self[$0], new: committed[$0]) }
        for step in steps { step.release(step.old, in: &listeners) }
        for step in steps { _ = step.claim(step.new, in: &listeners) }
    }

    /// All listeners are given up before the first is taken, so that load balancers can exchange theirs.
    private func move(_ transitions: [Transition], in listeners: inout ListenerTable) throws(Refusal) {
        let moving = transitions.filter { $0.old?.loadBalancer.listener != $0.new?.loadBalancer.listener }
        for step in moving { step.release(step.old, in: &listeners) }
        for (index, step) in moving.enumerated() {
            guard let new = step.new, let owner = step.claim(new, in: &listeners) else { continue }
            for done in moving[..<index] { done.release(done.new, in: &listeners) }
            for done in moving { _ = done.claim(done.old, in: &listeners) }
            let path = step.index.map { "loadBalancers[\($0)].port: " } ?? (new.isConfigured ? "[service:\(step.id.text)] port: " : "")
            let isService = self[owner]?.isConfigured ?? false
            throw Refusal(
                .conflict,
                "\(path)\(quoted(step.id.text)) would listen on \(new.loadBalancer.listener), where \(quoted(owner.text))"
                    + "\(isService ? ", a service of the configuration file," : "") listens already; give it another port or address")
        }
    }
}

extension WantedState.Entry {
    fileprivate var isJob: Bool { !isConfigured }
}

extension Transition {
    fileprivate func release(_ entry: WantedState.Entry?, in listeners: inout ListenerTable) {
        if let entry { listeners.release(entry.loadBalancer.listener) }
    }

    fileprivate func claim(_ entry: WantedState.Entry?, in listeners: inout ListenerTable) -> LoadBalancerID? {
        entry.flatMap { listeners.claim($0.loadBalancer.listener, for: id) }
    }
}

/// What checks report of the nodes of load balancers.
typealias HealthReports = [LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]]

/// Of which load balancers it matters how their nodes are.
struct HealthRule {
    /// Who finds out.
    let checking: NodeChecking
    /// Whether anybody is told which services are up.
    let isAnnounced: Bool

    /// Whether it matters for this one.
    func applies(to loadBalancer: LoadBalancer) -> Bool {
        switch checking {
        case .nobody: false
        case .driver: isAnnounced || loadBalancer.quorum != nil
        case .worker: loadBalancer.monitor != nil || loadBalancer.quorum != nil || loadBalancer.sorryServer != nil
        }
    }
}

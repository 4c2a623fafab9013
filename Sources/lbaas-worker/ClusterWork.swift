import HostEdge
import HostSystem
import Kubernetes
import LBaaS
import Requests

/// What the intake of a cluster does, step by step, on one thread.
struct ClusterWork: Sendable {
    private let log: Log
    private let health: ClusterHealth
    private let snapshot: ClusterSnapshot?
    private var core: (any RequestHandler)?
    private var edge: HostEdge?
    private var table: ClusterTable
    private var host = HostWatch.Facts()
    private(set) var balancers: ClusterBalancers
    /// Whether all of it was handed to the core once.
    private var isInForce = false
    /// Whether objects, or what is served of them, changed since they were kept for the next start.
    private var isUnsaved = false
    /// The load balancers that are committed.
    private var committed: Set<LoadBalancerID> = []
    /// Whether all load balancers are noted as served, so that only new ones are to be.
    var isNoted = false
    /// What the edge needs no more since it was changed as a whole last, which did not come to its end.
    private var unneeded: Set<EdgeElement> = []
    /// What an earlier worker served of objects that are not known: what of it the cluster does not want is removed when all is known.
    var leftover: [LoadBalancer] = []
    /// What cannot be served, by service.
    private var failures: [ObjectKey: Failure] = [:]
    /// What was withheld from the edge because of failures that are over, and is to be given to it where it is needed.
    private var returned: Set<EdgeElement> = []
    private var notices: ClusterNotices
    /// The last cause of each slice, so that none is measured twice.
    private var triggers: [ObjectKey: String] = [:]
    /// The virtual services with the policy Local that have no endpoint here.
    private var withoutLocal: [Listener: VirtualService.Role] = [:]

    /// Load balancers of a service that the core refused.
    private struct Failure {
        var reason: String
        var ids: Set<LoadBalancerID>
        /// What the edge has not got meanwhile: without a virtual service a port would lead to the host itself.
        var withheld: Set<EdgeElement>
    }

    /// What a service takes in the file of objects with a slice of five endpoints, in bytes.
    private static let bytesOfService = 1250

    /// Nothing done yet.
    init(_ settings: KubernetesSettings, health: ClusterHealth, snapshot: ClusterSnapshot?, log: Log) {
        (self.health, self.snapshot, self.log) = (health, snapshot, log)
        notices = ClusterNotices(log)
        table = ClusterTable(options: settings.options)
        balancers = ClusterBalancers(markMask: settings.edge == .nftables ? settings.markMask : nil)
    }

    /// Whether something is to be tried again.
    var hasFailures: Bool { !failures.isEmpty }

    /// What is kept for the next start.
    struct Unsaved: Sendable {
        let table: ClusterTable
        let balancers: ClusterBalancers
    }

    /// The objects and what is served of them, where that changed since this was asked last, or even where not.
    mutating func takeUnsaved(evenUnchanged: Bool) -> Unsaved? {
        // Before all is in force, things may be served that are not among them.
        guard isUnsaved || evenUnchanged, isInForce, table.isComplete else { return nil }
        isUnsaved = false
        snapshot?.forgetNoted()
        return Unsaved(table: table, balancers: balancers)
    }

    /// Makes room for about as many services as a file of this size has, each with a slice.
    mutating func reserve(forBytes size: Int) { table.reserve(size / Self.bytesOfService) }

    /// Takes an object that an earlier worker knew last. When all of them are in, `endRestoring` is called.
    mutating func restore(_ object: ClusterObject) { table.restore(object) }

    /// Takes it that all objects are in that an earlier worker knew last.
    mutating func endRestoring(on host: HostWatch.Facts) {
        _ = table.setHost(HostFacts(host))
        table.endRestoring()
        balancers.take(all: table.everyService, count: table.count)
        isNoted = true
    }

    /// Begins to serve what is known already.
    mutating func begin(_ core: any RequestHandler, _ edge: HostEdge?, _ host: HostWatch.Facts) {
        (self.core, self.edge, notices.core) = (core, edge, core)
        self.host = host
        setSources()
        if let change = table.setHost(HostFacts(host)) {
            noteServed(balancers.take(change, notingSteps: isNoted))
            serveAll()
            health.change(table.healthPorts.mapValues { .some($0) })
            health.setNodeLeaving(table.isNodeLeaving)
        }
    }

    /// Takes what came: as one change, however much it is.
    ///
    /// - Parameter start: when the first of it came.
    mutating func take(_ updates: [ClusterUpdate], since start: Duration, _ host: HostWatch.Facts?) {
        var objects: [ObjectChange] = []
        for update in updates {
            switch update {
            case .changes(let changes): objects += changes
            case .trouble(let place, let words): notices.trouble(words, at: place)
            }
        }
        if let host {
            self.host = host
            isUnsaved = true
            setSources()
            if let change = table.setHost(HostFacts(host)) { serve(change) }
        }
        let causes = takeCauses(of: objects)
        if !objects.isEmpty {
            isUnsaved = true
            if let change = table.apply(objects) {
                setSources()
                serve(change)
            }
            notices.fault(table.fault)
            notices.unreadable(table.unreadable)
            health.setNodeLeaving(table.isNodeLeaving)
            // A list that is read again is another copy of all objects.
            if isInForce, objects.contains(where: \.isList) { returnFreeMemory() }
        }
        if !isInForce { return }
        let now = Clock.moment()
        health.served(at: now)
        if !objects.isEmpty { health.metrics.served(in: Clock.bootTime() - start, causes: causes, now: now.wall) }
    }

    /// What this host sends to services comes from the addresses of its Node, where it has them.
    private func setSources() {
        let own = table.nodeAddresses.filter { host.addresses.contains($0) }
        edge?.setSources(own + host.sources)
    }

    /// When what changes tell of endpoints happened. What is listed happened before it was looked for.
    private mutating func takeCauses(of changes: [ObjectChange]) -> [Timestamp] {
        var causes: [Timestamp] = []
        for change in changes {
            switch change {
            case .put(.endpointSlice(let slice)):
                guard let text = slice.triggerTime, triggers.updateValue(text, forKey: slice.key) != text else { continue }
                if isInForce, let time = TriggerTime.read(text) { causes.append(time) }
            case .replace(.endpointSlice, let all):
                triggers = [:]
                for case .endpointSlice(let slice) in all { triggers[slice.key] = slice.triggerTime }
            case .delete(.endpointSlice, let key): triggers[key] = nil
            case .put, .replace, .delete, .unavailable: break
            }
        }
        return causes
    }

    private mutating func serve(_ change: ClusterChange) {
        let steps = balancers.take(change, notingSteps: isNoted)
        noteServed(steps)
        for listener in steps.unmarked {
            log.write(
                .warning, "all marks are in use: clients inside the cluster reach a service only where this host has endpoints",
                [("listener", "\(listener)"), ("key", "mark_mask")])
        }
        if isInForce {
            carryOut(steps)
        } else {
            unneeded.formUnion(steps.removedEdge)
            serveAll()
        }
        notices.faults(of: change.concerned, in: table)
        if !change.healthPorts.isEmpty { health.change(change.healthPorts) }
        measure(change)
    }

    private mutating func measure(_ change: ClusterChange) {
        for listener in change.removed.keys { withoutLocal[listener] = nil }
        for (listener, service) in change.services { withoutLocal[listener] = service.isBlackhole ? service.role : nil }
        let inside = withoutLocal.values.count { $0 == .cluster }
        health.metrics.set(
            services: balancers.count, refused: failures.count + notices.faultyServices, withoutLocal: (inside, withoutLocal.count - inside)
        )
    }

    /// Notes load balancers before they are served: a crash may come before they are kept with the objects.
    private mutating func noteServed(_ steps: ClusterBalancers.Steps) {
        let new = isNoted ? steps.changed.values.flatMap { $0.filter { !committed.contains($0.id) } } : balancers.all
        isNoted = true
        snapshot?.note(serving: new)
    }

    /// Hands everything to the core, and with it that there is nothing else.
    private mutating func serveAll() {
        guard let core else { return }
        let all = balancers.all
        if let failure = edge?.prepare(table.edge { !$0.isPort }.union(balancers.insideEdge), keepsRest: true) {
            // What runs goes on. Nothing new is served without the edge, and it is tried again.
            log.write(.error, "no service of the cluster is served before the packet filter can be set", [("error", failure)])
            failures[.everything] = Failure(reason: failure, ids: [], withheld: [])
            return
        }
        failures = [:]
        let missing = balancers.missing(of: leftover)
        // The core removes only what it knows.
        if !missing.isEmpty { _ = core.replaceSkipping(.kubernetes, all + missing) }
        leftover = []
        let refused = core.replaceSkipping(.kubernetes, all)
        committed = Set(all.lazy.map(\.id))
        for (id, _) in refused { committed.remove(id) }
        isInForce = true
        var reasons: [ObjectKey: (String, Set<LoadBalancerID>)] = [:]
        for (id, refusal) in refused {
            guard let owner = balancers.owner(of: id) else { continue }
            reasons[owner, default: (refusal.sentence, [])].1.insert(id)
        }
        for (key, (reason, ids)) in reasons { note(key, reason, ids) }
        let inside = balancers.insideEdge
        let gone = unneeded.filter { !table.needs($0) && !inside.contains($0) }
        unneeded = []
        // In one step: before it, no port is asked for, and each would be closed that an earlier worker left open.
        let withheld = withheld
        _ = edge?.finish(gone.union(withheld), adding: table.edge { $0.isPort && !withheld.contains($0) })
        health.served(at: Clock.moment())
        log.write(.info, "the services of the cluster are served", [("load_balancers", "\(all.count - refused.count)")])
        // What lists and steps of all of them took is mostly not needed again.
        returnFreeMemory()
    }

    /// Has the edge and the core carry out a change: what the edge needs, then the load balancers, then what the edge needs no more.
    private mutating func carryOut(_ steps: ClusterBalancers.Steps) {
        guard let core, !steps.isEmpty else { return }
        var changed = steps.changed
        // A packet that came to a port before its virtual service is there, or behind it, would be the host's own, and so would those of its
        // connection that follow: a port is open only while its service is there.
        forget(steps.removed)
        let added = steps.addedEdge.union(takeWithheld(concerning: steps))
        let (newPorts, oldPorts) = (added.filter(\.isPort), steps.removedEdge.filter(\.isPort))
        let hasEdge = !added.isEmpty || !oldPorts.isEmpty
        if hasEdge, let failure = edge?.prepare(added.subtracting(newPorts), removing: oldPorts) {
            // Nothing new is served without it; what is served already follows the cluster.
            for (key, all) in steps.changed {
                let new = all.filter { !committed.contains($0.id) }
                if new.isEmpty { continue }
                changed[key] = all.filter { committed.contains($0.id) }
                withhold(note(key, failure, Set(new.map(\.id))))
            }
        }
        var requests: [Request] = []
        var origins: [Origin] = []
        let removed = steps.removed.filter { committed.remove($0) != nil }
        if !removed.isEmpty {
            requests.append(.change(.delete(.named(removed.sorted())), ChangeOptions()))
            origins.append(Origin(.kubernetes))
        }
        let keys = changed.filter { !$0.value.isEmpty }.keys.sorted()
        for key in keys {
            requests.append(.change(.create(changed[key] ?? []), ChangeOptions()))
            origins.append(Origin(.kubernetes, name: key.description))
        }
        let outcomes = core.perform(requests, from: origins)
        take(Array(outcomes.suffix(keys.count)), of: keys, changed)
        if !removed.isEmpty, case .refused(let refusal)?? = outcomes.first {
            committed.formUnion(removed)
            log.write(.error, "services that the cluster has no more cannot be removed; it is tried again", [("error", refusal.sentence)])
            isInForce = false
            failures[.everything] = Failure(reason: refusal.sentence, ids: [], withheld: [])
        }
        let rest = steps.removedEdge.subtracting(oldPorts)
        let opened = newPorts.subtracting(withheld)
        if hasEdge || !rest.isEmpty || !opened.isEmpty { _ = edge?.finish(rest, adding: opened) }
    }

    /// Takes what is refused out of the edge.
    private func withhold(_ elements: Set<EdgeElement>) {
        if !elements.isEmpty { _ = edge?.finish(elements) }
    }

    /// What was withheld from the edge and is needed now: a service that was refused is tried anew, or another has its place.
    private mutating func takeWithheld(concerning steps: ClusterBalancers.Steps) -> Set<EdgeElement> {
        var taken = returned
        returned = []
        for key in steps.changed.keys { taken.formUnion(failures[key]?.withheld ?? []) }
        if taken.isEmpty { return [] }
        for (key, failure) in failures where steps.changed[key] == nil { taken.subtract(failure.withheld) }
        let inside = balancers.insideEdge
        return taken.filter { table.needs($0) || inside.contains($0) }
    }

    /// What the edge has not got because of what is refused.
    private var withheld: Set<EdgeElement> { failures.values.reduce(into: []) { $0.formUnion($1.withheld) } }

    private mutating func take(_ outcomes: [Outcome?], of keys: [ObjectKey], _ changed: [ObjectKey: [LoadBalancer]]) {
        for (key, outcome) in zip(keys, outcomes) {
            let ids = Set((changed[key] ?? []).map(\.id))
            if case .refused(let refusal)? = outcome {
                withhold(note(key, refusal.sentence, ids))
            } else {
                committed.formUnion(ids)
                settle(key, ids)
            }
        }
    }

    /// Tries again what was refused.
    mutating func retry() {
        guard let core else { return }
        if !isInForce { return serveAll() }
        for (key, failure) in failures {
            let all = balancers.all.filter { failure.ids.contains($0.id) }
            let ports = failure.withheld.filter(\.isPort)
            if !failure.withheld.isEmpty, edge?.prepare(failure.withheld.subtracting(ports)) != nil { continue }
            let outcome = core.perform([.change(.create(all), ChangeOptions())], from: [Origin(.kubernetes, name: key.description)])
            take(outcome, of: [key], [key: all])
            if failures[key] == nil, !failure.withheld.isEmpty { _ = edge?.finish([], adding: ports) }
        }
    }
}

// MARK: - What is refused

extension ClusterWork {
    /// Notes that load balancers of a service are refused.
    ///
    /// - Returns: what the edge must not have meanwhile.
    @discardableResult private mutating func note(_ key: ObjectKey, _ reason: String, _ ids: Set<LoadBalancerID>) -> Set<EdgeElement> {
        let new = ids.subtracting(committed)
        var withheld: Set<EdgeElement> = []
        for balancer in balancers.all where new.contains(balancer.id) {
            let mark = balancer.firewallMark
            if let mark { withheld.insert(.inside(balancer.listener.unmarked, mark: mark)) }
            if mark == nil, let service = table[balancer.listener] {
                // An address may be another service's, too.
                withheld.formUnion(service.edge.filter { if case .address = $0 { false } else { true } })
            }
        }
        let old = failures[key]
        failures[key] = Failure(reason: reason, ids: ids.union(old?.ids ?? []), withheld: withheld.union(old?.withheld ?? []))
        if old?.reason == reason { return withheld }
        log.write(
            .error, "a service of the cluster cannot be served; the others are, and it is tried again",
            [("service", key.description), ("error", reason)])
        core?.remark("\(key): not served: \(reason)", outcome: "FAIL", from: Origin(.kubernetes, name: key.description))
        return withheld
    }

    /// Notes that load balancers of a service are committed.
    private mutating func settle(_ key: ObjectKey, _ ids: Set<LoadBalancerID>) {
        guard var failure = failures[key] else { return }
        failure.ids.subtract(ids)
        failures[key] = failure.ids.isEmpty ? nil : failure
        if failure.ids.isEmpty {
            log.write(.info, "a service of the cluster is served now", [("service", key.description)])
            core?.remark("\(key): served", outcome: "PASS", from: Origin(.kubernetes, name: key.description))
        }
    }

    /// Forgets failures of load balancers that are not wanted any more.
    private mutating func forget(_ ids: [LoadBalancerID]) {
        if failures.isEmpty { return }
        for (key, var failure) in failures {
            failure.ids.subtract(ids)
            if failure.ids.isEmpty, key != .everything {
                failures[key] = nil
                returned.formUnion(failure.withheld)
            } else {
                failures[key] = failure
            }
        }
    }
}

extension ObjectKey {
    /// What stands for all services together.
    fileprivate static let everything = ObjectKey(name: "")
}

extension EdgeElement {
    /// Whether it is a port with a service.
    fileprivate var isPort: Bool { if case .service = self { true } else { false } }
}

extension Listener {
    /// The same without a mark.
    fileprivate var unmarked: Listener { Listener(address: address, port: port, transport: transport) }
}

extension HostFacts {
    /// What the translation needs of this host.
    fileprivate init(_ facts: HostWatch.Facts) { self.init(addresses: facts.addresses, routers: facts.routers) }
}

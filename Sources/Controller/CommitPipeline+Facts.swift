import Dispatch
public import LBaaS
public import Requests
import Synchronization

extension CommitPipeline {
    /// Wants these entries of a source, and no others of it, all or nothing.
    ///
    /// - Throws: where one cannot be, with a sentence that names it.
    public func replace(_ source: WantedState.Source, _ entries: [LoadBalancer]) throws(Refusal) {
        if case .refused(let refusal) = run(.commit(.change(.update(entries), by: Origin(source)))) { throw refusal }
    }

    /// Wants these entries of a source, and no others of it. One that cannot be is left out, and costs no other; where it was there it
    /// stays as it was.
    ///
    /// - Returns: why the ones that are left out cannot be.
    public func replaceSkipping(_ source: WantedState.Source, _ entries: [LoadBalancer]) -> [(id: LoadBalancerID, refusal: Refusal)] {
        guard case .refused = run(.commit(.change(.update(entries), by: Origin(source)))) else { return [] }
        let origin = Origin(source)
        let kept = Set(entries.map(\.id))
        let gone = committed.entries.filter { $0.value.source == source && !kept.contains($0.key) }.map(\.key)
        if !gone.isEmpty { _ = run(.commit(.change(.delete(.named(gone.sorted())), by: origin))) }
        var refused = entries.map { (entry: $0, refusal: Refusal(.conflict, "")) }
        // A second time, for what had to wait for another one's listener.
        for _ in 0..<2 where !refused.isEmpty {
            let outcomes = run(refused.map { .commit(.change(.create([$0.entry]), by: origin)) })
            refused = zip(refused, outcomes).compactMap { entry, outcome in
                if case .refused(let refusal) = outcome { (entry.entry, refusal) } else { nil }
            }
        }
        return refused.map { ($0.entry.id, $0.refusal) }
    }

    /// Asks the appliance what it runs, puts right what is not as it is committed, and notes the traffic so far.
    ///
    /// A part at a time, where the driver can look at a part: what waits behind it, such as a node that is down, waits for a part.
    public func resync() {
        guard let part = driver.upkeep.resyncPart else {
            _ = run(.resync())
            _ = run(.noteTraffic())
            return
        }
        do throws(DriverError) {
            try driver.prepareResync()
        } catch {
            return log.write(.error, "the appliance cannot be asked what it runs; this is tried again later", [("error", error.message)])
        }
        let (entries, drains) = committed.read { ($0.wanted.entries, $0.facts.drains) }
        let ids = entries.keys + drains.owners.filter { entries[$0] == nil }
        for (place, part) in ids.parts(of: part).enumerated() { _ = run(.resync(of: Array(part), isFirst: place == 0)) }
        let traffic = readTrafficAside(of: ids)
        for part in traffic.parts(of: 256) { _ = run(.note(part)) }
    }

    /// Notes the traffic so far, at the end of the worker. Only for a driver that is looked at from time to time: another one's counters do
    /// not go away.
    public func close() {
        if driver.upkeep.resyncInterval != nil { _ = run(.noteTraffic()) }
    }

    /// Takes what checks found, and commits it, but for load balancers of which something is being committed already: that follows. What
    /// could not be committed is tried again: a check tells a thing once.
    ///
    /// - Parameter isRetained: whether what could not be committed is kept for that; otherwise whoever found it finds it again.
    public func report(_ findings: HealthFindings, retaining isRetained: Bool = true) {
        guard let next = next(after: findings) else { return }
        finish(next, run(next.map { .commit(.health([$0.id: $0.found])) }), isRetained)
    }

    /// Takes what checks found, and does not wait until it is committed: what one load balancer waits for, such as a program that is told
    /// that it goes down, does not keep the checks of another one waiting.
    public func submit(_ findings: HealthFindings, retaining isRetained: Bool = true) {
        guard let next = next(after: findings) else { return }
        submit(next.map { .commit(.health([$0.id: $0.found])) }) { [self] outcomes in finish(next, outcomes, isRetained) }
    }

    /// What checks found of one load balancer. Each is committed by itself, so that one that fails costs no other.
    private typealias Part = (id: LoadBalancerID, found: [NodeID: NodeFinding])

    private func next(after findings: HealthFindings) -> [Part]? {
        let next = retained.withLock { retained in
            retained.add(findings)
            return retained.next()
        }
        return next.isEmpty ? nil : next.map { ($0.key, $0.value) }
    }

    private func finish(_ parts: [Part], _ outcomes: [Outcome], _ isRetained: Bool) {
        var isAllCommitted = true
        for (part, outcome) in zip(parts, outcomes) {
            var isDone = true
            if case .refused(let refusal) = outcome {
                (isAllCommitted, isDone) = (false, !isRetained)
                log.write(
                    .error, "the results of checks could not be committed; this is tried again",
                    [("load_balancer", part.id.text), ("error", refusal.sentence)])
            }
            retained.withLock { $0.finish([part.id: part.found], isCommitted: isDone) }
        }
        if isAllCommitted, retained.withLock({ !$0.isEmpty }) { submit([:]) }
    }

    /// Lets nodes that come back have more of their weight, and those that are held for a while be let go of.
    public func advance() {
        if retained.withLock({ !$0.isEmpty }) { report([:]) }
        let ids = committed.read { $0.facts.health }.filter(\.value.isRestless).map(\.key)
        if ids.isEmpty { return }
        if case .refused(let refusal) = run(.commit(.advance(ids))) {
            log.write(.error, "nodes that come back could not be given more weight; this is tried again", [("error", refusal.sentence)])
        }
    }

    /// Ends the drains that are over: of real servers without connections, and of those whose time has come.
    public func endDrains() {
        let drains = committed.drains
        if drains.isEmpty { return drainLog.end() }
        var finished: Set<Leaving> = []
        do throws(DriverError) {
            finished = Set(
                try driver.finished(
                    drains.all.flatMap { listener, entry in entry.drains.map { Leaving(listener: listener, endpoint: $0.endpoint) } }))
            connectionLog.end()
        } catch {
            connectionLog.write(.warning, "the appliance does not tell which connections there still are", [("error", error.message)])
        }
        let now = now().steady
        var ended: [Listener: [Drain]] = [:]
        for (listener, entry) in drains.all {
            let over = entry.drains.filter {
                $0.deadline <= now || finished.contains(Leaving(listener: listener, endpoint: $0.endpoint))
            }
            if !over.isEmpty { ended[listener] = over }
        }
        if ended.isEmpty { return }
        if case .refused(let refusal) = run(.commit(.finished(ended))) {
            drainLog.write(.error, "drained real servers could not be taken out; this is tried again", [("error", refusal.sentence)])
        } else {
            drainLog.end()
        }
    }
}

extension Array {
    /// The elements in parts of so many.
    fileprivate func parts(of count: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
    }
}

extension TrafficReadings {
    /// The readings in parts of so many load balancers; one where they failed.
    fileprivate func parts(of count: Int) -> [TrafficReadings] {
        if failure != nil { return [self] }
        return Array(counters).parts(of: count).map { part in
            TrafficReadings(counters: Dictionary(uniqueKeysWithValues: part.map { ($0.key, $0.value) }), sequence: sequence)
        }
    }
}

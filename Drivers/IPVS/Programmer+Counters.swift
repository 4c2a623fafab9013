import LBaaS

extension TrafficCounter {
    /// What a service has counted.
    init(_ statistics: Statistics, run: UInt64) {
        self.init(bytesOut: statistics.bytesOut, bytesIn: statistics.bytesIn, connections: statistics.connections, run: run)
    }
}

// What services count that come, go and change hands, so that each byte is reported once and of the load balancer that it is of.

extension Programmer {
    /// Whether a service that is there begins to count for another load balancer than before, or for another life of it.
    func passesCounter(_ step: Step) -> Bool {
        guard step.isCounted else { return false }
        return table.owner(of: step.key) != step.owner || !step.isKnown || hasFinal(of: step.owner, step.key)
    }

    /// Notes that a service is made, and its counter with it.
    mutating func beginCounter(of step: Step, _ outcome: inout GroupOutcome) {
        guard step.isKnown else { return }
        if let final = takeFinal(of: step.owner, run: step.key.run) { outcome.ended[step.owner, default: []].append(final) }
        outcome.began[step.owner, default: []].append(TrafficCounter(bytesOut: 0, run: step.key.run))
    }

    /// Notes that a service goes on under its new owner, whose traffic begins with what it shows.
    mutating func handOnCounter(of step: Step, at reading: Statistics, _ outcome: inout GroupOutcome) {
        let counter = TrafficCounter(reading, run: step.key.run)
        let final = takeFinal(of: step.owner, run: counter.run)
        if let final { outcome.ended[step.owner, default: []].append(final) }
        // Where its owner has a final reading of it, it was gone, and somebody else made it again: that is nobody's traffic.
        if let former = table.owner(of: step.key), former != step.owner || final == nil {
            outcome.ended[former, default: []].append(counter)
        }
        outcome.began[step.owner, default: []].append(counter)
    }

    /// Notes that a step of a load balancer is done: of one that is gone nobody asks any more, and one that was deleted and comes again has
    /// counted nothing yet.
    mutating func settle(_ patch: LoadBalancerPatch, _ steps: [Step], _ outcome: inout GroupOutcome) {
        if !leftBehind.isEmpty { leftBehind[patch.id] = nil }
        if !foreign.isEmpty { foreign[patch.id] = nil }
        let isGone = if case .delete = patch.loadBalancer { true } else { false }
        guard isGone || patch.beginsLife else { return }
        if let earlier = finals.removeValue(forKey: patch.id), !isGone { outcome.ended[patch.id, default: []] += earlier }
        for key in still.keys where table.owner(of: key) == patch.id && !steps.contains(where: { $0.key == key }) {
            table.give(key, to: nil)
        }
    }

    /// Lets a service without real servers be until its counter can be read for the last time.
    mutating func standStill(_ key: ServiceKey) {
        if still[key] != nil { return }
        lastStill += 1
        still[key] = lastStill
    }

    /// Whose these services are that stand still, each load balancer once.
    func owners(of due: [ServiceKey: UInt64]) -> [LoadBalancerID] {
        Set(due.lazy.filter { still[$0.key] == $0.value }.compactMap { table.owner(of: $0.key) }).sorted()
    }

    /// Reads services that stand still for the last time, and removes them.
    ///
    /// - Parameter due: those that have stood still long enough, by their numbers.
    mutating func removeStill(_ due: [ServiceKey: UInt64], kernel: any Kernel) {
        let keys = due.filter { still[$0.key] == $0.value }.map(\.key)
        if keys.isEmpty { return }
        var owners: [ServiceKey: LoadBalancerID] = [:]
        for key in keys { owners[key] = table.owner(of: key) }
        var readings: [ServiceKey: TrafficCounter] = [:]
        let gone: [ServiceKey]
        do throws(KernelInterruption) {
            let changes = keys.flatMap { [Change.readService($0), .deleteService($0)] }
            let refused = try kernel.carryOut(changes) { readings[$1.key] = TrafficCounter($1.statistics, run: $1.key.run) }
            let staying = Set(refused.filter { !changes[$0.index].isSurprise($0.number) }.map { $0.index / 2 })
            gone = keys.indices.filter { !staying.contains($0) }.map { keys[$0] }
        } catch {
            log.write(
                .warning, "services that stand still could not be removed; this is tried again with the next comparison",
                [("error", error.message)])
            _ = try? refresh(keys, kernel)
            gone = keys.filter { table[$0] == nil }
        }
        for key in gone {
            if let reading = readings[key], let owner = owners[key], !hasFinal(of: owner, key) {
                finals[owner, default: []].append(reading)
            }
            still[key] = nil
            table.set(key, nil)
        }
    }

    /// The services that count for these load balancers without being theirs to listen on: those that stand still.
    func stillCounting(for ids: Set<LoadBalancerID>) -> [ServiceKey: LoadBalancerID] {
        var counting: [ServiceKey: LoadBalancerID] = [:]
        for key in still.keys {
            if let owner = table.owner(of: key), ids.contains(owner) { counting[key] = owner }
        }
        return counting
    }

    private func hasFinal(of owner: LoadBalancerID, _ key: ServiceKey) -> Bool { finals[owner]?.contains { $0.run == key.run } ?? false }

    private mutating func takeFinal(of owner: LoadBalancerID, run: UInt64) -> TrafficCounter? {
        guard let place = finals[owner]?.firstIndex(where: { $0.run == run }) else { return nil }
        return finals[owner]?.remove(at: place)
    }
}

extension LoadBalancerPatch {
    /// Whether what counted under this identity before is not of this load balancer.
    var beginsLife: Bool {
        switch loadBalancer {
        case .create: true
        case .update(let old, let new): old.isRest && !new.isRest
        case .delete: false
        }
    }
}

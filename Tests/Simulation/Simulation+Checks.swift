import LBaaS
import Requests
import StateStore

@testable import Controller

// What must hold.

extension Simulation {
    /// The committed state.
    var snapshot: Snapshot {
        pipeline.committed.read { Snapshot(revision: $0.revision, wanted: $0.wanted, facts: $0.facts) }
    }

    /// Checks what must hold after each step.
    func check() throws {
        follow()
        let snapshot = snapshot
        if !sent.model.matches(snapshot.wanted.entries) {
            world.violate(
                "wanted is \(snapshot.wanted.entries.values.map(\.loadBalancer)), and durable are the changes that make \(sent.model.entries.values.map(\.loadBalancer))"
            )
        }
        if reported > appliance.counted { world.violate("\(reported) bytes were reported, and only \(appliance.counted) counted") }
        try checkDurable(snapshot)
        let diverging = Set(pipeline.diverging)
        checkAppliance(snapshot, diverging)
        if hasListeners, diverging.isEmpty { checkTold(snapshot) }
    }

    private func checkDurable(_ snapshot: Snapshot) throws {
        let stored = store.durable
        let durable = try stored.snapshot(now: world.clock.now, drainTimeout: appliance.upkeep.drainTimeout)
        if durable.wanted.entries != snapshot.wanted.entries { world.violate("the durable state is not the committed one") }
        if durable.revision != snapshot.revision { world.violate("the durable revision is \(durable.revision), not \(snapshot.revision)") }
        let facts = StoredState(snapshot.facts)
        if Set(stored.nodes) != Set(facts.nodes) || stored.quorums != facts.quorums {
            world.violate("the durable facts are \(stored.nodes) \(stored.quorums), not \(facts.nodes) \(facts.quorums)")
        }
        if durable.facts.drains.all != snapshot.facts.drains.all { world.violate("the durable drains are not the committed ones") }
    }

    private func effective(_ snapshot: Snapshot) -> [LoadBalancerID: LoadBalancer] {
        var effective: [LoadBalancerID: LoadBalancer] = [:]
        for id in Set(snapshot.wanted.entries.keys).union(snapshot.facts.drains.owners) {
            effective[id] =
                rule.state(
                    of: id, wanted: snapshot.wanted.entries[id]?.loadBalancer, drains: snapshot.facts.drains,
                    health: snapshot.facts.health[id]
                ).appliance
        }
        return effective
    }

    private func checkAppliance(_ snapshot: Snapshot, _ diverging: Set<LoadBalancerID>) {
        let (wanted, running) = (effective(snapshot), appliance.running)
        for id in Set(wanted.keys).union(running.keys) where wanted[id] != running[id] && !diverging.contains(id) && !unseen.contains(id) {
            world.violate("\(id) runs as \(String(describing: running[id])), and should as \(String(describing: wanted[id]))")
        }
    }

    private func checkTold(_ snapshot: Snapshot) {
        let up = snapshot.wanted.entries.values.compactMap { entry -> Service? in
            let state = ServiceState(of: entry.loadBalancer, health: snapshot.facts.health[entry.loadBalancer.id])
            return state.isUp ? state.service : nil
        }
        if Set(up) != listener.told { world.violate("the world was told \(listener.told), and up are \(up)") }
    }

    /// Checks an answer to STATS: it is of one moment, that of the request.
    func check(_ outcome: Outcome, of selection: Selection, in snapshot: Snapshot) {
        guard let found = Result(catching: { try snapshot.find(selection) }).success else {
            if case .refused = outcome { return }
            return world.violate("STATS \(selection) is answered with \(outcome), and something of it is not there")
        }
        guard let found else {
            if case .deleted = outcome { return }
            return world.violate("STATS \(selection) is answered with \(outcome), and was deleted")
        }
        let running = appliance.running
        let down = world.with { $0.downNodes }
        switch outcome {
        case .status(let statuses, _):
            let expected = found.map { entry, health in
                let loadBalancer = entry.loadBalancer
                let nodes: [String]
                if rule.checking == .worker, loadBalancer.monitor != nil, let health {
                    nodes = loadBalancer.nodes.map { node in
                        let isInUse = node.condition == .enabled && !loadBalancer.isSuspended
                        return text(node.id, isInUse && health.nodes[node.id]?.health.isUp ?? false)
                    }
                } else if let running = running[loadBalancer.id] {
                    nodes = running.nodes.map { text($0.id, !down.contains($0.id)) }
                } else {
                    nodes = loadBalancer.nodes.map { text($0.id, false) }
                }
                return "\(loadBalancer.id): \(nodes)"
            }
            let told = statuses.map { "\($0.id): \($0.nodes.map { text($0.id, $0.isUp) })" }
            if told != expected { world.violate("STATS tells \(told), and should tell \(expected)") }
        case .refused where world.with(\.isSilent): break
        default: world.violate("STATS \(selection) is answered with \(outcome)")
        }
    }

    private func text(_ node: NodeID, _ isUp: Bool) -> String { "\(node) \(isUp ? "up" : "down")" }

    /// Checks what must hold when all failures have ended and everything had its time.
    func checkRest() {
        if !hasFailed, !sent.hasDeleted, reported != appliance.counted {
            world.violate("\(reported) bytes were reported, and \(appliance.counted) counted")
        }
        if !pipeline.diverging.isEmpty { world.violate("at rest \(pipeline.diverging) still diverge") }
        let down = world.with { $0.downNodes }
        for (id, health) in snapshot.facts.health.sorted(by: { $0.key < $1.key }) {
            guard let loadBalancer = snapshot.wanted.entries[id]?.loadBalancer, loadBalancer.monitor != nil, !loadBalancer.isSuspended
            else { continue }
            for (node, fact) in health.nodes where fact.health.isUp == down.contains(node) {
                world.violate("at rest \(node) of \(id) is committed as \(fact.health.isUp ? "up" : "down"), and is not")
            }
        }
    }
}

extension Result {
    fileprivate var success: Success? { try? get() }
}

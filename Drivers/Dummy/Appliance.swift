import LBaaS

/// The appliance in memory: what it runs, who listens where, and what was sent.
struct Appliance: Sendable {
    private var running: [LoadBalancerID: LoadBalancer] = [:]
    private var holders: [Listener: LoadBalancerID] = [:]
    private var traffic: [LoadBalancerID: TrafficCounter] = [:]

    /// What it runs, in the order of the ids.
    var loadBalancers: [LoadBalancer] { running.values.sorted { $0.id < $1.id } }

    /// How the nodes of a load balancer are; nil where it runs no such load balancer.
    func status(of id: LoadBalancerID, down: Set<NodeID>) -> [NodeStatus]? {
        running[id].map { loadBalancer in
            loadBalancer.nodes.map { node in
                let serves = !loadBalancer.isSuspended && node.condition == .enabled && node.weight > 0
                return NodeStatus(id: node.id, isUp: serves && !down.contains(node.id))
            }
        }
    }

    /// What it holds of a load balancer; nil where it runs no such load balancer.
    func report(on id: LoadBalancerID, expected: LoadBalancer?, down: Set<NodeID>) -> ApplianceReport? {
        guard let held = running[id], let statuses = status(of: id, down: down) else { return nil }
        let nodes = zip(held.nodes, statuses).map { node, status in
            ApplianceReport.Node(
                id: node.id, endpoint: node.endpoint, weight: status.isUp ? UInt32(node.weight) : 0, connections: 0,
                words: status.isUp ? "up" : down.contains(node.id) ? "down by the configuration" : "gets nothing")
        }
        return ApplianceReport(
            words: "the table in memory has it" + (held.isSuspended ? ", suspended" : ""), nodes: nodes,
            deviations: LoadBalancerPatch(from: held, to: expected)?.operations ?? [])
    }

    /// Lets a load balancer that is not suspended send so many bytes, and reads its counter; nil where it runs no such load balancer.
    mutating func count(_ bytes: UInt32, of id: LoadBalancerID) -> TrafficCounter? {
        guard let loadBalancer = running[id] else { return nil }
        // A load balancer that was deleted and created again has another counter, which must not be taken for the first.
        let counter = traffic[id] ?? TrafficCounter(bytesOut: 0, run: .random(in: .min ... .max))
        let sent = loadBalancer.isSuspended ? 0 : UInt64(bytes)
        let grown = TrafficCounter(
            bytesOut: counter.bytesOut + sent, bytesIn: counter.bytesIn + sent / 10,
            connections: counter.connections + sent / 100, run: counter.run)
        traffic[id] = grown
        return grown
    }
}

extension Appliance {
    /// Carries out the whole group, or nothing of it.
    ///
    /// - Throws: where a step does not fit what the appliance holds.
    mutating func carryOut(_ group: PatchGroup) throws(DriverError) {
        if group.patches.count > 1, Set(group.patches.map(\.id)).count < group.patches.count {
            let names = group.patches.map { quoted($0.id.text) }.joined(separator: ", ")
            throw DriverError("a group has two steps for one load balancer: \(names)")
        }
        for patch in group.patches {
            try checkOrigin(of: patch)
            try checkListener(of: patch, in: group)
        }
        // All listeners are given up before any is taken, so that load balancers can exchange theirs.
        for patch in group.patches { release(patch) }
        for patch in group.patches { store(patch) }
    }

    private func checkOrigin(of patch: LoadBalancerPatch) throws(DriverError) {
        let held = running[patch.id]
        if held == patch.loadBalancer.old { return }
        // Only put in words where it is needed: this is done for each step.
        let name = quoted(patch.id.text)
        switch (patch.loadBalancer, held) {
        case (.create, _): throw DriverError("cannot create \(name): it exists")
        case (.update, nil): throw DriverError("cannot update \(name): it does not exist")
        case (.delete, nil): throw DriverError("cannot delete \(name): it does not exist")
        case (.update, _?): throw DriverError("cannot update \(name): it is not what the step says that it was")
        case (.delete, _?): throw DriverError("cannot delete \(name): it is not what the step says that it was")
        }
    }

    private func checkListener(of patch: LoadBalancerPatch, in group: PatchGroup) throws(DriverError) {
        guard let listener = patch.loadBalancer.new?.listener, listener != patch.loadBalancer.old?.listener else { return }
        let rival = group.patches.first { $0.id != patch.id && $0.loadBalancer.new?.listener == listener }?.id
        let holder = holders[listener].flatMap { holder in group.patches.contains { $0.id == holder } ? nil : holder }
        if let owner = rival ?? holder {
            throw DriverError("\(quoted(patch.id.text)) cannot listen on \(listener): \(quoted(owner.text)) does")
        }
    }

    private mutating func release(_ patch: LoadBalancerPatch) {
        guard let old = patch.loadBalancer.old, old.listener != patch.loadBalancer.new?.listener else { return }
        holders[old.listener] = nil
    }

    private mutating func store(_ patch: LoadBalancerPatch) {
        running[patch.id] = patch.loadBalancer.new
        if let new = patch.loadBalancer.new {
            if new.listener != patch.loadBalancer.old?.listener { holders[new.listener] = patch.id }
        } else {
            traffic[patch.id] = nil
        }
    }
}

/// Facts about one load balancer whose nodes the worker checks: how they are, and whether the service has its quorum.
///
/// A pure state machine: it follows what is wanted, takes what checks report and the passing of time, and says what should run.
public struct ServiceHealth: Hashable, Sendable {
    /// Facts about one node.
    public struct NodeFact: Hashable, Sendable {
        /// Where it is: a node that moves is another one to its checks.
        public var endpoint: Endpoint
        /// How it is.
        public var health: NodeHealth
        /// True where it is down and kept in service all the same, because so much went down at once that the checks are the likelier fault.
        public var isHeld: Bool
        /// How much of its weight it has, in thousandths, 1 to 1000: less than all while it comes back by steps.
        public var share: UInt16
        /// The revision of the change since which it is judged as it is now: the change that made the node, moved it or changed its monitor;
        /// 0 for one that is older than this process. Findings about another version are of no use for it.
        public fileprivate(set) var version: UInt64
        /// The number of the last finding that was taken. An older one that comes later is passed over. It is not durable: a process begins
        /// anew to count.
        public fileprivate(set) var sequence: UInt64 = 0

        /// Facts about a node.
        public init(endpoint: Endpoint, health: NodeHealth, isHeld: Bool = false, share: UInt16 = 1000, version: UInt64 = 0) {
            self.endpoint = endpoint
            self.health = health
            self.isHeld = isHeld
            self.share = share
            self.version = version
        }

        /// Whether it says the same as another, whatever it was judged by.
        public func saysTheSame(as other: NodeFact) -> Bool {
            var other = other
            (other.version, other.sequence) = (version, sequence)
            return self == other
        }

        /// Whether it may get traffic.
        public var serves: Bool { health.isUp || isHeld }

        /// Whether it may get traffic because of what was found, and not because an appliance takes its nodes to be up.
        fileprivate var isFound: Bool { serves && !health.isAssumed }
    }

    /// The nodes.
    public private(set) var nodes: [NodeID: NodeFact]
    /// Whether the service has its quorum.
    public private(set) var hasQuorum: Bool

    /// Facts as they were.
    public init(nodes: [NodeID: NodeFact] = [:], hasQuorum: Bool = false) {
        self.nodes = nodes
        self.hasQuorum = hasQuorum
    }

    /// Whether these facts say the same as others, whatever they were judged by.
    public func saySame(as other: ServiceHealth) -> Bool {
        hasQuorum == other.hasQuorum && nodes.count == other.nodes.count
            && nodes.allSatisfy { id, fact in other.nodes[id].map(fact.saysTheSame) ?? false }
    }

    /// Whether time alone can change it: a node comes back by steps, or is held.
    public var isRestless: Bool { nodes.values.contains { $0.share < 1000 || $0.isHeld } }
}

// MARK: - Events

extension ServiceHealth {
    /// Follows a load balancer as it is wanted now: nodes that are new are not known yet, nodes that stay are as they were.
    ///
    /// - Parameters:
    ///   - version: the revision of the change.
    ///   - isMonitorNew: whether its nodes are checked in another way than before.
    public mutating func follow(
        _ loadBalancer: LoadBalancer, checkedBy checking: NodeChecking, version: UInt64, isMonitorNew: Bool = false, now: Timestamp
    ) {
        // Where nobody looks, all is well. An appliance takes its nodes to be up until it knows better.
        let isChecked = loadBalancer.monitor != nil || checking == .driver
        let isUpFirst = checking == .driver || loadBalancer.monitor.map { $0.initiallyUp ?? false } ?? true
        // An appliance's guess does not bring a service up; it does no harm to one that is.
        let isAssumed = checking == .driver && loadBalancer.monitor != nil && !(hasQuorum && nodes.values.contains(where: \.isFound))
        var followed: [NodeID: NodeFact] = [:]
        followed.reserveCapacity(loadBalancer.nodes.count)
        for node in loadBalancer.nodes {
            if var fact = nodes[node.id], fact.endpoint == node.endpoint, isChecked || fact.health.isUp {
                if isMonitorNew { fact.version = version }
                followed[node.id] = fact
            } else {
                followed[node.id] = NodeFact(
                    endpoint: node.endpoint,
                    health: NodeHealth(isUp: isUpFirst, against: 0, reason: nil, since: now, wasUp: isUpFirst && !isAssumed),
                    version: version)
            }
        }
        nodes = followed
        judge(loadBalancer, now)
    }

    /// Takes what checks found. A finding about a node that is gone or is judged anew since then, and one that is older than the last that
    /// was taken, is passed over.
    public mutating func take(_ findings: [NodeID: NodeFinding], of loadBalancer: LoadBalancer, now: Timestamp) {
        for (id, finding) in findings {
            guard var fact = nodes[id], fact.version == finding.version, fact.sequence < finding.sequence else { continue }
            let comesBack = finding.health.isUp && !fact.serves
            fact.health = finding.health
            fact.sequence = finding.sequence
            if comesBack { fact.share = loadBalancer.monitor?.share(after: 0) ?? 1000 }
            if finding.health.isUp { fact.isHeld = false }
            nodes[id] = fact
        }
        judge(loadBalancer, now)
    }

    /// Takes it that time has passed.
    public mutating func advance(_ loadBalancer: LoadBalancer, now: Timestamp) {
        for (id, fact) in nodes where fact.share < 1000 {
            let passed = now.microseconds - fact.health.since.microseconds
            nodes[id]?.share = loadBalancer.monitor?.share(after: passed) ?? 1000
        }
        judge(loadBalancer, now)
    }

    private mutating func judge(_ loadBalancer: LoadBalancer, _ now: Timestamp) {
        hold(loadBalancer, now)
        let quorum = UInt64(loadBalancer.quorum ?? 1)
        let hysteresis = UInt64(loadBalancer.hysteresis)
        let weight = weightInService(loadBalancer)
        if weight >= quorum + hysteresis {
            hasQuorum = true
        } else if weight < max(1, quorum - min(quorum, hysteresis)) {
            hasQuorum = false
        }
    }

    /// Keeps nodes in service that are down, where more of the weight went down within one window than may; lets go of them where it did not.
    private mutating func hold(_ loadBalancer: LoadBalancer, _ now: Timestamp) {
        guard let percent = loadBalancer.panicPercent, let monitor = loadBalancer.monitor else {
            for id in nodes.keys { nodes[id]?.isHeld = false }
            return
        }
        var (all, fallen): (UInt64, UInt64) = (0, 0)
        var fell: [NodeID] = []
        for node in loadBalancer.nodes where node.condition == .enabled {
            guard let fact = nodes[node.id] else { continue }
            all += UInt64(node.weight)
            if fact.health.isUp { continue }
            // One that was never up did not fall.
            // A time to come is of a clock that was set back since then.
            let isRecent = fact.health.wasUp && (0...monitor.panicWindow).contains(now.microseconds - fact.health.since.microseconds)
            if fact.isHeld || isRecent {
                fallen += UInt64(node.weight)
                fell.append(node.id)
            }
        }
        let isPanic = fallen * 100 > all * UInt64(percent)
        let held = isPanic ? Set(fell) : []
        for id in nodes.keys where nodes[id]?.isHeld != held.contains(id) { nodes[id]?.isHeld = held.contains(id) }
    }
}

// MARK: - What should run

extension ServiceHealth {
    /// Whether the world may be told that the service is up: it has its quorum, and not by nodes alone that were never checked.
    public func isUp(_ loadBalancer: LoadBalancer) -> Bool {
        if !hasQuorum || !nodes.values.contains(where: \.health.isAssumed) { return hasQuorum }
        return weight(of: loadBalancer, where: \.isFound) >= UInt64(max(loadBalancer.quorum ?? 1, 1))
    }

    /// The weight of the nodes that serve: those that are no backup or, where none of them does, the backups.
    public func weightInService(_ loadBalancer: LoadBalancer) -> UInt64 { weight(of: loadBalancer, where: \.serves) }

    private func weight(of loadBalancer: LoadBalancer, where counts: (NodeFact) -> Bool) -> UInt64 {
        var (own, backup): (UInt64, UInt64) = (0, 0)
        for node in loadBalancer.nodes where node.condition == .enabled && nodes[node.id].map(counts) ?? true {
            if node.isBackup { backup += UInt64(node.weight) } else { own += UInt64(node.weight) }
        }
        return own > 0 ? own : backup
    }

    /// The load balancer as an appliance should run that takes nodes out by itself, and its sorry server in when none is left: a quorum is
    /// what it does not know.
    public func effectiveWhereNodesAreChecked(_ loadBalancer: LoadBalancer) -> LoadBalancer {
        if hasQuorum || loadBalancer.quorum == nil || loadBalancer.sorryServer == nil { return loadBalancer }
        var effective = loadBalancer
        for index in effective.nodes.indices where effective.nodes[index].condition == .enabled {
            effective.nodes[index].condition = .draining
        }
        return effective
    }

    /// The load balancer as it should run: without the nodes that are down, with the weights of those that come back, and with its sorry
    /// server in their place where it has no quorum.
    public func effective(_ loadBalancer: LoadBalancer) -> LoadBalancer {
        var effective = loadBalancer
        let isSorry = !hasQuorum && loadBalancer.sorryServer != nil
        // Weight 0 keeps the connections that there are.
        let out: Node.Condition = loadBalancer.monitor?.quiesces ?? false ? .draining : .disabled
        for index in effective.nodes.indices where effective.nodes[index].condition == .enabled {
            guard let fact = nodes[effective.nodes[index].id] else { continue }
            if !fact.serves {
                effective.nodes[index].condition = out
            } else if isSorry {
                effective.nodes[index].condition = .draining
            } else if fact.share < 1000, effective.nodes[index].weight > 0 {
                effective.nodes[index].weight = max(1, UInt16(UInt32(effective.nodes[index].weight) * UInt32(fact.share) / 1000))
            }
        }
        if isSorry, let server = loadBalancer.sorryServer {
            effective.nodes.removeAll { $0.endpoint == server }
            effective.nodes.append(Node(id: effective.freeNodeID, address: server.host, port: server.port))
        }
        return effective
    }
}

extension LoadBalancer {
    /// An id for the sorry server that no node has.
    fileprivate var freeNodeID: NodeID {
        var id: NodeID = "sorry server"
        while nodes.contains(where: { $0.id == id }) { id = NodeID(id.text + "'") }
        return id
    }
}

extension Monitor {
    /// How much of its weight a node has so many microseconds after it came back, in thousandths. Less than 0 is of a clock that was set back
    /// since then: the node has all of it.
    fileprivate func share(after microseconds: Int64) -> UInt16 {
        let whole = Int64(slowStart) * 1_000_000
        return microseconds < 0 || microseconds >= whole ? 1000 : UInt16(max(1, microseconds * 1000 / whole))
    }

    /// Within which so much must go down to count as gone at once: as long as it takes to find every node down that is, in microseconds.
    fileprivate var panicWindow: Int64 { (Int64(delay) * Int64(attempts) + Int64(timeout)) * 1_000_000 }
}

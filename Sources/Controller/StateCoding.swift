import JobMessages
import LBaaS
import Requests
import StateStore

// How the values of this room are kept in the store.

extension WantedState.Entry {
    var row: StoredLoadBalancerRow {
        StoredLoadBalancerRow(
            id: loadBalancer.id.text, text: StoredLoadBalancer.text(of: loadBalancer), isSuspended: loadBalancer.isSuspended,
            createdAt: createdAt.microseconds, source: source.rawValue)
    }
}

extension StoredTraffic {
    init(_ account: TrafficLedger.Account, of id: LoadBalancerID) {
        self.init(
            id: id.text, unreported: account.unreported, total: account.total,
            readings: account.readings.map { Reading(run: $0.run, bytes: $0.bytesOut) }, reportedAt: account.reportedAt.microseconds)
    }
}

extension ServiceHealth? {
    /// What the store must take to hold how nodes are, where it holds `old`.
    func writes(from old: ServiceHealth?, of id: LoadBalancerID) -> [StateWrite] {
        guard let self else { return old == nil ? [] : [.forgetHealth(id: id.text)] }
        var writes: [StateWrite] = []
        if old?.hasQuorum != self.hasQuorum { writes.append(.quorum(id: id.text, self.hasQuorum)) }
        for (node, fact) in self.nodes where old?.nodes[node] != fact { writes.append(.node(StoredNodeHealth(fact, of: node, in: id))) }
        for node in old?.nodes.keys ?? [:].keys where self.nodes[node] == nil { writes.append(.forgetNode(id: id.text, node: node.text)) }
        return writes
    }
}

extension StoredNodeHealth {
    fileprivate init(_ fact: ServiceHealth.NodeFact, of node: NodeID, in id: LoadBalancerID) {
        self.init(
            id: id.text, node: node.text, host: fact.endpoint.host.description, port: fact.endpoint.port, isUp: fact.health.isUp,
            wasUp: fact.health.wasUp, against: fact.health.against, reason: fact.health.reason, since: fact.health.since.microseconds,
            isHeld: fact.isHeld, share: fact.share)
    }

    fileprivate func fact(notAfter now: Timestamp) -> ServiceHealth.NodeFact? {
        HostAddress(host).map { host in
            ServiceHealth.NodeFact(
                endpoint: Endpoint(host: host, port: port),
                health: NodeHealth(
                    isUp: isUp, against: against, reason: reason, since: min(now, Timestamp(microseconds: since)), wasUp: wasUp),
                isHeld: isHeld,
                share: share)
        }
    }
}

extension StoredDrains {
    /// What drains on a listener, as it is kept; nothing where the entry is nil.
    init(_ entry: DrainTable.Entry?, on listener: Listener) {
        self.init(
            address: listener.address?.description, port: listener.port, transport: listener.transport.rawValue,
            owner: entry?.owner.text ?? "",
            drains: entry?.drains.map {
                Drain(host: $0.endpoint.host.description, port: $0.endpoint.port, deadline: $0.deadline.microseconds)
            } ?? [])
    }

    /// The listener; nil where it is none any more.
    fileprivate var listener: Listener? {
        guard let transport = Transport(rawValue: transport) else { return nil }
        guard let address else { return Listener(address: nil, port: port, transport: transport) }
        return IPAddress(address).map { Listener(address: $0, port: port, transport: transport) }
    }
}

extension StoredState {
    /// The committed state.
    ///
    /// - Parameters:
    ///   - now: the time. What is later than may be was noted by a clock that has been set back since.
    ///   - drainTimeout: how long a drain can last.
    /// - Throws: where something in it cannot be read.
    func snapshot(now: Timestamp, drainTimeout: Duration?) throws(StartFailure) -> Snapshot {
        let latest = drainTimeout.map { now + $0 } ?? now
        return Snapshot(
            revision: revision, wanted: try wantedState(),
            facts: Facts(health: try healthTable(notAfter: now), drains: try drainTable(notAfter: latest)))
    }

    /// The wanted state.
    ///
    /// - Throws: where a text is not a load balancer any more.
    private func wantedState() throws(StartFailure) -> WantedState {
        guard let reader = StoredLoadBalancerReader() else { throw StartFailure(.memory, "out of memory") }
        var entries: [WantedState.Entry] = []
        entries.reserveCapacity(loadBalancers.count)
        for row in loadBalancers {
            entries.append(try row.entry(reader))
        }
        return WantedState(
            entries: entries, deleted: DeletedIdentities(deleted.map { LoadBalancerID($0) }), isEmptyByDelete: isEmptyByDelete)
    }

    /// What METRICS has reported.
    var ledger: TrafficLedger {
        TrafficLedger(
            Dictionary(
                traffic.map { stored in
                    let account = TrafficLedger.Account(
                        unreported: stored.unreported, total: stored.total,
                        readings: stored.readings.map { TrafficCounter(bytesOut: $0.bytes, run: $0.run) },
                        reportedAt: Timestamp(microseconds: stored.reportedAt))
                    return (LoadBalancerID(stored.id), account)
                }, uniquingKeysWith: { first, _ in first }))
    }

    /// How nodes are.
    ///
    /// - Throws: where the address of one cannot be read.
    private func healthTable(notAfter now: Timestamp) throws(StartFailure) -> [LoadBalancerID: ServiceHealth] {
        var facts: [String: [NodeID: ServiceHealth.NodeFact]] = [:]
        for node in nodes {
            guard let fact = node.fact(notAfter: now) else { throw StartFailure(unreadable: "a node", node.host) }
            facts[node.id, default: [:]][NodeID(node.node)] = fact
        }
        var table: [LoadBalancerID: ServiceHealth] = [:]
        for (id, hasQuorum) in quorums { table[LoadBalancerID(id)] = ServiceHealth(nodes: facts[id] ?? [:], hasQuorum: hasQuorum) }
        return table
    }

    /// What drains.
    ///
    /// - Throws: where a listener or a real server cannot be read.
    private func drainTable(notAfter latest: Timestamp) throws(StartFailure) -> DrainTable {
        var table = DrainTable()
        for stored in drains {
            var drains: [Drain] = []
            for drain in stored.drains {
                guard let host = HostAddress(drain.host) else { throw StartFailure(unreadable: "a drain", drain.host) }
                let endpoint = Endpoint(host: host, port: drain.port)
                drains.append(Drain(endpoint: endpoint, deadline: min(latest, Timestamp(microseconds: drain.deadline))))
            }
            guard let listener = stored.listener else {
                throw StartFailure(unreadable: "a drain", "\(stored.address ?? "*"):\(stored.port)/\(stored.transport)")
            }
            table[listener] = DrainTable.Entry(owner: LoadBalancerID(stored.owner), drains: drains)
        }
        return table
    }
}

extension StoredLoadBalancerRow {
    fileprivate func entry(_ reader: StoredLoadBalancerReader) throws(StartFailure) -> WantedState.Entry {
        do throws(StoredLoadBalancerReader.Damage) {
            var loadBalancer = try reader.loadBalancer(from: text)
            guard loadBalancer.id.text == id else {
                throw StoredLoadBalancerReader.Damage(reason: "its text is that of \(quoted(loadBalancer.id.text))")
            }
            loadBalancer.isSuspended = isSuspended
            return WantedState.Entry(
                loadBalancer: loadBalancer, createdAt: Timestamp(microseconds: createdAt),
                source: WantedState.Source(rawValue: source) ?? .jobs)
        } catch {
            throw StartFailure(
                .state, "the state of load balancer \(quoted(id)) cannot be read: \(error.reason); restore the state from a backup")
        }
    }
}

/// Why the worker cannot begin.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// The state cannot be opened or trusted.
        case state
        /// The appliance cannot be asked what it runs.
        case appliance
        /// A service of the configuration file cannot be.
        case configuration
        /// There is no memory.
        case memory
    }

    /// What kind of failure it is.
    public let code: Code
    /// What went wrong, where, and what to do.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The state has something that nobody understands.
    fileprivate init(unreadable what: String, _ text: String) {
        self.init(.state, "the state has \(what) at \(quoted(text)), which cannot be read; restore the state from a backup")
    }

    /// The message.
    public var description: String { message }
}

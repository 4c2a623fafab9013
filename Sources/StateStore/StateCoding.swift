public import LBaaS
import LoadBalancerJSON

// How LBaaS's values are kept in the store.

extension WantedState.Entry {
    /// The load balancer as it is kept.
    public var row: StoredLoadBalancerRow {
        StoredLoadBalancerRow(
            id: loadBalancer.id.text, text: StoredLoadBalancer.text(of: loadBalancer), isSuspended: loadBalancer.isSuspended,
            createdAt: createdAt.microseconds, source: source.rawValue, revision: revision)
    }
}

extension ServiceHealth? {
    /// What the store must take to hold how nodes are, where it holds `old`.
    public func writes(from old: ServiceHealth?, of id: LoadBalancerID) -> [StateWrite] {
        guard let self else { return old == nil ? [] : [.forgetHealth(id: id.text)] }
        var writes: [StateWrite] = []
        if old?.hasQuorum != self.hasQuorum { writes.append(.quorum(id: id.text, self.hasQuorum)) }
        for (node, fact) in self.nodes where !(old?.nodes[node]?.saysTheSame(as: fact) ?? false) {
            writes.append(.node(StoredNodeHealth(fact, of: node, in: id)))
        }
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

extension VirtualIPTable.Requested {
    /// What requests have made of an address, as it is kept.
    public func row(of address: IPAddress) -> StoredVirtualIPRow {
        StoredVirtualIPRow(
            address: address.description, text: virtualIP.map { StoredVirtualIP.text(of: $0) }, version: version.number, host: version.host)
    }
}

extension SilencedRoutes {
    /// What stands for every address.
    fileprivate static let every = "*"

    /// The routes that are stopped, as they are kept.
    public var rows: [StoredSilencedRoute] {
        let texts = addresses.map { ($0.key.description, $0.value) } + (all.map { [(Self.every, $0)] } ?? [])
        return texts.map { StoredSilencedRoute(address: $0, time: $1.time.microseconds, origin: $1.origin) }.sorted {
            $0.address < $1.address
        }
    }
}

extension StoredDrains {
    /// What drains on a listener, as it is kept; nothing where the entry is nil.
    public init(_ entry: DrainTable.Entry?, on listener: Listener) {
        self.init(
            address: listener.address?.description, port: listener.port,
            transport: listener.transport.rawValue + (listener.mark.map { "/\($0)" } ?? ""),
            owner: entry?.owner.text ?? "",
            drains: entry?.drains.map {
                Drain(host: $0.endpoint.host.description, port: $0.endpoint.port, deadline: $0.deadline.microseconds)
            } ?? [])
    }

    /// The listener; nil where it is none any more. A mark of the packet filter stands behind the transport: `tcp/1048577`.
    fileprivate var listener: Listener? {
        let parts = transport.split(separator: "/", maxSplits: 1)
        guard let first = parts.first, let transport = Transport(rawValue: String(first)) else { return nil }
        let mark = parts.count > 1 ? UInt32(parts[1]) : nil
        guard parts.count == 1 || mark != nil else { return nil }
        guard let address else { return Listener(address: nil, port: port, transport: transport, mark: mark) }
        return IPAddress(address).map { Listener(address: $0, port: port, transport: transport, mark: mark) }
    }
}

extension StoredState {
    /// The committed state.
    ///
    /// - Parameters:
    ///   - now: the time. What is later than may be was noted by a clock that has been set back since.
    ///   - drainTimeout: how long a drain can last.
    /// - Throws: where something in it cannot be read.
    public func snapshot(now: Timestamp, drainTimeout: Duration?) throws(StateStoreError) -> Snapshot {
        let latest = drainTimeout.map { now + $0 } ?? now
        return Snapshot(
            revision: revision, wanted: try wantedState(),
            facts: Facts(health: try healthTable(notAfter: now), drains: try drainTable(notAfter: latest)))
    }

    /// The wanted state.
    ///
    /// - Throws: where a text is not a load balancer any more.
    private func wantedState() throws(StateStoreError) -> WantedState {
        guard let reader = StoredLoadBalancerReader() else { throw StateStoreError(.inaccessible, "out of memory") }
        var entries: [WantedState.Entry] = []
        entries.reserveCapacity(loadBalancers.count)
        for row in loadBalancers {
            entries.append(try row.entry(reader))
        }
        return WantedState(
            entries: entries, deleted: DeletedIdentities(deleted.map { LoadBalancerID($0) }), isEmptyByDelete: isEmptyByDelete,
            virtualIPs: VirtualIPTable(requested: try requestedVirtualIPs()), silencedRoutes: try stoppedRoutes(),
            fronts: fronts)
    }

    /// The routes that are stopped.
    ///
    /// - Throws: where an address cannot be read.
    private func stoppedRoutes() throws(StateStoreError) -> SilencedRoutes {
        var routes = SilencedRoutes()
        for row in silencedRoutes {
            let stop = SilencedRoutes.Stop(time: Timestamp(microseconds: row.time), origin: row.origin)
            if row.address == SilencedRoutes.every {
                routes.all = stop
            } else if let address = IPAddress(row.address) {
                routes.addresses[address] = stop
            } else {
                throw StateStoreError(unreadable: "a stopped route", row.address)
            }
        }
        return routes
    }

    /// What requests have made of virtual IPs.
    ///
    /// - Throws: where an address or a text cannot be read.
    public func requestedVirtualIPs() throws(StateStoreError) -> [IPAddress: VirtualIPTable.Requested] {
        var requested: [IPAddress: VirtualIPTable.Requested] = [:]
        for row in virtualIPs {
            guard let address = IPAddress(row.address) else { throw StateStoreError(unreadable: "a virtual IP", row.address) }
            requested[address] = VirtualIPTable.Requested(
                try row.virtualIP(), version: VirtualIPVersion(number: row.version, host: row.host))
        }
        return requested
    }

    /// How nodes are.
    ///
    /// - Throws: where the address of one cannot be read.
    private func healthTable(notAfter now: Timestamp) throws(StateStoreError) -> LoadBalancerTable<ServiceHealth> {
        var facts: [String: [NodeID: ServiceHealth.NodeFact]] = [:]
        for node in nodes {
            guard let fact = node.fact(notAfter: now) else { throw StateStoreError(unreadable: "a node", node.host) }
            facts[node.id, default: [:]][NodeID(node.node)] = fact
        }
        var table = LoadBalancerTable<ServiceHealth>()
        for (id, hasQuorum) in quorums { table[LoadBalancerID(id)] = ServiceHealth(nodes: facts[id] ?? [:], hasQuorum: hasQuorum) }
        return table
    }

    /// What drains.
    ///
    /// - Throws: where a listener or a real server cannot be read.
    private func drainTable(notAfter latest: Timestamp) throws(StateStoreError) -> DrainTable {
        var table = DrainTable()
        for stored in drains {
            var drains: [Drain] = []
            for drain in stored.drains {
                guard let host = HostAddress(drain.host) else { throw StateStoreError(unreadable: "a drain", drain.host) }
                let endpoint = Endpoint(host: host, port: drain.port)
                drains.append(Drain(endpoint: endpoint, deadline: min(latest, Timestamp(microseconds: drain.deadline))))
            }
            guard let listener = stored.listener else {
                throw StateStoreError(unreadable: "a drain", "\(stored.address ?? "*"):\(stored.port)/\(stored.transport)")
            }
            table[listener] = DrainTable.Entry(owner: LoadBalancerID(stored.owner), drains: drains)
        }
        return table
    }
}

extension StoredLoadBalancerRow {
    fileprivate func entry(_ reader: StoredLoadBalancerReader) throws(StateStoreError) -> WantedState.Entry {
        do throws(StoredLoadBalancerReader.Damage) {
            var loadBalancer = try reader.loadBalancer(from: text)
            guard loadBalancer.id.text == id else {
                throw StoredLoadBalancerReader.Damage(reason: "its text is that of \(quoted(loadBalancer.id.text))")
            }
            loadBalancer.isSuspended = isSuspended
            return WantedState.Entry(
                loadBalancer: loadBalancer, createdAt: Timestamp(microseconds: createdAt),
                source: WantedState.Source(rawValue: source) ?? .jobs, revision: revision)
        } catch {
            throw StateStoreError(
                .damaged, "the state of load balancer \(quoted(id)) cannot be read: \(error.reason); restore the state from a backup")
        }
    }
}

extension StoredVirtualIPRow {
    fileprivate func virtualIP() throws(StateStoreError) -> VirtualIP? {
        guard let text else { return nil }
        do throws(StoredVirtualIP.Damage) {
            return try StoredVirtualIP.virtualIP(from: text)
        } catch {
            throw StateStoreError(
                .damaged, "the state of virtual IP \(address) cannot be read: \(error.reason); restore the state from a backup")
        }
    }
}

extension StateStoreError {
    /// The state has a value that cannot be read.
    fileprivate init(unreadable what: String, _ text: String) {
        self.init(.damaged, "the state has \(what) at \(quoted(text)), which cannot be read; restore the state from a backup")
    }
}

import LBaaS

/// What a running haproxy was found to run, as load balancers.
struct Finding {
    /// haproxy as it runs.
    var running: Running
    /// The load balancers that run otherwise than a load balancer can tell.
    private(set) var altered: Set<LoadBalancerID> = []

    /// The load balancers that run, in the order of their ids.
    var loadBalancers: [LoadBalancer] { running.proxies.values.map(\.loadBalancer).sorted { $0.id < $1.id } }

    /// - Parameters:
    ///   - known: what the configuration that runs has, where that is known; else what could be meant.
    ///   - isKnown: whether it is known.
    init(
        _ process: ProcessInformation, fingerprint: String, rows: [StatisticsRow], states: [ServerState],
        known: [LoadBalancerID: LoadBalancer], isKnown: Bool
    ) {
        running = Running(pid: process.pid, fingerprint: fingerprint)
        let ours = rows.filter { Proxy.numbers.contains($0.number) }
        let states = Dictionary(grouping: states) { $0.proxy }
        let frontends = Dictionary(ours.filter { $0.kind == .frontend }.map { ($0.proxy, $0) }) { first, _ in first }
        let backups = Set(ours.filter { $0.kind == .server && $0.isBackup }.map { Place(proxy: $0.proxy, server: $0.server) })
        for row in ours where row.kind == .backend {
            guard let text = row.proxy.id else { continue }
            let id = LoadBalancerID(text)
            let frontend = frontends[row.proxy]
            var loadBalancer = known[id] ?? LoadBalancer(id: id, serviceProtocol: .tcp, port: 1)
            loadBalancer.isSuspended = frontend == nil
            if !isKnown { note("load balancer \(quoted(text)) has settings that nobody knows", id) }
            if let frontend, frontend.status != "OPEN" { note("load balancer \(quoted(text)) does not listen", id) }
            if frontend != nil {
                take(states[row.proxy] ?? [], into: &loadBalancer) { backups.contains(Place(proxy: row.proxy, server: $0)) }
            }
            running.proxies[id] = Proxy(loadBalancer: loadBalancer, number: row.number)
        }
    }

    private struct Place: Hashable {
        let proxy: ApplianceName
        let server: ApplianceName
    }

    private mutating func note(_ reason: String, _ id: LoadBalancerID) {
        altered.insert(id)
        if running.broken[id] == nil { running.broken[id] = reason }
    }

    /// Puts the servers as they are in place of the nodes as they should be.
    private mutating func take(_ states: [ServerState], into loadBalancer: inout LoadBalancer, isBackup: (ApplianceName) -> Bool) {
        let id = loadBalancer.id
        var found = Dictionary(states.map { ($0.server, $0) }) { first, _ in first }
        let sorry = found.removeValue(forKey: .sorryServer)
        if sorry?.endpoint != loadBalancer.sorryServer || sorry.map({ $0.condition != .enabled }) ?? false {
            note("the sorry server of load balancer \(quoted(id.text)) was changed", id)
        }
        var nodes: [Node] = []
        for var node in loadBalancer.nodes {
            guard let state = found.removeValue(forKey: ApplianceName(node.id)) else { continue }
            take(state, into: &node)
            node.isBackup = isBackup(state.server)
            if !state.isChecked { note("node \(quoted(node.id.text)) of load balancer \(quoted(id.text)) is not checked", id) }
            nodes.append(node)
        }
        for state in states where found[state.server] != nil {
            guard let text = state.server.id, let endpoint = state.endpoint else { continue }
            if state.condition == .disabled {
                running.retired[id, default: [:]][state.server] = RetiredServer(isBackup: isBackup(state.server), host: endpoint.host)
                continue
            }
            var node = Node(id: NodeID(text), address: endpoint.host, port: endpoint.port, isBackup: isBackup(state.server))
            take(state, into: &node)
            nodes.append(node)
        }
        loadBalancer.nodes = nodes
    }

    private func take(_ state: ServerState, into node: inout Node) {
        if let endpoint = state.endpoint { (node.address, node.port) = (endpoint.host, endpoint.port) }
        node.weight = state.weight
        node.condition = state.condition
    }
}

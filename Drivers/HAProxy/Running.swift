import LBaaS

/// What the worker knows of the haproxy that runs.
struct Running: Sendable {
    /// The process that serves.
    var pid: Int32
    /// Which configuration it runs.
    var fingerprint: String
    /// Its load balancers, as they run.
    var proxies: [LoadBalancerID: Proxy] = [:]
    /// Servers that were taken out while they had connections. They are in maintenance until they go.
    var retired: [LoadBalancerID: [ApplianceName: RetiredServer]] = [:]
    /// What cannot be put right while haproxy runs, in words.
    var broken: [LoadBalancerID: String] = [:]

    /// The load balancers once these steps are taken.
    func proxies(after groups: [PatchGroup], number: () -> UInt32) -> [LoadBalancerID: Proxy] {
        var proxies = proxies
        for patch in groups.lazy.flatMap(\.patches) {
            guard let new = patch.loadBalancer.new else {
                proxies[patch.id] = nil
                continue
            }
            // Created anew it is another: what its namesake counted is not its own.
            let kept = patch.loadBalancer.old == nil ? nil : proxies[patch.id]?.number
            proxies[patch.id] = Proxy(loadBalancer: new, number: kept ?? number())
        }
        return proxies
    }
}

/// What haproxy does not change of a server while it runs.
struct RetiredServer: Hashable, Sendable {
    /// Whether it is a backup.
    let isBackup: Bool
    /// Whether its address is a host name.
    let isNamed: Bool

    init(isBackup: Bool, host: HostAddress) {
        self.isBackup = isBackup
        if case .name = host { isNamed = true } else { isNamed = false }
    }
}

/// A command for a running haproxy.
struct RuntimeCommand: Hashable, Sendable {
    /// What its answer tells.
    enum Kind: Hashable, Sendable {
        /// Done is what has no answer.
        case silent
        /// Done is what says what became of the address.
        case address
        /// Done is what says that there is a new server.
        case addition
        /// A server goes, or stays for its connections.
        case deletion(of: LoadBalancerID, server: ApplianceName, RetiredServer)
    }

    let text: String
    let kind: Kind

    init(_ text: String, _ kind: Kind = .silent) {
        self.text = text
        self.kind = kind
    }

    /// Whether haproxy did it. A server that cannot go yet is in maintenance, which does for now.
    func isDone(_ answer: String) -> Bool {
        switch kind {
        case .silent: answer.isEmpty
        case .address: answer.hasSuffix("by 'stats socket command'")
        case .addition: answer == "New server registered."
        case .deletion: true
        }
    }

    /// Whether the answer says that a server is gone.
    static func isDeleted(_ answer: String) -> Bool { answer == "Server deleted." }
}

/// How a step is taken.
enum Remedy: Hashable, Sendable {
    /// While haproxy runs.
    case runtime([RuntimeCommand])
    /// By loading the configuration anew, for this reason.
    case load(String)
}

extension LoadBalancerPatch {
    /// How haproxy, as it runs, takes the step.
    func remedy(on running: Running, base: BaseConfiguration) -> Remedy {
        let name = quoted(id.text)
        if let reason = running.broken[id] { return .load(reason) }
        switch loadBalancer {
        case .create: return .load("load balancer \(name) is new")
        case .delete: return .load("load balancer \(name) is deleted")
        case .update(let old, let new):
            if old.isSuspended != new.isSuspended { return .load("load balancer \(name) is \(new.isSuspended ? "suspended" : "enabled")") }
            if changesSettings, old.structure(with: base) != new.structure(with: base) {
                return .load("the settings of load balancer \(name) change")
            }
            if new.isSuspended { return .runtime([]) }
            if let reason = reasonOfNodes(old, new, retired: running.retired[id] ?? [:]) { return .load(reason) }
            let retired = running.retired[id] ?? [:]
            return .runtime(commands(old, new, retired: retired, base: base) + (isForced ? endings(of: retired, new) : []))
        }
    }

    /// Why the nodes can only change by a load; nil where they can while haproxy runs.
    private func reasonOfNodes(_ old: LoadBalancer, _ new: LoadBalancer, retired: [ApplianceName: RetiredServer]) -> String? {
        if old.sorryServer != new.sorryServer { return "the sorry server of load balancer \(quoted(id.text)) changes" }
        for patch in nodes {
            guard let node = patch.new else { continue }
            let shown = "node \(quoted(node.id.text)) of load balancer \(quoted(id.text))"
            let former = patch.old.map { RetiredServer(isBackup: $0.isBackup, host: $0.address) } ?? retired[ApplianceName(node.id)]
            let next = RetiredServer(isBackup: node.isBackup, host: node.address)
            if next.isNamed, patch.old?.endpoint != node.endpoint {
                return "\(shown) has a host name, which haproxy resolves when it loads"
            }
            if let former, former.isNamed, !next.isNamed {
                return "\(shown) has a host name no longer, to which haproxy keeps until it loads"
            }
            if let former, former.isBackup != next.isBackup {
                return "\(shown) \(node.isBackup ? "becomes a backup" : "is a backup no longer")"
            }
        }
        // The first of the backups that is up serves, and new servers come last.
        let before = old.nodes.filter(\.isBackup).map(\.id)
        let after = new.nodes.filter(\.isBackup).map(\.id)
        let known = Set(before)
        let added = after.filter { !known.contains($0) }
        let kept = Set(after)
        if after != before.filter({ kept.contains($0) }) + added || !added.isEmpty && new.sorryServer != nil {
            return "the backups of load balancer \(quoted(id.text)) have another order"
        }
        return nil
    }

    private func commands(
        _ old: LoadBalancer, _ new: LoadBalancer, retired: [ApplianceName: RetiredServer], base: BaseConfiguration
    ) -> [RuntimeCommand] {
        let proxy = ApplianceName(id)
        var commands: [RuntimeCommand] = []
        var states: [RuntimeCommand] = []
        var isAnyNew = false
        for patch in nodes {
            switch patch {
            case .delete(let node):
                commands.append(RuntimeCommand("set server \(proxy)/\(ApplianceName(node.id)) state maint"))
                if isForced { commands.append(Self.ending(of: id, ApplianceName(node.id))) }
                commands.append(
                    Self.deletion(of: id, ApplianceName(node.id), RetiredServer(isBackup: node.isBackup, host: node.address)))
            case .create(let node):
                let server = new.server(of: node)
                if retired[server.name] == nil {
                    commands.append(RuntimeCommand(server.addition(to: proxy, with: base), .addition))
                    commands.append(RuntimeCommand("enable health \(proxy)/\(server.name)"))
                    isAnyNew = true
                } else {
                    commands += [server.addressing(in: proxy), server.weighting(in: proxy)]
                }
                // One that is added is in maintenance until it is told otherwise.
                if node.condition != .disabled { states.append(server.turning(in: proxy)) }
            case .update(let old, let node):
                let server = new.server(of: node)
                if old.endpoint != node.endpoint { commands.append(server.addressing(in: proxy)) }
                if old.weight != node.weight { commands.append(server.weighting(in: proxy)) }
                if old.condition != node.condition { commands.append(server.turning(in: proxy)) }
                if isForced, old.endpoint != node.endpoint || node.condition == .disabled {
                    commands.append(Self.ending(of: id, server.name))
                }
            }
        }
        // A server that is added has no cookie until all are made anew, and must have one before its first client.
        if isAnyNew, new.persistence == .httpCookie { commands.append(RuntimeCommand("enable dynamic-cookie backend \(proxy)")) }
        return commands + states
    }

    /// The commands that end what servers still have that were taken out before.
    private func endings(of retired: [ApplianceName: RetiredServer], _ new: LoadBalancer) -> [RuntimeCommand] {
        let kept = Set(new.nodes.map { ApplianceName($0.id) })
        return retired.filter { !kept.contains($0.key) }.flatMap { name, server in
            [Self.ending(of: id, name), Self.deletion(of: id, name, server)]
        }
    }

    /// Ends the connections of a server.
    private static func ending(of id: LoadBalancerID, _ server: ApplianceName) -> RuntimeCommand {
        RuntimeCommand("shutdown sessions server \(ApplianceName(id))/\(server)")
    }

    /// Takes a server away that is in maintenance, if it has no connection left.
    static func deletion(of id: LoadBalancerID, _ name: ApplianceName, _ server: RetiredServer) -> RuntimeCommand {
        RuntimeCommand("del server \(ApplianceName(id))/\(name)", .deletion(of: id, server: name, server))
    }
}

extension Server {
    fileprivate func addressing(in proxy: ApplianceName) -> RuntimeCommand {
        RuntimeCommand("set server \(proxy)/\(name) addr \(endpoint.host) port \(endpoint.port)", .address)
    }

    fileprivate func weighting(in proxy: ApplianceName) -> RuntimeCommand {
        RuntimeCommand("set server \(proxy)/\(name) weight \(weight)")
    }

    fileprivate func turning(in proxy: ApplianceName) -> RuntimeCommand {
        let state =
            switch condition {
            case .enabled: "ready"
            case .disabled: "maint"
            case .draining: "drain"
            }
        return RuntimeCommand("set server \(proxy)/\(name) state \(state)")
    }
}

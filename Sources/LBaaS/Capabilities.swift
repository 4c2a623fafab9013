/// What a driver can do. A job that asks for more is refused before anything is touched.
public struct Capabilities: Sendable {
    /// What a load balancer may carry.
    public var protocols: Set<ServiceProtocol> = []
    /// How a node may be chosen.
    public var algorithms: Set<Algorithm> = []
    /// How nodes may be checked.
    public var monitors: Set<Monitor.Kind> = []
    /// Whether checks can come from an address of their own.
    public var checkSource = false
    /// The programs that checks may run, by their paths: not what a driver can do, but what the operator of this host allows.
    public var programs: Set<String> = []
    /// Why a file of certificates that a check names cannot be used, in words that follow a colon, or nil where it can: asked with its path.
    /// Nil where the driver refuses by itself what it cannot use.
    public var refusalOfFile: (@Sendable (String) -> String?)?
    /// Whether a client can be kept with its node by its address.
    public var sourcePersistence = false
    /// Whether a client can be kept with its node by a cookie.
    public var cookiePersistence = false
    /// Whether the way packets reach the nodes can be chosen.
    public var forwarding = false
    /// Whether a quorum and its hysteresis are kept.
    public var quorum = false
    /// Whether nodes can be kept in service of which too many went down at once.
    public var panicThreshold = false
    /// Whether it can be chosen how a node begins, goes and comes back.
    public var nodeTransitions = false
    /// Whether a sorry server can answer.
    public var sorryServer = false
    /// Whether one load balancer can listen on every address of the host.
    public var everyAddress = false
    /// Whether a node's address can be a host name.
    public var hostNames = false
    /// Whether logs can be archived.
    public var archive = false

    /// Nothing.
    public init() {}

    /// Everything that PROTOCOL.md knows. It names no programs, for there is no such thing as every program.
    public static var everything: Capabilities {
        var all = Capabilities()
        all.protocols = Set(ServiceProtocol.allCases)
        all.algorithms = Set(Algorithm.allCases)
        all.monitors = Set(Monitor.Kind.allCases)
        all.checkSource = true
        all.sourcePersistence = true
        all.cookiePersistence = true
        all.forwarding = true
        all.quorum = true
        all.panicThreshold = true
        all.nodeTransitions = true
        all.sorryServer = true
        all.everyAddress = true
        all.hostNames = true
        all.archive = true
        return all
    }

    /// The first thing of this load balancer that is beyond these capabilities: the field, below the load balancer, and what it asks for.
    public func missing(for loadBalancer: LoadBalancer) -> (field: String, asked: String)? {
        missing(for: loadBalancer, loadBalancer.monitor)
    }

    /// - Parameter monitor: that of the load balancer: it is large, and each reading of it a copy.
    private func missing(for loadBalancer: LoadBalancer, _ monitor: Monitor?) -> (field: String, asked: String)? {
        if !protocols.contains(loadBalancer.serviceProtocol) { return ("protocol", loadBalancer.serviceProtocol.rawValue) }
        if !everyAddress, loadBalancer.address.map(\.isUnspecified) ?? true { return ("address", "listening on every address") }
        if !algorithms.contains(loadBalancer.algorithm) { return ("algorithm", loadBalancer.algorithm.rawValue) }
        if let monitor, !monitors.contains(monitor.kind) { return ("monitor.type", monitor.kind.rawValue) }
        if !checkSource, monitor?.source != nil { return ("monitor.source", "checking from an address of choice") }
        if !nodeTransitions, let field = monitor?.transitionField { return ("monitor.\(field)", "choosing how nodes turn") }
        switch loadBalancer.sessionPersistence {
        case .sourceIP? where !sourcePersistence: return ("sessionPersistence.type", "SOURCE_IP")
        case .httpCookie? where !cookiePersistence: return ("sessionPersistence.type", "HTTP_COOKIE")
        default: break
        }
        if !forwarding, loadBalancer.forwarding != nil { return ("forwarding", "choosing how packets are forwarded") }
        if !quorum, loadBalancer.quorum != nil { return ("quorum", "a quorum") }
        if !quorum, loadBalancer.hysteresis > 0 { return ("hysteresis", "a hysteresis") }
        if !panicThreshold, loadBalancer.panicPercent != nil { return ("panic_percent", "a panic threshold") }
        if !sorryServer, loadBalancer.sorryServer != nil { return ("sorry_server", "a sorry server") }
        return hostNames ? nil : named(in: loadBalancer)
    }

    /// Why this load balancer cannot be with these capabilities: the field, below the load balancer, and what is wrong with it. Nil where it can.
    ///
    /// - Parameter old: what it replaces. A file that it named already is no reason, for it has nothing to do with the change.
    public func objection(
        to loadBalancer: LoadBalancer, driverName: String, replacing old: LoadBalancer? = nil
    ) -> (field: String, reason: String)? {
        let monitor = loadBalancer.monitor
        guard let missing = missing(for: loadBalancer, monitor) else {
            return monitor.flatMap { forbidden(for: $0) ?? unusableFile(of: $0, replacing: old) }
        }
        return (missing.field, "\(missing.asked) is beyond the \(driverName) driver")
    }

    /// The program that a check of this load balancer would run without being allowed to: the field, below the load balancer, and what is
    /// wrong with it.
    public func forbidden(for loadBalancer: LoadBalancer) -> (field: String, reason: String)? {
        loadBalancer.monitor.flatMap(forbidden)
    }

    private func forbidden(for monitor: Monitor) -> (field: String, reason: String)? {
        guard monitor.kind == .exec else { return nil }
        let program = monitor.command.first ?? ""
        if programs.contains(program) { return nil }
        return (
            "monitor.command[0]",
            "\(quoted(program)) is not a program that checks may run on this host; allow it by the key programs of the section [health]"
        )
    }

    /// The file that a check of this load balancer could not use: the field, below the load balancer, and what is wrong with it.
    private func unusableFile(of monitor: Monitor, replacing old: LoadBalancer?) -> (field: String, reason: String)? {
        guard let refusalOfFile, let path = monitor.tls.authorities, path != old?.monitor?.tls.authorities else { return nil }
        return refusalOfFile(path).map { ("monitor.ca_file", $0) }
    }

    private func named(in loadBalancer: LoadBalancer) -> (field: String, asked: String)? {
        let asked = "a host name in place of an address"
        if let server = loadBalancer.sorryServer, server.host.isName { return ("sorry_server.address", asked) }
        return loadBalancer.nodes.firstIndex { $0.address.isName }.map { ("nodes[\($0)].address", asked) }
    }
}

extension Monitor {
    /// The first field that says how a node begins, goes or comes back; nil where none does.
    fileprivate var transitionField: String? {
        if initiallyUp != nil { return "initial" }
        if quiesces { return "quiesce" }
        return slowStart > 0 ? "slow_start" : nil
    }
}

extension HostAddress {
    fileprivate var isName: Bool {
        if case .name = self { true } else { false }
    }
}

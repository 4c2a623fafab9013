import JSON
import LBaaS
import LoadBalancerJSON
import Requests

// How a service of go_keepalived becomes a load balancer.

/// What a request says of a service; nil for what it does not say.
struct ServiceSettings: Sendable {
    /// The schedulers of IPVS that there are, by the name of each.
    private static let algorithms: [String: Algorithm] = [
        "rr": .roundRobin, "wrr": .roundRobin, "lc": .leastConnections, "wlc": .leastConnections, "sh": .sourceIP, "mh": .maglev,
        "sed": .shortestExpectedDelay, "nq": .neverQueue,
    ]
    /// The largest number that a job may have.
    private static let largest = Int(Int32.max)
    /// How long a check may take where nothing is said, in seconds.
    static let usualTimeout: UInt32 = 1

    private(set) var algorithm: Algorithm?
    private(set) var quorum: UInt32?
    private(set) var hysteresis: UInt32?
    private(set) var timeout: UInt32?
    let check: ServiceCheck?
    let forwarding: Forwarding?

    /// Reads them.
    ///
    /// - Parameter real: the real server that the request is about, which its check may name; nil for none.
    init(_ message: KeepalivedMessage, of real: Endpoint? = nil) throws(Refusal) {
        algorithm = try message[.scheduler].map { name throws(Refusal) in
            if let algorithm = Self.algorithms[name.lowercased()] { return algorithm }
            let names = Self.algorithms.keys.sorted().joined(separator: ", ")
            throw Refusal(.invalid, "Scheduler: '\(name.shortened)' is none of \(names)")
        }
        quorum = UInt32(try message.optionalNumber(.quorum, "a quorum in weight", 1...Self.largest))
        hysteresis = UInt32(try message.optionalNumber(.hysteresis, "a hysteresis in weight", 0...Self.largest))
        timeout = UInt32(try message.optionalNumber(.timeout, "a time in seconds", 1...86_400))
        check = try message[.check].map { text throws(Refusal) in try ServiceCheck(text, of: real) }
        forwarding = try message[.meta].map { text throws(Refusal) in
            switch text.lowercased() {
            case "tunnel", "tun": return .tunnel(Tunnel(kind: .ipip))
            case "nat", "masq", "": return .nat
            default: throw Refusal(.invalid, "Meta: '\(text.shortened)' is none of tunnel and nat")
            }
        }
    }

    /// What they say of a real server.
    var ofReal: ServiceSettings {
        var settings = self
        (settings.algorithm, settings.quorum, settings.hysteresis, settings.timeout) = (nil, nil, nil, nil)
        return settings
    }

    /// Changes what they say.
    func apply(to loadBalancer: inout LoadBalancer) {
        if let algorithm { loadBalancer.algorithm = algorithm }
        if let quorum { loadBalancer.quorum = quorum }
        if let hysteresis {
            loadBalancer.hysteresis = hysteresis
            // One real server is what go_keepalived wants where nothing is said.
            if hysteresis > 0, loadBalancer.quorum == nil { loadBalancer.quorum = 1 }
        }
        // Every driver can have a service that is up while one real server is; a quorum, not every one.
        if loadBalancer.quorum == 1, loadBalancer.hysteresis == 0 { loadBalancer.quorum = nil }
        if let forwarding { loadBalancer.forwarding = forwarding == .nat ? nil : forwarding }
        if let check { loadBalancer.monitor = check.monitor(timeout: loadBalancer.monitor?.timeout ?? Self.usualTimeout) }
        if let timeout {
            loadBalancer.monitor?.delay = timeout
            loadBalancer.monitor?.timeout = timeout
        }
        // The port of a check is left to the real servers where it is theirs.
        if let port = loadBalancer.monitor?.port, !loadBalancer.nodes.isEmpty, loadBalancer.nodes.allSatisfy({ $0.port == port }) {
            loadBalancer.monitor?.port = nil
        }
    }
}

extension LoadBalancer {
    /// A service without real servers.
    init(_ name: ServiceName, _ settings: ServiceSettings) throws(Refusal) {
        let kind: ServiceProtocol =
            switch name.transport {
            case .tcp: .tcp
            case .udp: .udp
            case .sctp: .sctp
            }
        self.init(id: name.id, serviceProtocol: kind, address: name.address, port: name.port)
        monitor = ServiceCheck.tcp.monitor(timeout: ServiceSettings.usualTimeout)
        settings.apply(to: &self)
        try checkAsJob()
    }

    /// Changes what settings say.
    mutating func change(_ settings: ServiceSettings) throws(Refusal) {
        settings.apply(to: &self)
        try checkAsJob()
    }

    /// Refuses what a job could not ask for, in the words that a job gets.
    private func checkAsJob() throws(Refusal) {
        if let complaint = StoredLoadBalancer.complaint(about: self) { throw Refusal(.invalid, complaint) }
    }

    /// Adds a real server.
    mutating func add(_ real: RealServerName, weight: UInt16?, _ settings: ServiceSettings) throws(Refusal) {
        if nodes.contains(where: { $0.id == real.id }) {
            throw Refusal(.conflict, "the service \(id) has the real server \(real.id) already; ChangeReal changes it")
        }
        try take(settings, for: real)
        nodes.append(Node(id: real.id, address: real.endpoint.host, port: real.endpoint.port, weight: weight ?? 1))
        try checkAsJob()
    }

    /// Changes a real server.
    mutating func change(_ real: RealServerName, weight: UInt16?, _ settings: ServiceSettings) throws(Refusal) {
        let place = try place(of: real)
        try take(settings, for: real)
        if let weight { nodes[place].weight = weight }
        try checkAsJob()
    }

    /// Removes a real server.
    mutating func remove(_ real: RealServerName) throws(Refusal) {
        nodes.remove(at: try place(of: real))
        try checkAsJob()
    }

    private func place(of real: RealServerName) throws(Refusal) -> Int {
        guard let place = nodes.firstIndex(where: { $0.id == real.id }) else {
            throw Refusal(.notFound, "the service \(id) has no real server \(real.id)")
        }
        return place
    }

    /// Takes what go_keepalived has for each real server and a load balancer has once: with one real server it is that one's, with others it
    /// must be what they have.
    private mutating func take(_ settings: ServiceSettings, for real: RealServerName) throws(Refusal) {
        let old = self
        settings.ofReal.apply(to: &self)
        guard old.nodes.contains(where: { $0.id != real.id }) else { return }
        if settings.check != nil, monitor != old.monitor {
            throw Refusal(
                .unsupported,
                "Check: all real servers of a service have one check here, and \(id) has another; ChangeService with Check changes it for all"
            )
        }
        if settings.forwarding != nil, forwarding != old.forwarding {
            throw Refusal(
                .unsupported,
                "Meta: all real servers of a service are reached in one way here, and \(id) has another; ChangeService with Meta changes it for all"
            )
        }
    }
}

extension UInt32 {
    fileprivate init?(_ number: Int?) {
        guard let number else { return nil }
        self.init(exactly: number)
    }
}

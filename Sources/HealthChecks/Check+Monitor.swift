import LBaaS

extension Check {
    /// How a node is checked; nil where its load balancer has no monitor, or where there is only a name to check it by, which nobody here
    /// resolves.
    init?(of node: Node, of loadBalancer: LoadBalancer) {
        guard let monitor = loadBalancer.monitor, let kind = Kind(monitor) else { return nil }
        let address: IPAddress
        switch (monitor.address, node.address) {
        case (let other?, _): address = other
        case (nil, .address(let own)): address = own
        case (nil, .name): return nil
        }
        self.init(
            kind, address: address, port: monitor.port ?? node.port, source: monitor.source, delay: .seconds(monitor.delay),
            timeout: .seconds(monitor.timeout), rise: monitor.rise ?? monitor.attempts, fall: monitor.attempts)
    }
}

extension Check.Kind {
    /// What a monitor does; nil for a program that is not named.
    fileprivate init?(_ monitor: Monitor) {
        switch monitor.kind {
        case .connect: self = .connect
        case .http: self = .http(HTTPRequest(monitor, tls: nil))
        case .https: self = .http(HTTPRequest(monitor, tls: monitor.tls))
        case .tls: self = .tls(monitor.tls)
        case .udp: self = .udp(payload: monitor.payload, expected: monitor.expectedAnswer)
        case .icmp: self = .icmp
        case .exec:
            guard let program = monitor.command.first else { return nil }
            self = .exec(path: program, arguments: Array(monitor.command.dropFirst()))
        }
    }
}

extension HTTPRequest {
    fileprivate init(_ monitor: Monitor, tls: LBaaS.TLS?) {
        self.init()
        if let method = monitor.method { self.method = method }
        path = monitor.path
        if let host = monitor.host, !host.isEmpty { self.host = host }
        expectedCodes = monitor.expectedCodes
        self.tls = tls
    }
}

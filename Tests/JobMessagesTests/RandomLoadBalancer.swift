import LBaaS
import TestSupport

extension SeededGenerator {
    /// A load balancer with any field that a job can give it.
    mutating func loadBalancer() -> LoadBalancer {
        var loadBalancer = LoadBalancer(
            id: LoadBalancerID(text()), serviceProtocol: one(of: ServiceProtocol.allCases), address: maybe { $0.address() }, port: port())
        loadBalancer.algorithm = one(of: Algorithm.allCases)
        loadBalancer.monitor = maybe { $0.monitor() }
        loadBalancer.panicPercent = maybe { .random(in: 1...99, using: &$0) }
        if Bool.random(using: &self) { loadBalancer.timeouts = timeouts() }
        loadBalancer.sessionPersistence = maybe { generator in
            generator.one(of: [SessionPersistence.none, .httpCookie, .sourceIP(timeout: generator.number(1))])
        }
        loadBalancer.forwarding = maybe { generator in generator.one(of: [Forwarding.nat, .direct, .tunnel(generator.tunnel())]) }
        loadBalancer.quorum = maybe { $0.number(1) }
        if loadBalancer.quorum != nil, Bool.random(using: &self) { loadBalancer.hysteresis = number(0) }
        loadBalancer.sorryServer = maybe { Endpoint(host: $0.host(), port: $0.port()) }
        loadBalancer.nodes = nodes()
        if loadBalancer.serviceProtocol == .galera {
            if loadBalancer.nodes.isEmpty { loadBalancer.nodes = [Node(id: "n", address: host(), port: port())] }
            for index in loadBalancer.nodes.indices { loadBalancer.nodes[index].isBackup = index > 0 }
            if loadBalancer.sessionPersistence != nil { loadBalancer.sessionPersistence = SessionPersistence.none }
        }
        return loadBalancer
    }

    private mutating func nodes() -> [Node] {
        (0..<one(of: [0, 1, 2, 5, 40])).map { index in
            Node(
                id: NodeID(text() + String(index)), address: host(), port: port(), weight: .random(in: 0...256, using: &self),
                isBackup: .random(using: &self), condition: one(of: Node.Condition.allCases))
        }
    }

    private mutating func monitor() -> Monitor {
        var monitor = Monitor(kind: one(of: Monitor.Kind.allCases))
        monitor.delay = .random(in: 1...86_400, using: &self)
        monitor.timeout = .random(in: 1...monitor.delay, using: &self)
        monitor.attempts = .random(in: 1...1000, using: &self)
        monitor.rise = maybe { .random(in: 1...1000, using: &$0) }
        monitor.path = one(of: ["/", "/health", "/a b?c=\"d\"&e=\\", "/é/世界/😀", "//"])
        monitor.method = maybe { $0.one(of: ["GET", "HEAD", "OPTIONS"]) }
        monitor.host = maybe { $0.one(of: ["", "shop.example", "\"quoted\\host\"", "世界"]) }
        monitor.port = maybe { $0.port() }
        monitor.initiallyUp = maybe { .random(using: &$0) }
        monitor.quiesces = .random(using: &self)
        monitor.slowStart = one(of: [0, 1, 86_400])
        monitor.expectedCodes = (0..<one(of: [0, 1, 3])).map { _ in
            let first = UInt16.random(in: 100...599, using: &self)
            return first...UInt16.random(in: first...599, using: &self)
        }
        return monitor
    }

    private mutating func timeouts() -> Timeouts {
        var timeouts = Timeouts()
        timeouts.client = number(0)
        timeouts.server = number(0)
        timeouts.connect = number(0)
        timeouts.connectRetries = number(0)
        return timeouts
    }

    private mutating func tunnel() -> Tunnel {
        let kind = one(of: Tunnel.Kind.allCases)
        return Tunnel(kind: kind, port: kind == .gue ? port() : nil, checksum: kind == .ipip ? false : .random(using: &self))
    }

    private mutating func address() -> IPAddress {
        one(of: [
            IPAddress.v4(.random(in: 0 ... .max, using: &self)), .v6(high: next(), low: next()), .v6(high: 0, low: next() >> 32),
            .v4(0), .v6(high: 0, low: 0), .v6(high: 0, low: 1),
        ])
    }

    private mutating func host() -> HostAddress {
        one(of: [.address(address()), .name("web-\(next()).example_1")])
    }

    /// Any characters, at least one.
    private mutating func text() -> String {
        let pieces = [
            "a", "B", "7", " ", "\"", "\\", "/", "\n", "\r\n", "\t", "\0", "\u{1}", "\u{1F}", "\u{7F}", "é", "e\u{301}", "世", "😀",
            "\u{2028}", "\u{FEFF}",
            "\u{10FFFF}", "{", "}", "[", ",", ":", "'",
        ]
        return (0..<one(of: [1, 2, 3, 9])).map { _ in one(of: pieces) }.joined()
    }

    private mutating func port() -> UInt16 { one(of: [1, 80, 65_535, .random(in: 1 ... .max, using: &self)]) }

    private mutating func number(_ least: UInt32) -> UInt32 {
        one(of: [least, 30_000, UInt32(Int32.max), .random(in: least...UInt32(Int32.max), using: &self)])
    }

    private mutating func maybe<Value>(_ make: (inout SeededGenerator) -> Value) -> Value? {
        Bool.random(using: &self) ? make(&self) : nil
    }

    private mutating func one<Value>(of values: [Value]) -> Value { values[Int.random(in: values.indices, using: &self)] }
}

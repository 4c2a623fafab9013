import FleetModel
import LBaaS

/// What an object of Octavia is on a worker.
enum Translation {
    /// A listener with its pool and monitor as a load balancer of a worker.
    static func loadBalancer(_ listener: ListenerRecord, _ pool: PoolRecord?, of parent: LoadBalancerRecord) -> LoadBalancer {
        var loadBalancer = LoadBalancer(
            id: LoadBalancerID(listener.head.id), serviceProtocol: listener.serviceProtocol, address: parent.address, port: listener.port)
        loadBalancer.isSuspended = !listener.head.isEnabled || !parent.head.isEnabled
        loadBalancer.timeouts.client = UInt32(clamping: listener.clientTimeout)
        loadBalancer.timeouts.server = UInt32(clamping: listener.memberTimeout)
        loadBalancer.timeouts.connect = UInt32(clamping: listener.connectTimeout)
        // Without this the worker has its own ways to keep a client at a node.
        loadBalancer.sessionPersistence = SessionPersistence.none
        guard let pool, pool.head.change != .delete else { return loadBalancer }
        loadBalancer.algorithm = Algorithm(rawValue: pool.algorithm) ?? .roundRobin
        switch pool.persistence {
        case nil: break
        case .httpCookie?: loadBalancer.sessionPersistence = .httpCookie
        case .sourceIP(let timeout)?: loadBalancer.sessionPersistence = .sourceIP(timeout: UInt32(clamping: timeout ?? 300))
        }
        if let monitor = pool.monitor, monitor.head.isEnabled, monitor.head.change != .delete {
            loadBalancer.monitor = self.monitor(monitor)
        }
        loadBalancer.nodes = pool.members.filter { $0.head.change != .delete }.map { node($0, isEnabled: pool.head.isEnabled) }
        return loadBalancer
    }

    private static func node(_ member: MemberRecord, isEnabled: Bool) -> Node {
        Node(
            id: NodeID(member.head.id), address: .address(member.address), port: member.port, weight: UInt16(clamping: member.weight),
            isBackup: member.isBackup,
            condition: !isEnabled || !member.head.isEnabled ? .disabled : member.weight == 0 ? .draining : .enabled)
    }

    private static func monitor(_ record: MonitorRecord) -> Monitor {
        var monitor = Monitor(kind: kind(record.type))
        monitor.delay = UInt32(clamping: record.delay)
        monitor.timeout = UInt32(clamping: record.timeout)
        monitor.attempts = UInt32(clamping: record.maxRetriesDown)
        monitor.rise = UInt32(clamping: record.maxRetries)
        // As in Octavia, where a member's certificate is for nobody.
        if monitor.kind == .https || monitor.kind == .tls { monitor.tls.isVerified = false }
        guard monitor.kind == .http || monitor.kind == .https else { return monitor }
        monitor.path = record.path ?? "/"
        monitor.method = record.method
        monitor.host = record.domainName
        monitor.expectedCodes = record.expectedCodes.flatMap { [ClosedRange<UInt16>](statusCodes: $0) } ?? []
        return monitor
    }

    private static func kind(_ type: String) -> Monitor.Kind {
        switch type {
        case "HTTP": .http
        case "HTTPS": .https
        case "PING": .icmp
        case "TLS-HELLO": .tls
        case "UDP-CONNECT": .udp
        default: .connect
        }
    }

    /// The protocols of pools that a listener can have.
    static func poolProtocols(of listener: ServiceProtocol) -> [String] {
        switch listener {
        case .http: ["HTTP"]
        case .https: ["HTTPS", "TCP"]
        case .tcp: ["HTTP", "HTTPS", "TCP"]
        case .udp: ["UDP"]
        case .sctp: ["SCTP"]
        case .galera: []
        }
    }

    /// Checks that a listener can have a pool.
    static func check(_ listener: ServiceProtocol, pool: String) throws(OctaviaFault) {
        if poolProtocols(of: listener).contains(pool) { return }
        throw .validation("The pool protocol '\(pool)' is invalid while the listener protocol is '\(listener.rawValue)'.")
    }
}

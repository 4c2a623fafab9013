import HealthChecks
import LBaaS

extension Check {
    /// How a node is checked; nil where it is not.
    init?(of node: Node, of loadBalancer: LoadBalancer) {
        guard let monitor = loadBalancer.monitor, case .address(let address) = node.address else { return nil }
        var request = HTTPRequest()
        request.method = monitor.method ?? request.method
        request.path = monitor.path
        request.host = monitor.host
        request.expectedCodes = monitor.expectedCodes
        let kind: Kind
        switch monitor.kind {
        case .connect: kind = .connect
        case .http: kind = .http(request)
        case .https:
            request.tls = HealthChecks.TLS()
            kind = .http(request)
        }
        self.init(
            kind, address: address, port: monitor.port ?? node.port, delay: .seconds(monitor.delay), timeout: .seconds(monitor.timeout),
            rise: monitor.rise ?? monitor.attempts, fall: monitor.attempts)
    }
}

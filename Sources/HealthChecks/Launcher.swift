import LBaaS

/// What makes the tries of checks, each kind in its way.
final class Launcher {
    private let configuration: HealthChecker.Configuration
    private let poller: Poller
    private let transfers: Transfers

    init(_ configuration: HealthChecker.Configuration, poller: Poller, transfers: Transfers) {
        self.configuration = configuration
        self.poller = poller
        self.transfers = transfers
    }

    /// Begins a try.
    ///
    /// - Throws: where it cannot be made, which says nothing of the node.
    func start(_ check: Check, _ ticket: Ticket) throws(HealthCheckError) -> Start {
        switch check.kind {
        case .connect:
            try ConnectProbe.start(check, ticket, on: poller)
        case .http(let request):
            try Transfer.start(check, ticket, request, authorities: configuration.authorities, on: transfers)
        case .tls(let tls):
            try Transfer.start(check, ticket, tls, authorities: configuration.authorities, on: transfers)
        case .udp(let payload, let expected):
            try DatagramProbe.start(check, ticket, payload: payload, expected: expected, on: poller)
        case .icmp:
            .over(.failed("ICMP: soon"))
        case .exec:
            .over(.failed("EXEC: soon"))
        }
    }
}

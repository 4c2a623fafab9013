import HostSystem
import LBaaS

/// What makes the tries of checks, each kind in its way.
final class Launcher {
    let transfers: Transfers
    let echoes: Echoes
    let programs: Programs
    private let poller: Poller
    private let authorities: String?
    private let sockets: Lane
    private let runs: Lane

    init(_ configuration: HealthChecker.Configuration, poller: Poller) throws(HealthCheckError) {
        self.poller = poller
        authorities = configuration.authorities
        transfers = try Transfers(poller: poller)
        echoes = Echoes(poller: poller)
        programs = Programs(allowed: configuration.allowedPrograms, poller: poller)
        sockets = Lane(limit: min(configuration.maximumSockets, raiseDescriptorLimit()))
        // What was killed and does not go keeps its place.
        runs = Lane(limit: configuration.maximumPrograms) { [programs] in programs.killedCount }
    }

    /// What bounds how many checks of this kind are made at a time; nil for no bound.
    func lane(of kind: Check.Kind) -> Lane? {
        switch kind {
        case .connect, .http, .tls, .udp: sockets
        case .exec: runs
        case .icmp: nil
        }
    }

    /// Whether one that waits can begin.
    var hasNext: Bool { sockets.hasNext || runs.hasNext }

    /// The next that waits and can begin.
    func nextWaiting() -> Ticket? { sockets.next() ?? runs.next() }

    /// Begins a try.
    ///
    /// - Throws: where it cannot be made, which says nothing of the node.
    func start(_ check: Check, _ ticket: Ticket) throws(HealthCheckError) -> Start {
        switch check.kind {
        case .connect:
            try ConnectProbe.start(check, ticket, on: poller)
        case .http(let request):
            try Transfer.start(check, ticket, request, authorities: authorities, on: transfers)
        case .tls(let tls):
            try Transfer.start(check, ticket, tls, authorities: authorities, on: transfers)
        case .udp(let payload, let expected):
            try DatagramProbe.start(check, ticket, payload: payload, expected: expected, on: poller)
        case .icmp:
            try echoes.start(check, ticket)
        case .exec(let path, let arguments):
            try programs.start(check, ticket, Program(path: path, arguments: arguments))
        }
    }
}

import HostSystem
import LBaaS

/// What makes the tries of checks, each kind in its way.
final class Launcher {
    let transfers: Transfers
    let echoes: Echoes
    let programs: Programs
    let authorityFiles: AuthorityFiles
    private let poller: Poller
    /// The file of authorities for checks that name none.
    private lazy var usualAuthorities = givenAuthorities ?? Transfers.systemAuthorities ?? "/etc/ssl/certs/ca-certificates.crt"
    private let givenAuthorities: String?
    private let sockets: ConcurrencyLimit
    private let runs: ConcurrencyLimit

    init(
        _ configuration: HealthChecker.Configuration, poller: Poller, commands: CommandQueue, log: Log
    ) throws(HealthCheckError) {
        self.poller = poller
        givenAuthorities = configuration.authorities
        authorityFiles = AuthorityFiles(log: log) { commands.wake() }
        transfers = Transfers(poller: poller)
        echoes = Echoes(poller: poller)
        programs = try Programs(allowed: configuration.allowedPrograms, poller: poller)
        sockets = ConcurrencyLimit(limit: min(configuration.maximumSockets, raiseDescriptorLimit()))
        // A program that was killed and is not gone keeps its place.
        runs = ConcurrencyLimit(limit: configuration.maximumPrograms) { [programs] in programs.endingCount }
    }

    /// What limits how many checks of this kind are made at a time; nil for no limit.
    func limit(of kind: Check.Kind) -> ConcurrencyLimit? {
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
    func start(_ check: Check, _ ticket: Ticket, now: ContinuousClock.Instant) throws(HealthCheckError) -> Start {
        switch check.kind {
        case .connect:
            try ConnectProbe.start(check, ticket, on: poller)
        case .http(let request):
            switch authorities(for: request.tls, ticket, now: now) {
            case .known(let store): try Transfer.start(check, ticket, request, authorities: store, on: transfers)
            case .unknown(let start): start
            }
        case .tls(let tls):
            switch authorities(for: tls, ticket, now: now) {
            case .known(let store): try Transfer.start(check, ticket, tls, authorities: store, on: transfers)
            case .unknown(let start): start
            }
        case .udp(let payload, let expected):
            try DatagramProbe.start(check, ticket, payload: payload, expected: expected, on: poller)
        case .icmp:
            try echoes.start(check, ticket)
        case .exec(let path, let arguments):
            try programs.start(check, ticket, Program(path: path, arguments: arguments))
        }
    }

    private enum Authorities {
        /// What certificates are verified by; nil where they are not.
        case known(CertificateStore?)
        /// What becomes of the try without them.
        case unknown(Start)
    }

    private func authorities(for tls: TLS?, _ ticket: Ticket, now: ContinuousClock.Instant) -> Authorities {
        guard let tls, tls.isVerified else { return .known(nil) }
        let path = tls.authorities ?? usualAuthorities
        switch authorityFiles.answer(for: path, ticket, now: now) {
        case .store(let store): return .known(store)
        case .loading: return .unknown(.underway(AuthorityWait(path)))
        case .unusable:
            return .unknown(.over(.failed("TLS: \(quoted(path)) is not a file of PEM certificates that this worker can read")))
        }
    }
}

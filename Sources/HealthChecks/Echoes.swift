import CLinux
import Glibc
import LBaaS

/// ICMP echo requests that are waited for. All of a family that come from one address share a socket.
final class Echoes {
    private let poller: Poller
    private var sockets: [EchoSocket] = []
    /// Where the socket is for an address of this side.
    private var places: [IPAddress: Int] = [:]
    /// The node of each try, of which an answer must be.
    private var awaited: [Ticket: IPAddress] = [:]
    /// Tells our requests from those of other programs.
    private let secret = UInt64.random(in: .min ... .max)
    private var buffer = [UInt8](repeating: 0, count: 256)

    init(poller: Poller) { self.poller = poller }

    /// Sends a request.
    func start(_ check: Check, _ ticket: Ticket) throws(HealthCheckError) -> Start {
        do throws(SystemFailure) {
            let socket = try socket(from: check.source ?? check.address.unspecified)
            try socket.send(EchoMark(secret: secret, ticket: ticket), to: check.address)
        } catch {
            return .over(try error.result(of: "ICMP"))
        }
        awaited[ticket] = check.address
        return .underway(EchoProbe(ticket, of: self))
    }

    /// Takes the answers that have come to a socket.
    func receive(at place: Int, _ passed: (Ticket) -> Void) {
        // Others may send more than anybody can read.
        for _ in 0..<256 {
            guard let answer = sockets[place].receive(into: &buffer) else { return }
            guard let mark = answer.mark, mark.secret == secret, let node = awaited[mark.ticket], node == answer.sender else { continue }
            passed(mark.ticket)
        }
    }

    fileprivate func forget(_ ticket: Ticket) { awaited[ticket] = nil }

    private func socket(from source: IPAddress) throws(SystemFailure) -> EchoSocket {
        if let place = places[source] { return sockets[place] }
        let socket = try EchoSocket(from: source)
        try poller.add(socket.number, for: .input, as: .echoes(sockets.count))
        places[source] = sockets.count
        sockets.append(socket)
        return socket
    }
}

/// A request that is waited for.
private final class EchoProbe: Probe {
    private let ticket: Ticket
    private let echoes: Echoes

    init(_ ticket: Ticket, of echoes: Echoes) {
        self.ticket = ticket
        self.echoes = echoes
    }

    deinit { echoes.forget(ticket) }

    /// It is the socket of all that is waited for.
    func ready() -> CheckResult? { nil }

    func expired(after timeout: Duration) -> CheckResult { .failed("ICMP: no answer within \(timeout.text)") }
}

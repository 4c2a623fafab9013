import CLinux
import Glibc
import LBaaS

/// A datagram that was sent, and perhaps is answered.
final class DatagramProbe: Probe {
    private let socket: Socket
    private let expected: [UInt8]?

    private init(_ socket: consuming Socket, expected: [UInt8]?) {
        self.socket = socket
        self.expected = expected
    }

    static func start(
        _ check: Check, _ ticket: Ticket, payload: [UInt8], expected: [UInt8]?, on poller: Poller
    ) throws(HealthCheckError) -> Start {
        do throws(SystemFailure) {
            let socket = try Socket.open(SOCK_DGRAM, to: check.address, from: check.source)
            // What routers say of the node counts too, not only what it says itself.
            switch check.address {
            case .v4: socket.set(SOL_IP, IP_RECVERR, to: Int32(1))
            case .v6: socket.set(SOL_IPV6, IPV6_RECVERR, to: Int32(1))
            }
            _ = try socket.connect(to: check.address, port: check.port)
            try socket.send(payload)
            try poller.add(socket.number, for: .input, as: .check(ticket))
            return .underway(DatagramProbe(socket, expected: expected))
        } catch {
            return .over(try error.result(of: "UDP"))
        }
    }

    func ready() -> CheckResult? {
        var buffer = [UInt8](repeating: 0, count: max(expected?.count ?? 0, 1))
        do throws(SystemFailure) {
            guard let datagram = try socket.receive(into: &buffer) else { return nil }
            guard let expected else { return .passed }
            return buffer.prefix(datagram.count).starts(with: expected) ? .passed : .failed("UDP: unexpected answer")
        } catch {
            return .failed("UDP: \(shortErrorText(error.number))")
        }
    }

    func expired(after timeout: Duration) -> CheckResult {
        expected == nil ? .passed : .failed("UDP: no answer within \(timeout.text)")
    }
}

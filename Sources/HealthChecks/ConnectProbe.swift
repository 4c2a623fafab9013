import CLinux
import Glibc
import LBaaS

/// A try to connect.
final class ConnectProbe: Probe {
    private let socket: Socket

    private init(_ socket: consuming Socket) { self.socket = socket }

    static func start(_ check: Check, _ ticket: Ticket, on poller: Poller) throws(HealthCheckError) -> Start {
        do throws(SystemFailure) {
            let socket = try Socket.open(SOCK_STREAM, to: check.address, from: check.source)
            // The last step of the handshake waits then, as it may, and never comes: the connection is reset before. So it does not
            // appear in the server's queue, which saves both sides work and the server a line in its log.
            socket.set(SOL_TCP, TCP_QUICKACK, to: Int32(0))
            if try socket.connect(to: check.address, port: check.port) { return .over(.passed) }
            try poller.add(socket.number, for: .output, as: .check(ticket))
            return .underway(ConnectProbe(socket))
        } catch {
            return .over(try error.result(of: "connect"))
        }
    }

    func ready() -> CheckResult? {
        let code = socket.pendingError
        return code == 0 ? .passed : .failed("connect: \(shortErrorText(code))")
    }

    func expired(after timeout: Duration) -> CheckResult { .failed("connect: timed out after \(timeout.text)") }
}

import HealthChecks
import LBaaS
import TestSupport
import Testing

@Suite("A CONNECT check")
struct ConnectTests {
    @Test("passes where somebody listens, and is not seen by the server", arguments: [loopback, loopback6])
    func listening(address: IPAddress) async throws {
        let listener = try Socket(.tcp, for: address)
        try listener.bind(to: address, port: 0)
        try listener.listen()
        let checks = try Checks()
        checks.begin(check(.connect, port: listener.port, address: address))
        try await checks.wait(isUp: true)
        try await eventually("more checks") { checks.checker.statistics.begun > 5 }
        #expect(listener.accept() == nil)
    }

    @Test("fails where nobody listens", arguments: [loopback, loopback6])
    func refused(address: IPAddress) async throws {
        let closed = try Socket(.tcp, for: address)
        try closed.bind(to: address, port: 0)
        #expect(try await Checks.result(of: check(.connect, port: closed.port, address: address)) == .failed("connect: refused"))
    }
}

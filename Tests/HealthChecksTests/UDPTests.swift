import Glibc
import HealthChecks
import LBaaS
import TestSupport
import Testing

@Suite("A UDP check", .timeLimit(.minutes(15)))
struct UDPTests {
    private func result(
        _ payload: String, expected: String?, from answer: String?, at address: IPAddress = loopback, timeout: Duration = .seconds(60)
    ) async throws -> CheckResult {
        let server = try UDPServer(answer, address: address)
        let kind = Check.Kind.udp(payload: Array(payload.utf8), expected: expected.map { Array($0.utf8) })
        return try await Checks.result(of: check(kind, port: server.port, address: address, timeout: timeout))
    }

    @Test("passes by an answer, as far as one is needed", arguments: [loopback, loopback6])
    func answer(address: IPAddress) async throws {
        #expect(try await result("ping", expected: nil, from: "pong", at: address) == .passed)
        #expect(try await result("ping", expected: "", from: "anything", at: address) == .passed)
        #expect(try await result("ping", expected: "po", from: "pong", at: address) == .passed)
        #expect(try await result("", expected: "pong", from: "pong", at: address) == .passed)
        #expect(try await result("ping", expected: "pong", from: "po", at: address) == .failed("UDP: unexpected answer"))
        #expect(try await result("ping", expected: "pong", from: "gone", at: address) == .failed("UDP: unexpected answer"))
    }

    @Test("takes silence for an answer only where none is needed")
    func silence() async throws {
        #expect(try await result("ping", expected: nil, from: nil, timeout: .milliseconds(200)) == .passed)
        #expect(try await result("ping", expected: "", from: nil, timeout: .milliseconds(200)) == .failed("UDP: no answer within 200 ms"))
    }

    @Test("fails where nobody is there, whether an answer is needed or not", arguments: [loopback, loopback6])
    func refused(address: IPAddress) async throws {
        let socket = try Socket(.tcp, for: address)
        try socket.bind(to: address, port: 0)
        for expected in [nil, []] as [[UInt8]?] {
            let check = check(.udp(payload: [1], expected: expected), port: socket.port, address: address, timeout: .seconds(10))
            #expect(try await Checks.result(of: check) == .failed("UDP: refused"))
        }
    }
}

/// A UDP server on this host that answers each datagram with the same, or not at all. It ends with this value.
private final class UDPServer: Sendable {
    let port: UInt16
    private let loop: Loop

    init(_ answer: String?, address: IPAddress) throws {
        let socket = try Socket(.udp, for: address)
        try socket.bind(to: address, port: 0)
        port = socket.port
        loop = Loop {
            if socket.waits(for: POLLIN, milliseconds: 10), let answer { socket.answerDatagram { _ in answer } }
        }
    }
}

import Foundation
import HealthChecks
import LBaaS
import TestSupport
import Testing

@Suite("A check by TLS", .timeLimit(.minutes(15)))
struct TLSTests {
    private let certificates: Certificates

    init() throws { certificates = try Certificates() }

    /// What an HTTPS request and a handshake find. Both must be the same, up to the words before the colon.
    private func results(_ server: TLSServer, _ host: String?, _ change: (inout TLS) -> Void = { _ in }) async throws -> CheckResult {
        var request = HTTPRequest()
        request.host = host
        var tls = TLS()
        tls.authorities = certificates.authority
        change(&tls)
        request.tls = tls
        let https = try await Checks.result(of: check(.http(request), port: server.port, timeout: .seconds(10)))
        tls.serverName = tls.serverName ?? host
        let handshake = try await Checks.result(of: check(.tls(tls), port: server.port, timeout: .seconds(10)))
        #expect(handshake == https)
        return https
    }

    @Test("passes by a certificate for the name, or for the address", arguments: ["web.test", nil])
    func good(host: String?) async throws {
        #expect(try await results(certificates.serve(.good), host) == .passed)
    }

    @Test("fails by a certificate that is no good")
    func bad() async throws {
        #expect(try await results(certificates.serve(.expired), "web.test") == .failed("TLS: certificate has expired"))
        #expect(try await results(certificates.serve(.selfSigned), "web.test") == .failed("TLS: self-signed certificate"))
        let other = "TLS: no alternative certificate subject name matches target host name 'other.test'"
        #expect(try await results(certificates.serve(.good), "other.test") == .failed(other))
        let unknown = "TLS: unable to get local issuer certificate"
        #expect(try await results(certificates.serve(.good), "web.test") { $0.authorities = nil } == .failed(unknown))
    }

    @Test("passes by any certificate where none is verified", arguments: Certificates.Kind.allCases)
    func unverified(kind: Certificates.Kind) async throws {
        #expect(try await results(certificates.serve(kind), "other.test") { $0.isVerified = false } == .passed)
    }

    @Test("the name for the certificate can be another than that in the Host header")
    func serverName() async throws {
        let server = try certificates.serve(.good)
        #expect(try await results(server, "other.test:8443") { $0.serverName = "web.test" } == .passed)
        #expect(try await results(server, "web.test") { $0.serverName = "a b" } == .failed("TLS: \"a b\" is not the name of a server"))
    }

    @Test("the configuration's authorities are for checks that name none")
    func authorities() async throws {
        let server = try certificates.serve(.good)
        let result = try await Checks.result(of: check(.tls(TLS()), port: server.port, timeout: .seconds(10))) {
            $0.authorities = certificates.authority
        }
        #expect(result == .passed)
        #expect(
            try await results(server, nil) { $0.authorities = "/nowhere" }
                == .failed("TLS: '/nowhere' is not a file of PEM certificates that this worker can read"))
    }

    @Test("a file of authorities that is none, or could hang who opens it, fails its own checks alone")
    func authoritiesOfAnotherKind() async throws {
        let server = try certificates.serve(.good)
        let folder = try TemporaryFolder()
        let fifo = folder.path + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        let checks = try Checks()
        let paths = [fifo, "/dev/tty", "/dev/zero", folder.path, folder.path + "/nothing"]
        for path in paths {
            var tls = TLS()
            tls.authorities = path
            checks.begin(check(.tls(tls), port: server.port, delay: .milliseconds(50), timeout: .milliseconds(50)), of: path, isUp: true)
        }
        var tls = TLS()
        tls.authorities = certificates.authority
        checks.begin(check(.tls(tls), port: server.port, delay: .seconds(1), timeout: .seconds(60)), of: "good")
        for path in paths {
            let reason = "TLS: '\(path)' is not a file of PEM certificates that this worker can read"
            try await checks.wait(for: path, isUp: false, reason: reason)
        }
        try await checks.wait(for: "good", isUp: true)
        #expect(checks.checker.stop(within: .seconds(60)))
    }

    @Test("a file of authorities that is replaced counts after some seconds, and one that is gone holds as it was")
    func authoritiesReplaced() async throws {
        let server = try certificates.serve(.good)
        let folder = try TemporaryFolder()
        let path = folder.path + "/authorities"
        try Data(contentsOf: URL(fileURLWithPath: certificates.authority)).write(to: URL(fileURLWithPath: path))
        let checks = try Checks()
        var tls = TLS()
        tls.authorities = path
        checks.begin(check(.tls(tls), port: server.port, delay: .milliseconds(100), timeout: .seconds(60)))
        try await checks.wait(isUp: true)
        try FileManager.default.removeItem(atPath: path)
        try await eventually("the warning") { checks.log.lines.contains { $0.contains(path) } }
        let begun = checks.checker.statistics.begun
        try await eventually("more checks") { checks.checker.statistics.begun > begun + 3 }
        #expect(checks.health()?.isUp == true && checks.health()?.reason == nil)
        let other = try Certificates()
        try Data(contentsOf: URL(fileURLWithPath: other.authority)).write(to: URL(fileURLWithPath: path))
        try await checks.wait(isUp: false, reason: "TLS: unable to get local issuer certificate")
    }

    @Test("fails where TLS is not what is spoken, or nothing is")
    func noTLS() async throws {
        let plain = try TCPServer(.answer("HTTP/1.1 200 OK\r\n\r\n"))
        let silent = try TCPServer(.silence)
        let hangingUp = try TCPServer(.hangUp)
        func result(_ server: TCPServer, timeout: Duration) async throws -> CheckResult {
            var tls = TLS()
            tls.isVerified = false
            return try await Checks.result(of: check(.tls(tls), port: server.port, timeout: timeout))
        }
        #expect(try await result(plain, timeout: .seconds(10)) == .failed("TLS: wrong version number"))
        #expect(try await result(silent, timeout: .seconds(2)) == .failed("TLS: timed out after 2 s"))
        #expect(try await result(hangingUp, timeout: .seconds(10)) == .failed("TLS: closed during the handshake"))
        #expect(try await Checks.result(of: check(.tls(TLS()), port: 1, timeout: .seconds(10))) == .failed("connect: refused"))
    }

    @Test("tells a handshake that takes too long from an answer that does")
    func silence() async throws {
        var request = HTTPRequest()
        request.tls = TLS()
        request.tls?.isVerified = false
        let silent = try certificates.serve(.good, [])
        let result = try await Checks.result(of: check(.http(request), port: silent.port, timeout: .seconds(3)))
        #expect(result == .failed("HTTP: timed out after 3 s"))
    }

    @Test("the node is told the name")
    func serverNameIndication() async throws {
        // With another name than its own the server goes by the other certificate.
        let server = try certificates.serve(
            .expired, ["-www", "-servername", "web.test", "-servername_fatal"] + certificates.second(.good))
        #expect(try await results(server, "web.test") == .passed)
    }
}

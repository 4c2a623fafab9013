import HTTPServer
import TestSupport
import Testing

@Suite("TLS")
struct TLSTests {
    private let folder: CertificateFolder

    init() throws {
        folder = try CertificateFolder()
        for authority in ["ca", "other"] { try folder.makeAuthority(authority) }
        for (name, authority, usage) in [("server", "ca", "serverAuth"), ("alice", "ca", "clientAuth"), ("mallory", "other", "clientAuth")]
        {
            try folder.make(
                name, "/CN=\(name)", signedBy: authority, extensions: "subjectAltName=IP:127.0.0.1", "extendedKeyUsage=\(usage)")
        }
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func server(authorities: String?) throws -> TestServer {
        let tls = TCPListener.TLS(
            certificate: try text(folder.file("server")), key: try text(folder.key("server")),
            authorities: try authorities.map { try text(folder.file($0)) })
        return try TestServer(listener: { $0.tls = tls })
    }

    private func curl(_ server: TestServer, _ arguments: String..., path: String = "/who") throws -> String {
        try runProgram(
            "/usr/bin/curl", ["-sS", "--cacert", folder.file("ca")] + arguments + ["https://127.0.0.1:\(server.port)\(path)"])
    }

    private func identity(_ name: String) -> [String] { ["--cert", folder.file(name), "--key", folder.key(name)] }

    @Test("without authorities for clients serves every client")
    func plain() throws {
        let server = try server(authorities: nil)
        #expect(try curl(server).contains("certificate: nil"))
        #expect(try curl(server, "--tls-max", "1.2").contains("certificate: nil"))
        #expect(throws: (any Error).self) { try curl(server, "--tls-max", "1.1") }
        // Somebody who does not speak TLS is closed.
        let client = try Client(server.port)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try !client.untilClosed().hasPrefix("HTTP"))
        #expect(try server.curl("http://localhost/") == "hello")
    }

    @Test("with authorities for clients serves those who have a certificate of one")
    func certificates() throws {
        let server = try server(authorities: "ca")
        let alice = identity("alice")
        #expect(try curl(server, alice[0], alice[1], alice[2], alice[3]).contains("commonName: \"alice\""))
        #expect(try curl(server).contains("\"status\": 403"))
        let mallory = identity("mallory")
        #expect((try? curl(server, mallory[0], mallory[1], mallory[2], mallory[3]))?.contains("\"status\": 403") ?? true)
        // The certificate of a server is none of a client.
        let other = identity("server")
        #expect((try? curl(server, other[0], other[1], other[2], other[3]))?.contains("\"status\": 403") ?? true)
        #expect(server.handled.all == [])
    }

    @Test("cannot be had with texts that are none", arguments: [0, 1, 2])
    func damaged(place: Int) throws {
        var texts = try [folder.file("server"), folder.key("server"), folder.file("ca")].map { try text($0) }
        texts[place] = "none"
        let tls = TCPListener.TLS(certificate: texts[0], key: texts[1], authorities: texts[2])
        #expect(throws: HTTPServerError.self) { try TestServer(listener: { $0.tls = tls }) }
    }

    @Test("ends with the time of a handshake that does not go on")
    func handshake() throws {
        let tls = TCPListener.TLS(certificate: try text(folder.file("server")), key: try text(folder.key("server")))
        let server = try TestServer(limits: .short(\.request), listener: { $0.tls = tls })
        #expect(try Client(server.port).untilClosed() == "")
    }
}

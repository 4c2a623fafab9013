import HTTPServer
import TestSupport
import Testing

@Suite("TLS")
struct TLSTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for authority in ["ca", "other"] {
            try openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(authority) -days 2 -keyout \(authority).key -out \(authority).pem"
            )
        }
        for (name, authority, usage) in [("server", "ca", "serverAuth"), ("alice", "ca", "clientAuth"), ("mallory", "other", "clientAuth")]
        {
            let extensions = try folder.write("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=\(usage)\n", to: "ext")
            try openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) -keyout \(name).key -out \(name).csr")
            try openssl(
                "x509 -req -in \(name).csr -CA \(authority).pem -CAkey \(authority).key -CAcreateserial -days 2 -extfile \(extensions) -out \(name).pem"
            )
        }
    }

    private func openssl(_ arguments: String) throws {
        let words = arguments.split(separator: " ").map { word in
            [".key", ".pem", ".csr"].contains { word.hasSuffix($0) } ? folder.file(String(word)) : String(word)
        }
        _ = try runProgram("/usr/bin/openssl", words)
    }

    private func server(authorities: String?) throws -> TestServer {
        let text = { try String(contentsOfFile: self.folder.file($0), encoding: .utf8) }
        let tls = TCPListener.TLS(
            certificate: try text("server.pem"), key: try text("server.key"), authorities: try authorities.map { try text($0) })
        return try TestServer(listener: { $0.tls = tls })
    }

    private func curl(_ server: TestServer, _ arguments: String..., path: String = "/who") throws -> String {
        try runProgram(
            "/usr/bin/curl", ["-sS", "--cacert", folder.file("ca.pem")] + arguments + ["https://127.0.0.1:\(server.port)\(path)"])
    }

    private func identity(_ name: String) -> [String] { ["--cert", folder.file("\(name).pem"), "--key", folder.file("\(name).key")] }

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
        let server = try server(authorities: "ca.pem")
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
        var texts = try ["server.pem", "server.key", "ca.pem"].map { try String(contentsOfFile: folder.file($0), encoding: .utf8) }
        texts[place] = "none"
        let tls = TCPListener.TLS(certificate: texts[0], key: texts[1], authorities: texts[2])
        #expect(throws: HTTPServerError.self) { try TestServer(listener: { $0.tls = tls }) }
    }

    @Test("ends with the time of a handshake that does not go on")
    func handshake() throws {
        let text = { try String(contentsOfFile: self.folder.file($0), encoding: .utf8) }
        let tls = TCPListener.TLS(certificate: try text("server.pem"), key: try text("server.key"))
        let server = try TestServer(limits: .short(\.request), listener: { $0.tls = tls })
        #expect(try Client(server.port).untilClosed() == "")
    }
}

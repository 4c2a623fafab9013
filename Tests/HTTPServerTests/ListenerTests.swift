import Foundation
import HTTPServer
import TestSupport
import Testing

@Suite("A listener")
struct ListenerTests {
    @Test("on a Unix socket knows the user, the groups and the process at the other end")
    func peer() throws {
        let server = try TestServer()
        let text = try server.curl("http://localhost/who")
        #expect(text.hasPrefix("local(user: \(getuid()), group: \(getgid()), groups: ["))
        #expect(try Client(server.port).get("/who").body.hasPrefix("remote(address: \"127.0.0.1\", port: "))
    }

    @Test("gives its socket the mode and the owner that are asked for, and removes it at the end")
    func mode() throws {
        let folder = try TemporaryFolder()
        let server = HTTPServer(routes: HTTPRoutes())
        var options = UnixListener(path: folder.file("s"))
        options.mode = 0o604
        if getuid() == 0 { (options.user, options.group) = (1, 2) }
        try server.listen(on: options)
        let attributes = try FileManager.default.attributesOfItem(atPath: options.path)
        #expect(attributes[.posixPermissions] as? Int == 0o604)
        if getuid() == 0 {
            #expect(attributes[.ownerAccountID] as? Int == 1)
            #expect(attributes[.groupOwnerAccountID] as? Int == 2)
        }
        server.finish(within: .zero)
        #expect(!FileManager.default.fileExists(atPath: options.path))
    }

    @Test("takes the place of a socket that nobody listens on, and of nothing else")
    func stale() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("s")
        let (first, second) = (HTTPServer(routes: HTTPRoutes()), HTTPServer(routes: HTTPRoutes()))
        defer { second.finish(within: .zero) }
        try first.listen(on: UnixListener(path: path))
        #expect(message { try second.listen(on: UnixListener(path: path)) } == "the socket \(path): another process listens on it")
        // As it is left where a process is killed.
        let left = folder.file("left")
        try FileManager.default.linkItem(atPath: path, toPath: left)
        first.finish(within: .zero)
        // A program that another test starts has the socket until it is executed.
        try waitUntil("nobody listens any more") { (try? second.listen(on: UnixListener(path: left))) != nil }
        #expect(try runProgram("/usr/bin/curl", ["-sS", "--unix-socket", left, "http://localhost/"]).contains("there is nothing at /"))
        let file = try folder.write("text", to: "file")
        #expect(message { try second.listen(on: UnixListener(path: file)) }?.contains("no socket") == true)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "text")
        #expect(
            message { try second.listen(on: UnixListener(path: "/" + String(repeating: "a", count: 200))) }?.contains("107 bytes") == true)
        #expect(message { try second.listen(on: UnixListener(path: folder.file("no/s"))) }?.contains("No such file") == true)
    }

    @Test("says why it cannot have a port")
    func ports() throws {
        let server = try TestServer()
        let other = HTTPServer(routes: HTTPRoutes())
        defer { other.finish(within: .zero) }
        let busy = message { try other.listen(on: TCPListener(address: "127.0.0.1", port: server.port)) }
        #expect(busy == "127.0.0.1 port \(server.port): Address already in use")
        #expect(
            message { try other.listen(on: TCPListener(address: "localhost", port: 0)) }?.contains("is not an IPv4 or IPv6 address") == true
        )
    }

    private func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("on IPv6 is told the address of its client")
    func version6() throws {
        var routes = HTTPRoutes()
        routes.add(.get, "/who") { HTTPResponse(type: "text/plain", "\($0.client)") }
        let server = HTTPServer(routes: routes)
        defer { server.finish(within: .zero) }
        let port = try server.listen(on: TCPListener(address: "::1", port: 0))
        #expect(try runProgram("/usr/bin/curl", ["-sS", "-g", "http://[::1]:\(port)/who"]).hasPrefix("remote(address: \"::1\", port: "))
    }

    @Test(
        "believes what a trusted proxy says of its client, and nobody else",
        arguments: [
            (99, [], "127.0.0.99"), (99, ["192.0.2.1"], "192.0.2.1"), (98, ["192.0.2.1"], "127.0.0.98"),
            // A proxy adds the address that it was reached from behind what the client has written there.
            (99, ["203.0.113.9, 192.0.2.1"], "192.0.2.1"), (99, ["203.0.113.9", "192.0.2.1 ,127.0.0.99"], "192.0.2.1"),
            (99, ["127.0.0.99,127.0.0.99"], "127.0.0.99"),
            (99, ["2001:DB8::0:1"], "2001:db8::1"), (99, ["[2001:db8::1]:4711"], "2001:db8::1"), (99, ["[2001:db8::1]"], "2001:db8::1"),
            (99, ["192.0.2.1:4711"], "192.0.2.1"),
            (99, ["192.0.2.1, unknown"], "127.0.0.99"), (99, ["192.0.2.1,"], "127.0.0.99"), (99, [""], "127.0.0.99"),
            (99, ["192.0.2.1, 192.0.2.256"], "127.0.0.99"), (99, ["dead:beef"], "127.0.0.99"),
        ] as [(UInt8, [String], String)])
    func trustedProxies(source: UInt8, forwarded: [String], client: String) throws {
        let server = try TestServer(listener: { $0.trustedProxies = TrustedProxies { $0 == "127.0.0.99" } })
        let fields = forwarded.map { "X-Forwarded-For: \($0)\r\n" }.joined()
        let connection = try Client(server.port, source: source)
        // The second request is of the same bytes, and the third of the proxy itself, on the same connection.
        for _ in 0..<2 { #expect(try connection.get("/who", fields).body.hasPrefix("remote(address: \"\(client)\"")) }
        #expect(try connection.get("/who").body.hasPrefix("remote(address: \"127.0.0.\(source)\""))
    }

    @Test("lets one address have so many connections, and others their own")
    func perAddress() throws {
        let server = try TestServer(listener: { $0.connectionsPerAddress = 3 })
        let clients = try (0..<3).map { _ in try Client(server.port) }
        for client in clients { #expect(try client.get("/").status == 200) }
        #expect(try Client(server.port).untilClosed() == "")
        #expect(try Client(server.port, source: 2).get("/").status == 200)
        #expect(try clients[2].get("/").status == 200)
    }

    @Test("serves while 500 connections are idle")
    func idle() throws {
        let server = try TestServer()
        let clients = try (0..<500).map { _ in try Client(server.port) }
        try waitUntil("all connections") { server.server.connections == 500 }
        #expect(try Client(server.port).get("/").body == "hello")
        for client in clients { #expect(try client.get("/").status == 200) }
    }

    @Test("on TCP that is full does not keep anybody from the Unix socket")
    func full() throws {
        let server = try TestServer(listener: { $0.connections = 5 })
        let clients = try (0..<20).map { _ in try Client(server.port) }
        #expect(try server.curl("http://localhost/") == "hello")
        // Those who wait come in when others leave.
        for client in clients.dropLast() { #expect(try client.get("/", "Connection: close\r\n").status == 200) }
        #expect(try clients[19].get("/").status == 200)
    }

    @Test("answers to the names that it has, and to its own pages")
    func names() throws {
        let server = try TestServer(listener: {
            $0.hosts = ["localhost", "lb.example:80"]
            $0.origins = ["https://front.example"]
        })
        let status = { (fields: String) in try Client(server.port).ask("GET / HTTP/1.1\r\n\(fields)\r\n").status }
        #expect(try status("Host: localhost\r\n") == 200)
        #expect(try status("Host: LocalHost:1234\r\n") == 200)
        #expect(try status("Host: lb.example:80\r\n") == 200)
        #expect(try status("Host: lb.example\r\n") == 421)
        #expect(try status("Host: evil.example\r\n") == 421)
        #expect(try status("Host: localhost\r\nOrigin: http://localhost\r\n") == 200)
        #expect(try status("Host: localhost\r\nOrigin: https://front.example\r\n") == 200)
        #expect(try status("Host: localhost\r\nOrigin: https://localhost\r\n") == 403)
        #expect(try status("Host: localhost\r\nOrigin: null\r\n") == 403)
        #expect(try status("Host: localhost\r\nOrigin: http://evil.example\r\n") == 403)
        #expect(try server.curl("http://localhost/", "-H", "Origin: http://evil.example").contains("403"))
    }

    @Test(
        "on a Unix socket answers to names without a dot and to addresses: a forwarded port makes it reachable for browsers",
        arguments: [
            ("localhost", 200), ("LocalHost:8780", 200), ("unix", 200), ("127.0.0.1:8780", 200), ("[::1]:8780", 200),
            ("[::ffff:127.0.0.1]", 200), ("evil.example", 421), ("evil.example:8780", 421), ("1.evil:8780", 421),
        ])
    func rebinding(host: String, status: Int) throws {
        let answer = try TestServer().curl("http://localhost/", "-H", "Host: \(host)")
        #expect(status == 200 ? answer == "hello" : answer.contains("\"status\": \(status)"), "\(answer)")
    }
}

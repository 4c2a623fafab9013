import HTTPServer
import TestSupport
import Testing

@Suite("The time of a request is over")
struct DeadlineTests {
    @Test(
        "where its bytes come slowly",
        arguments: [
            ("", "G"), ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "a"), ("GET / HTTP/1.1\r\n", "Y: a\r\n"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", "a"),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"), ("\r\n", "\r\n"),
        ])
    func slow(beginning: String, rest: String) throws {
        let server = try TestServer(limits: .short(\.request))
        let client = try Client(server.port)
        try client.send(beginning)
        try client.trickle(rest)
        #expect(server.handled.all == [])
        try waitUntil("the connection is forgotten") { server.server.connections == 0 }
    }

    @Test("where a connection is idle before its first request, or behind one")
    func idle() throws {
        var limits = HTTPLimits.short(\.request, .seconds(2))
        limits.idle = .seconds(3)
        let server = try TestServer(limits: limits)
        let (silent, kept) = (try Client(server.port), try Client(server.port))
        #expect(try kept.get("/").status == 200)
        #expect(try silent.untilClosed() == "")
        #expect(try kept.untilClosed() == "")
    }

    @Test("where the next request on a connection comes slowly")
    func slowNext() throws {
        let server = try TestServer(limits: .short(\.idle, .seconds(2)))
        let client = try Client(server.port)
        #expect(try client.get("/").status == 200)
        try client.trickle("G")
    }

    @Test("where its handler does not answer: 504, and the handler is told")
    func handler() throws {
        let server = try TestServer(limits: .short(\.handler))
        let client = try Client(server.port)
        #expect(try client.get("/later").status == 504)
        let reply = try #require(server.waiting.all.first)
        #expect(!reply.isWanted)
        #expect(!reply.send(HTTPResponse()))
        #expect(try client.get("/").status == 200)
    }

    @Test("where the client does not take the response")
    func response() throws {
        let server = try TestServer(limits: .short(\.response))
        let client = try Client(server.port)
        try client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        try waitUntil("the connection is closed") { server.records.all.count == 1 && server.server.connections == 0 }
        #expect(try client.untilClosed().utf8.count < 16 << 20)
    }
}

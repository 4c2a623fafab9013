import HTTPServer
import TestSupport
import Testing

@Suite("A body")
struct BodyTests {
    let server: TestServer

    init() throws { server = try TestServer() }

    private func text(_ count: Int) -> String { String(repeating: "a", count: count) }

    @Test("of the largest size is taken, and one byte more is not", arguments: [false, true])
    func limit(isChunked: Bool) throws {
        let client = try Client(server.port)
        let ask = { (count: Int) in
            isChunked
                ? try client.ask(
                    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n\(text(count))\r\n0\r\n\r\n"
                )
                : try client.post("/", text(count))
        }
        #expect(try ask(64 << 10).body.utf8.count == 64 << 10)
        #expect(try ask((64 << 10) + 1).status == 413)
        // The connection goes on.
        #expect(try ask(1).body == "a")
        #expect(server.handled.all.count == 2)
    }

    @Test("that is too large is answered with 413 where the client sends it all", arguments: [200 << 10, 10 << 20])
    func tooLarge(size: Int) throws {
        let client = try Client(server.port)
        #expect(try client.post("/", text(size)).status == 413)
        #expect(try client.get("/").body == "hello")
    }

    @Test("that is far too large is not read")
    func farTooLarge() throws {
        let client = try Client(server.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n")
        #expect(try client.untilClosed().hasPrefix("HTTP/1.1 413 "))
        let endless = try Client(server.port)
        try endless.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try endless.trickle("100000\r\n\(text(1 << 20))\r\n")
        #expect(server.handled.all == [])
    }

    @Test("may be larger or smaller where the route says so")
    func ofRoute() throws {
        let client = try Client(server.port)
        #expect(
            try client.ask("PUT /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 101\r\n\r\n\(text(101))")
                .status == 413)
    }

    @Test("is asked for only where it may come")
    func expectation() throws {
        let client = try Client(server.port)
        let head = { (length: Int) in "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: \(length)\r\n\r\n" }
        #expect(try client.ask(head(4)).status == 100)
        try client.send("abcd")
        #expect(try client.response().body == "abcd")
        try client.send(head(200_000))
        #expect(try client.untilClosed().hasPrefix("HTTP/1.1 413 "))
    }

    @Test("is not asked for where the client may not come in")
    func admission() throws {
        let server = try TestServer(admit: { request in
            if request.headers["authorization"] == "Bearer x" { return HTTPAdmission(caller: "x") }
            return HTTPAdmission(refusal: .problem(401, "a token is missing", headers: [("WWW-Authenticate", "Bearer")]))
        })
        let client = try Client(server.port)
        let head = { (field: String) in "POST / HTTP/1.1\r\nHost: a\r\n\(field)Content-Length: 4\r\n\r\n" }
        let refused = try client.ask(head("") + "abcd")
        #expect(refused.status == 401)
        #expect(refused.headers["www-authenticate"] == "Bearer")
        #expect(try client.ask(head("AUTHORIZATION: Bearer x\r\n") + "abcd").body == "abcd")
        #expect(server.handled.all == ["POST /"])
        try waitUntil("both are recorded") { server.records.all.count == 2 }
        #expect(server.records.all.map { $0.request?.caller as? String } == [nil, "x"])
        #expect(try client.get("/nothing").status == 404)
        try client.send(head("Expect: 100-continue\r\n"))
        #expect(try client.untilClosed().hasPrefix("HTTP/1.1 401 "))
    }
}

import TestSupport
import Testing

/// A request that is refused with a status.
struct Malformed: CustomTestStringConvertible {
    let request: String
    let status: Int

    var testDescription: String { String(reflecting: String(request.prefix(120))) }
}

@Suite("A server is strict")
struct StrictnessTests {
    static let refused: [(String, Int)] = [
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            400
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            400
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 30\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4x\r\n\r\nabcd", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\nabcd", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabcd", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabcd", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\na", 417),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\t\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\nX: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\0x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 30_000))\r\n\r\n", 431),
        ("GET /\(String(repeating: "a", count: 30_000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ]

    @Test("about heads that could be read in two ways", arguments: refused.map { Malformed(request: $0, status: $1) })
    func refuses(malformed: Malformed) throws {
        let (request, status) = (malformed.request, malformed.status)
        let server = try TestServer()
        let client = try Client(server.port)
        try client.send(request)
        let answer = try client.untilClosed()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) ") || answer.hasPrefix("HTTP/1.0 \(status) "), "\(answer.prefix(300))")
        #expect(!answer.dropFirst().contains("HTTP/1.1 2"), "a second request was answered")
        #expect(server.handled.all == [])
        #expect(try Client(server.port).get("/").body == "hello")
    }

    @Test(
        "about targets",
        arguments: [
            "/%00", "/a%00b/../c%2Fd", "/things/%", "/things/%4", "/things/%zz", "/things/../who", "/things/%2e%2E/who", "/./who", "/.",
            "/%2e", "/things/%ff", "/things/é", "/things/a#b", "/?%00", "/?a=%", "/?a=%ff", "/?é", "who", "ftp://localhost/",
        ])
    func targets(target: String) throws {
        let server = try TestServer()
        let response = try Client(server.port).get(target)
        #expect(response.status == 400)
        #expect(response.headers["content-type"] == "application/problem+json")
        #expect(server.handled.all == [])
    }

    @Test("and decodes each segment by itself")
    func decodes() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        let response = try client.get("/things/a%2Fb%20c+d/parts/%C3%A9?x=1+2&y=%26%3d&z")
        #expect(response.body == "a/b c+d é x=1 2,y=&=,z= /things/{id}/parts/{part}")
        #expect(try client.get("/things/a%0Ab%7f/parts/1").body == "a\nb\u{7F} 1  /things/{id}/parts/{part}")
        #expect(try client.get("http://LOCALHOST/things/1/parts/2").body == "1 2  /things/{id}/parts/{part}")
    }

    @Test("and takes what is well-formed, request after request on one connection")
    func wellFormed() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        #expect(try client.ask("GET / HTTP/1.1\r\nhOST:localhost\r\nX:\r\nY: \t a b \r\n\r\n").status == 200)
        #expect(
            try client.ask("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n")
                .body == "abcde")
        #expect(try client.post("/", "body").body == "body")
        #expect(try client.ask("POST / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(try client.ask("GET / HTTP/1.0\r\n\r\n").body == "hello")
    }

    @Test("and answers pipelined requests in their order")
    func pipelining() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        let one = { (number: Int) in "GET /things/\(number)/parts/1 HTTP/1.1\r\nHost: a\r\n\r\n" }
        try client.send((1...50).map { one($0) }.joined())
        for number in 1...50 { #expect(try client.response().body.hasPrefix("\(number) 1 ")) }
    }

    @Test("answers a query of any number of names that the target has room for", arguments: [1, 300, 1000, 5000])
    func manyNames(count: Int) throws {
        let server = try TestServer()
        let query = Array(repeating: "a", count: count).joined(separator: "&")
        #expect(try Client(server.port).get("/?\(query)&b=?").status == 200)
    }
}

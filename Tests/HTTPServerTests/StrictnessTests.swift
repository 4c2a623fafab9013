import TestSupport
import Testing

@Suite("A server is strict")
struct StrictnessTests {
    @Test("about heads that could be read in two ways", arguments: MalformedRequest.all)
    func refuses(malformed: MalformedRequest) throws {
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

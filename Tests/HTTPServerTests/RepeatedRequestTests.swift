import HTTPServer
import Synchronization
import TestSupport
import Testing

@Suite("Requests that come again on their connection")
struct RepeatedRequestTests {
    private static let plain = "GET /?a=1 HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n"

    @Test("are answered each for itself, whatever was before")
    func others() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        let part = "/things/1/parts/2"
        for _ in 0..<2 {
            for _ in 0..<3 { #expect(try client.get(part + "?a=1").body == "1 2 a=1 /things/{id}/parts/{part}") }
            #expect(try client.get(part + "?a=2").body == "1 2 a=2 /things/{id}/parts/{part}")
            #expect(try client.get(part + "?a=2", "X: y\r\n").body == "1 2 a=2 /things/{id}/parts/{part}")
            let head = try client.ask("HEAD \(part)?a=2 HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n")
            #expect(head.status == 200 && head.headers["content-length"] == "33")
            #expect(try client.ask("PUT \(part)?a=2 HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n").status == 405)
            #expect(try client.post("/", "body").body == "body")
            #expect(try client.post("/", "else").body == "else")
            #expect(try client.get("/").body == "hello")
        }
        try waitUntil("all requests are over") { server.records.all.count == 2 * 10 }
        #expect(server.records.all.filter { $0.route == "/things/{id}/parts/{part}" && $0.status == 200 }.count == 2 * 6)
    }

    @Test(
        "are known by what the library reads, not by what it leaves in memory",
        arguments: [
            "GET /?a=1 HTTP/1.1\r\nHost: a\0\0X\0 b\r\n\r\n", "GET /?a=1 HTTP/1.1\r\nHost\0 a\r\nX: b\r\n\r\n",
            "GET /?a=1 HTTP/1.1\0\0Host: a\r\nX: b\r\n\r\n", "GET /?a=1\0HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n",
            "GET\0/?a=1 HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n", "GET /?a=1 HTTP/1.1\r\nHost: a\n\0X: b\r\n\r\n",
            "GET /?a=1 HTTP/1.1\r\nHost: a\r\0X: b\r\n\r\n",
        ])
    func looksAlike(request: String) throws {
        let server = try TestServer()
        let client = try Client(server.port)
        for _ in 0..<2 { #expect(try client.ask(Self.plain).status == 200) }
        try client.send(request)
        #expect(try client.untilClosed().hasPrefix("HTTP/1.1 400 "))
        #expect(server.handled.all == ["GET /", "GET /"])
    }

    @Test("are admitted once where they are, and refused each time where they are not")
    func admission() throws {
        let asked = Record<String>()
        let isOpen = Atomic<Bool>(false)
        let server = try TestServer(admit: { request in
            asked.add(request.path)
            return HTTPAdmission(caller: "ann", refusal: isOpen.load(ordering: .relaxed) ? nil : .problem(403, "closed"))
        })
        let client = try Client(server.port)
        for _ in 0..<2 { #expect(try client.get("/").status == 403) }
        isOpen.store(true, ordering: .relaxed)
        for _ in 0..<2 { #expect(try client.get("/").status == 200) }
        #expect(asked.all.count == 3)
        #expect(try Client(server.port).get("/").status == 200)
        #expect(asked.all.count == 4)
        try waitUntil("all requests are over") { server.records.all.count == 5 }
        #expect(server.records.all.allSatisfy { $0.request?.caller as? String == "ann" })
    }

    @Test("are asked about each time where they are good for once")
    func once() throws {
        let asked = Record<String>()
        let server = try TestServer(admit: { request in
            asked.add(request.path)
            return HTTPAdmission(refusal: asked.all.count == 1 ? nil : .problem(401, "again"), isRepeatable: false)
        })
        let client = try Client(server.port)
        #expect(try client.get("/").status == 200)
        for _ in 0..<2 { #expect(try client.get("/").status == 401) }
        #expect(asked.all.count == 3)
    }

    @Test("get a response that is kept for all of them, over any connection")
    func keptResponses() throws {
        let server = try TestServer()
        let kept = try #require(KeptResponse(HTTPResponse(type: "text/plain", "the same")))
        for _ in 0..<3 {
            let client = try Client(server.port)
            for isHead in [false, true, false] {
                try client.send("\(isHead ? "HEAD" : "GET") /later HTTP/1.1\r\nHost: a\r\n\r\n")
                try waitUntil("the request waits") { !server.waiting.all.isEmpty }
                #expect(server.waiting.all.map { $0.send(kept) } == [true])
                server.waiting.clear()
                let response = try client.response(isHead: isHead)
                #expect(response.body == (isHead ? "" : "the same") && response.headers["content-length"] == "8")
            }
        }
        #expect(KeptResponse(HTTPResponse(type: "text/plain", [UInt8](repeating: 0, count: 1 << 20))) == nil)
        #expect(KeptResponse(HTTPResponse(body: .events(server.stream, after: nil))) == nil)
    }
}

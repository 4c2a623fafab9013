import HTTPServer
import TestSupport
import Testing

@Suite("A reply that comes later")
struct ReplyTests {
    @Test("in parts comes whole, however it is cut")
    func parts() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        let whole = String(decoding: TestServer.parts.joined(), as: UTF8.self)
        for _ in 0..<2 { #expect(try client.ask("GET /parts HTTP/1.1\r\nHost: a\r\n\r\n").body == whole) }
        #expect(try server.curl("-I", "http://a/parts").lowercased().contains("content-length: \(whole.utf8.count)\r\n"))
    }

    @Test("is sent from any thread, once")
    func later() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        #expect(try client.get("/elsewhere").body == "from elsewhere")
        try client.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        try waitUntil("the request") { !server.waiting.all.isEmpty }
        let reply = try #require(server.waiting.all.first)
        #expect(reply.isWanted)
        #expect(reply.send(HTTPResponse(status: 201, type: "text/plain", "made")))
        #expect(!reply.send(HTTPResponse()))
        let response = try client.response()
        #expect(response.status == 201)
        #expect(response.body == "made")
        #expect(!reply.isWanted)
    }

    @Test("does not keep others waiting")
    func others() throws {
        let server = try TestServer()
        let waiting = try (0..<50).map { _ in try Client(server.port) }
        for client in waiting { try client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n") }
        try waitUntil("all requests") { server.waiting.all.count == 50 }
        #expect(try Client(server.port).get("/").body == "hello")
        for reply in server.waiting.all { #expect(reply.send(HTTPResponse(status: 202))) }
        for client in waiting { #expect(try client.response().status == 202) }
    }

    @Test("is 500 where the handler forgets it")
    func forgotten() throws {
        let server = try TestServer()
        #expect(try Client(server.port).get("/forgotten").status == 500)
    }

    @Test("to a client that is gone harms nobody")
    func gone() throws {
        let server = try TestServer()
        for _ in 0..<20 {
            let client = try Client(server.port)
            try client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        }
        try waitUntil("all requests") { server.waiting.all.count == 20 }
        for reply in server.waiting.all { reply.send(HTTPResponse(type: "text/plain", [UInt8](repeating: 0x61, count: 1 << 20))) }
        try waitUntil("all connections are closed") { server.server.connections == 0 }
        #expect(try Client(server.port).get("/").body == "hello")
        #expect(server.waiting.all.allSatisfy { !$0.isWanted })
    }

    @Test("is recorded with its route, method and status")
    func records() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        _ = try client.get("/things/1/parts/2")
        _ = try client.get("/nothing")
        _ = try client.ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
        try waitUntil("three records") { server.records.all.count == 3 }
        #expect(server.records.all.map(\.route) == ["/things/{id}/parts/{part}", nil, nil])
        #expect(server.records.all.map(\.method) == [.get, .get, nil])
        #expect(server.records.all.map(\.status) == [200, 404, 405])
        #expect(server.records.all.allSatisfy { $0.duration > .zero })
    }
}

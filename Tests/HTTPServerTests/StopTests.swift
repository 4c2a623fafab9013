import Foundation
import HTTPServer
import TestSupport
import Testing

@Suite("A server that stops")
struct StopTests {
    @Test func aServerThatIsStoppedTwiceClosesNothingOfAnother() throws {
        let server = try TestServer()
        server.server.stopTaking()
        // One of them has the number that the listening socket had.
        let others = (0..<32).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
        defer { others.forEach { close($0) } }
        server.server.stopTaking()
        server.server.finish(within: .zero)
        #expect(others.allSatisfy { fcntl($0, F_GETFD) >= 0 })
    }

    @Test("answers what waits with 503, and closes all connections")
    func stop() throws {
        let server = try TestServer()
        let (idle, waiting, receiving) = (try Client(server.port), try Client(server.port), try Client(server.port))
        #expect(try idle.get("/").status == 200)
        try waiting.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        try receiving.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        try waitUntil("the request") { server.waiting.all.count == 1 && server.server.connections == 3 }
        server.server.stopTaking()
        #expect(try waiting.response().status == 503)
        #expect(server.waiting.all.first?.send(HTTPResponse()) == false)
        try waitUntil("nobody listens") { (try? Client(server.port)) == nil }
        #expect(!FileManager.default.fileExists(atPath: server.path))
        // A connection that is there gets an answer as well.
        #expect(try idle.get("/").status == 503)
        try receiving.send("defghij")
        #expect(try receiving.response().status == 503)
        #expect(server.server.finish(within: .seconds(60)))
        #expect(try idle.untilClosed() == "")
        #expect(server.handled.all == ["GET /"])
    }

    @Test("cuts off who does not come to an end")
    func cut() throws {
        let server = try TestServer()
        let (sending, taking) = (try Client(server.port), try Client(server.port))
        try sending.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        try taking.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try taking.head().status == 200)
        #expect(!server.server.finish(within: .milliseconds(50)))
        #expect(try sending.untilClosed() == "")
        #expect(server.server.connections == 0)
    }

    @Test("ends in order at any moment of its requests, and of their replies")
    func races() async throws {
        for _ in 0..<25 {
            let server = try TestServer()
            let clients = try (0..<8).map { _ in try Client(server.port) }
            for client in clients {
                try client.send(
                    "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\nGET /events HTTP/1.1\r\nHost: a\r\n\r\n"
                )
            }
            let replies = Task {
                while server.waiting.all.count < 4, server.server.connections > 0 { await Task.yield() }
                for reply in server.waiting.all { reply.send(HTTPResponse()) }
            }
            #expect(try await onThread { server.server.finish(within: .seconds(60)) })
            await replies.value
            #expect(server.server.connections == 0)
        }
    }

    @Test("ends in order while events are given to its clients")
    func eventRaces() async throws {
        for _ in 0..<40 {
            let server = try TestServer(stream: EventStream(gathering: .zero))
            let clients = try (0..<20).map { _ in
                let client = try Client(server.port)
                try client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
                return client
            }
            for client in clients { _ = try client.head() }
            let isOver = Record<Bool>()
            let publisher = Task {
                while isOver.all.isEmpty {
                    server.stream.publish(nil, "change", [])
                    await Task.yield()
                }
            }
            // With no time left, the connections are closed whatever they do.
            _ = try await onThread { server.server.finish(within: .zero) }
            isOver.add(true)
            await publisher.value
            #expect(server.server.connections == 0)
        }
    }
}

import HTTPServer
import TestSupport
import Testing

@Suite("An event stream")
struct EventStreamTests {
    private func connect(_ server: TestServer, after id: String? = nil) throws -> Client {
        let client = try Client(server.port)
        try client.send("GET /events HTTP/1.1\r\nHost: a\r\n\(id.map { "Last-Event-ID: \($0)\r\n" } ?? "")\r\n")
        let head = try client.head()
        #expect(head.headers["content-type"] == "text/event-stream")
        #expect(head.headers["cache-control"] == "no-store")
        return client
    }

    private func publish(_ ids: ClosedRange<UInt64>, size: Int = 0, to server: TestServer) {
        for id in ids { server.stream.publish(id, "change", Array("{\"n\": \(id)\(String(repeating: " ", count: size))}".utf8)) }
    }

    @Test("sends events in their order, each whole")
    func events() throws {
        let server = try TestServer()
        let client = try connect(server)
        server.stream.publish(1, "change", Array("{\"a\":\n1}".utf8))
        publish(2...3, to: server)
        #expect(
            try client.events { $0.hasPrefix("id: 3\n") } == [
                "id: 1\nevent: change\ndata: {\"a\":\ndata: 1}", "id: 2\nevent: change\ndata: {\"n\": 2}",
                "id: 3\nevent: change\ndata: {\"n\": 3}",
            ])
        publish(4...4, to: server)
        #expect(try client.events { _ in true } == ["id: 4\nevent: change\ndata: {\"n\": 4}"])
    }

    @Test("goes on behind the last event that a client has got")
    func resume() throws {
        let server = try TestServer(stream: EventStream(after: 100))
        publish(101...110, to: server)
        #expect(try connect(server, after: "107").events { $0.hasPrefix("id: 110\n") }.count == 3)
        #expect(try connect(server, after: "100").events { $0.hasPrefix("id: 110\n") }.count == 10)
        let newest = try connect(server, after: "110")
        publish(111...111, to: server)
        #expect(try newest.events { _ in true } == ["id: 111\nevent: change\ndata: {\"n\": 111}"])
    }

    @Test("sends the events of a number again to a client that may not have got all of them")
    func several() throws {
        let server = try TestServer(stream: EventStream(after: 100))
        for (id, event) in [(101, "a"), (101, "b"), (nil, "c"), (102, "d"), (nil, "e")] as [(UInt64?, String)] {
            server.stream.publish(id, event, [])
        }
        func names(after id: String) throws -> [String] {
            try connect(server, after: id).events { $0.contains("event: e") }.map { String($0.split(separator: "\n")[1].suffix(1)) }
        }
        #expect(try names(after: "100") == ["a", "b", "c", "d", "e"])
        #expect(try names(after: "101") == ["b", "c", "d", "e"])
        #expect(try names(after: "102") == ["e"])
        // The first of its number is overwritten, and perhaps another one that this client has not got.
        publish(103...103, to: server)
        server.stream.publish(nil, "f", [UInt8](repeating: 0x20, count: 250_000))
        server.stream.publish(nil, "g", [UInt8](repeating: 0x20, count: 50_000))
        #expect(try connect(server, after: "103").events { _ in true } == ["id: 103\nevent: lost\ndata: {\"newest\": 103}"])
    }

    @Test("is followed from its first client on until some time after its last")
    func following() throws {
        let stream = EventStream(heartbeat: .milliseconds(10), memory: .seconds(3))
        let server = try TestServer(stream: stream)
        #expect(!stream.isFollowed)
        stream.follow { 7 }
        #expect(stream.isFollowed)
        do {
            let client = try connect(server)
            stream.follow { 0 }
            server.stream.publish(nil, "a", [])
            #expect(try client.events { $0 != ":" }.last == "id: 7\nevent: a\ndata: ")
        }
        try waitUntil("nobody follows") { !stream.isFollowed }
        stream.follow { 9 }
        // Nobody knows what was between.
        for id in ["7", "9"] {
            #expect(try connect(server, after: id).events { $0 != ":" } == ["id: 9\nevent: lost\ndata: {\"newest\": 9}"])
        }
        publish(10...10, to: server)
        #expect(try connect(server, after: "10").events { _ in true } == [":"])
    }

    @Test("tells a client that events are lost", arguments: ["5", "99", "200", "x", "-1", "99999999999999999999"])
    func lost(id: String) throws {
        let server = try TestServer(stream: EventStream(after: 100))
        publish(101...110, to: server)
        let client = try connect(server, after: id)
        #expect(try client.events { _ in true } == ["id: 110\nevent: lost\ndata: {\"newest\": 110}"])
        publish(111...111, to: server)
        #expect(try client.events { _ in true }[0].hasPrefix("id: 111\nevent: change"))
    }

    @Test("has events that are larger than the memory of a connection, and loses those larger than the ring", arguments: [20_000, 200_000])
    func large(size: Int) throws {
        let server = try TestServer()
        let client = try connect(server)
        publish(1...3, size: size, to: server)
        let events = try client.events { $0.hasPrefix("id: 3\n") }
        #expect(events.allSatisfy { $0.utf8.count > size || $0.contains("event: lost") })
        publish(4...4, size: 300_000, to: server)
        #expect(try client.events { _ in true } == ["id: 4\nevent: lost\ndata: {\"newest\": 4}"])
        publish(5...5, to: server)
        #expect(try client.events { _ in true }[0].hasPrefix("id: 5\n"))
    }

    @Test("sends comments where nothing happens, by which clients that are gone are found")
    func heartbeat() throws {
        let server = try TestServer(stream: EventStream(heartbeat: .milliseconds(20)))
        let client = try connect(server)
        #expect(try client.events { _ in true } == [":"])
        for _ in 0..<10 { _ = try connect(server) }
        try waitUntil("those who are gone are forgotten") { server.stream.clients == 1 && server.server.connections == 1 }
        publish(1...1, to: server)
        #expect(try client.events { $0 != ":" }.last?.hasPrefix("id: 1\n") == true)
        // A comment does not change where a client goes on.
        #expect(try connect(server, after: "1").events { _ in true } == [":"])
    }

    @Test("costs nothing for clients that do not read, and tells them what they lost, in whole events")
    func slow() throws {
        let server = try TestServer()
        let (healthy, slow) = (try connect(server), try (0..<20).map { _ in try connect(server) })
        // More than sockets and ring hold.
        var seen: UInt64 = 0
        for id in UInt64(1)...2000 {
            publish(id...id, size: 12_000, to: server)
            if id % 10 == 0 {
                let last = try #require(try healthy.events { $0.hasPrefix("id: \(id)\n") }.last)
                seen = last.contains("lost") ? seen : id
            }
        }
        #expect(seen == 2000)
        publish(2001...2001, to: server)
        for client in slow {
            let events = try client.events { $0.hasPrefix("id: 2001\n") }
            #expect(events.contains { $0.contains("event: lost") })
            #expect(events.dropLast().allSatisfy { $0.contains("event: lost") || $0.utf8.count > 12_000 })
        }
    }

    @Test("has a thousand clients, each with every event")
    func thousand() throws {
        let server = try TestServer()
        let clients = try (0..<1000).map { _ in try connect(server) }
        #expect(server.stream.clients == 1000)
        publish(1...20, size: 200, to: server)
        for client in clients { #expect(try client.events { $0.hasPrefix("id: 20\n") }.count == 20) }
        #expect(server.server.finish(within: .seconds(60)))
        #expect(server.stream.clients == 0)
    }

    @Test("ends in order where the server stops, and by itself", arguments: [true, false])
    func end(isServer: Bool) throws {
        let server = try TestServer()
        let clients = try (0..<5).map { _ in try connect(server) }
        if isServer {
            #expect(server.server.finish(within: .seconds(60)))
        } else {
            server.stream.end()
        }
        for client in clients { #expect(try client.chunk() == nil) }
        try waitUntil("no client") { server.stream.clients == 0 }
    }

    @Test("is not opened by HEAD")
    func head() throws {
        let server = try TestServer()
        let client = try Client(server.port)
        #expect(try client.ask("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n").headers["content-type"] == "text/event-stream")
        try waitUntil("no client") { server.stream.clients == 0 }
        #expect(try client.get("/").body == "hello")
    }
}

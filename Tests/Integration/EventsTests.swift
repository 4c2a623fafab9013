import Glibc
import TestSupport
import Testing
import WorkerHarness

/// An event as a client of the stream gets it.
struct StreamEvent {
    let id: UInt64
    let name: String
    let data: JSON

    init(_ text: String) throws {
        var fields: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ": ", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        id = try #require(UInt64(fields["id"] ?? ""))
        name = String(fields["event"] ?? "")
        data = try JSON(bytes: Array((fields["data"] ?? "").utf8))
    }
}

/// A client of the event stream of a worker.
struct EventFollower: @unchecked Sendable {
    // Used by one thread at a time.
    private let client: HTTPTestClient

    /// Connects; events are sent from now on, or behind one.
    init(_ api: APIClient, after id: UInt64? = nil) async throws {
        self = try await onThread { [port = api.port] in
            let client = try HTTPTestClient(port)
            let last = id.map { "Last-Event-ID: \($0)\r\n" } ?? ""
            try client.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer look\r\n\(last)\r\n")
            let head = try client.head()
            guard head.status == 200, head.headers["content-type"] == "text/event-stream" else { throw Failure("\(head)") }
            return EventFollower(client)
        }
    }

    private init(_ client: HTTPTestClient) { self.client = client }

    /// The events until one is the last.
    func events(until isLast: @escaping @Sendable (StreamEvent) -> Bool) async throws -> [StreamEvent] {
        try await onThread {
            let texts = try client.events { text in (try? StreamEvent(text)).map(isLast) ?? false }
            return try texts.filter { !$0.hasPrefix(":") }.map { try StreamEvent($0) }
        }
    }

    /// The next event of a name.
    func next(_ name: String) async throws -> StreamEvent {
        try #require(try await events { $0.name == name }.last)
    }
}

extension RealServers {
    /// The event stream of a running worker.
    @Suite struct Events {
        @Test func whatHappensIsToldWithAllThatAClientShows() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let api = try APIClient(in: rig)
                var options = rig.options(gearmand)
                options.configuration = "[worker:dummy]\nchecks = yes\n" + api.section
                _ = try await rig.startWorker(options)
                let follower = try await EventFollower(api)
                var server: Socket? = try nodeServer()
                let port = try #require(server?.port)
                try await gearmand.succeed(job("CREATE", checkedBalancer("web", port: 80, nodes: [port])))

                let created = try await follower.next("change")
                let journal = try JSON(bytes: Array(try await api.curl("/v1/journal").body.utf8))["journal"]
                #expect(created.data["revision"] == .number(Double(created.id)) && journal[0]["revision"] == created.data["revision"])
                for name in ["time", "source", "origin", "what", "outcome"] { #expect(journal[0][name] == created.data[name]) }
                #expect(created.data["what"] == "CREATE web")
                #expect(created.data["load_balancers"] == [["id": "web", "status": "DOWN", "nodes": 1]])

                let up = try await follower.next("health")
                #expect(up.data["load_balancer"] == "web" && up.data["node"] == "n0" && up.data["status"] == "UP")
                #expect(up.data["address"].text == "127.0.0.1:\(port)" && up.data["reason"] == .null)
                let service = try await follower.next("service")
                #expect(service.data["load_balancer"] == "web" && service.data["status"] == "UP" && service.data["weight"] == 1)
                #expect(service.id >= up.id && service.data["revision"] == .number(Double(service.id)))

                server = nil
                let down = try await follower.next("health")
                #expect(down.data["status"] == "DOWN" && down.data["reason"] == "connect: refused" && down.id > up.id)
                let shown = try JSON(bytes: Array(try await api.curl("/v1/load-balancers/web").body.utf8))["nodes"][0]
                #expect(shown["since"] == down.data["since"] && shown["reason"] == down.data["reason"])
                #expect(try await follower.next("service").data["reason"] == "weight 0 of 1")

                try await gearmand.end(by: SIGKILL)
                let lost = try await follower.next("job_server")
                #expect(lost.data["server"].text == gearmand.address && lost.data["connected"] == false)
                #expect(lost.id >= down.id && lost.data["reason"].text != nil)
                try await gearmand.start()
                #expect(try await follower.events { $0.data["connected"] == true }.last?.name == "job_server")

                try await gearmand.succeed(job("DELETE", named("web")))
                let deleted = try await follower.next("change")
                #expect(deleted.data["load_balancers"] == [["id": "web", "status": "DELETED", "nodes": 0]])
            }
        }

        @Test func aClientComesBackToWhereItWasAndIsToldWhatARestartHasLost() async throws {
            try await withAPI { _, _, api, worker in
                func change(_ weight: Int) async throws {
                    #expect(try await api.submit(try job("CREATE", loadBalancer("shop", weights: weight)).bytes).status == 200)
                }
                let first = try await EventFollower(api)
                for weight in 1...3 { try await change(weight) }
                let seen = try await first.events { $0.data["what"] == "CREATE shop" && $0.name == "change" }
                let id = try #require(seen.last?.id)
                let again = try await EventFollower(api, after: id)
                let rest = try await again.events { $0.name == "change" && $0.id == id + 2 }
                #expect(rest.filter { $0.name == "change" }.map(\.id) == [id + 1, id + 2])
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test func theNumbersGoOnAfterARestart() async throws {
            try await withAPI { rig, options, api, worker in
                _ = try await EventFollower(api)
                #expect(try await api.submit(try job("CREATE", loadBalancer("shop")).bytes).status == 200)
                let revision = try JSON(bytes: Array(try await api.curl("/v1/status").body.utf8))["revision"]
                guard case .number(let number) = revision else { throw Failure("\(revision)") }
                #expect(try await worker.end() == .exit(0))
                let again = try rig.spawnWorker(options)
                try await again.says("started")
                let follower = try await EventFollower(api, after: UInt64(number))
                #expect(try await follower.next("lost").data == ["newest": revision])
                #expect(try await api.submit(try job("DELETE", named("shop")).bytes).status == 200)
                #expect(try await follower.next("change").id == UInt64(number) + 1)
                #expect(try await again.end() == .exit(0))
            }
        }
    }
}

import FleetModel
import FleetStore
import FleetTestSupport
import HostSystem
import LBaaS
import TestSupport
import Testing

@testable import FleetFront

extension Bench {
    /// Writes to the store, and waits until the cache has it.
    @discardableResult func write(_ body: (inout StoreTransaction) -> Void) throws -> Int {
        var transaction = StoreTransaction()
        body(&transaction)
        let revision = try store.commit(transaction)
        #expect(cache.wait(for: revision, within: .seconds(10)))
        return revision
    }

    /// A load balancer of a project.
    func loadBalancer(_ id: String, _ project: String, _ change: ObjectChange = .create, name: String = "") -> LoadBalancerRecord {
        var head = ObjectHead(id: id, project: project, name: name, created: Timestamp(microseconds: 1))
        head.change = change
        return LoadBalancerRecord(head, group: "web", address: .v4(0x0A14_0001), provider: "", preferredWorker: 0)
    }

    /// The project of a user.
    func project(_ user: String) throws -> String { try #require(try accounts.user(named: user)).project }
}

@Suite struct HostTests {
    @Test("Hosts are listed with their state, and what a worker refused is told of projects that are seen")
    func hosts() async throws {
        try await Bench.run { bench in
            let (ann, vic) = (try bench.token("ann"), try bench.token("vic"))
            #expect(try column(bench.ask("GET", "/v1/hosts", vic).body, "hosts", "state") == ["UNKNOWN", "UNKNOWN"])
            let shop = try bench.project("ann")
            let revision = try bench.write { transaction in
                let head = ObjectHead(id: "li", project: shop, created: Timestamp(microseconds: 1))
                let listener = ListenerRecord(head, loadBalancer: "lb", serviceProtocol: .tcp, port: 80)
                transaction.put(FleetKey.object(.listener, id: "li").text, listener.json)
                transaction.put(FleetKey.wantedLoadBalancer(worker: "lb1", listener: "li").text, Array("{}".utf8))
                transaction.put(FleetKey.host(worker: "lb1").text, HostRecord(version: "1.2", driver: "haproxy").json)
                transaction.put(
                    FleetKey.host(worker: "lb2").text, HostRecord(away: Timestamp(microseconds: 5), lastError: "no <answer>").json)
                transaction.put(FleetKey.claim(worker: "lb1").text, Array("server-7 more".utf8))
            }
            try bench.write { transaction in
                let refused = ["li": SettledRecord.Refusal(revision: revision, sentence: "port 80 is taken")]
                let settled = SettledRecord(revision: revision, time: Timestamp(microseconds: 9), refused: refused)
                transaction.put(FleetKey.settled(worker: "lb1").text, settled.json)
            }
            let seen = try bench.ask("GET", "/v1/hosts", ann)
            #expect(try column(seen.body, "hosts", "id") == ["lb1", "lb2"] && column(seen.body, "hosts", "state") == ["UP", "AWAY"])
            #expect(try member(seen.body, "hosts", "0", "refused", "0", "sentence") == "port 80 is taken")
            #expect(try member(seen.body, "hosts", "0", "driver") == "haproxy" && member(seen.body, "hosts", "0", "version") == "1.2")
            #expect(try member(seen.body, "hosts", "0", "server") == "server-7")
            #expect(
                try member(seen.body, "hosts", "0", "wanted") == "\(revision)"
                    && member(seen.body, "hosts", "0", "revision") == "\(revision)")
            #expect(try member(seen.body, "hosts", "1", "error") == "no <answer>")
            #expect(try member(bench.ask("GET", "/v1/hosts", vic).body, "hosts", "0", "refused") == "[]")
            // A refusal of what was replaced since is not told any more.
            try bench.write { $0.put(FleetKey.wantedLoadBalancer(worker: "lb1", listener: "li").text, Array("{ }".utf8)) }
            #expect(try member(bench.ask("GET", "/v1/hosts", ann).body, "hosts", "0", "refused") == "[]")
        }
    }

    @Test("Groups are listed with what is left of their addresses")
    func groups() async throws {
        try await Bench.run { bench in
            try bench.write { $0.put(FleetKey.address(group: "web", address: "10.20.0.1").text, Array("lb".utf8)) }
            let body = try bench.ask("GET", "/v1/groups", try bench.token("vic")).body
            #expect(try member(body, "groups", "0", "name") == "web" && member(body, "groups", "0", "addresses", "0") == "10.20.0.0/24")
            #expect(try member(body, "groups", "0", "allocated") == "1" && member(body, "groups", "0", "capacity") == "254")
        }
    }
}

@Suite struct EventTests {
    /// A client of the events, which has got the head of the answer.
    private func follow(_ bench: Bench, _ user: String, after id: Int? = nil) throws -> HTTPTestClient {
        try follow(bench, token: try bench.token(user), after: id)
    }

    private func follow(_ bench: Bench, token: String, after id: Int? = nil) throws -> HTTPTestClient {
        let client = try HTTPTestClient(bench.port)
        let last = id.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        try client.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: \(token)\r\n\(last)\r\n")
        let head = try client.head()
        #expect(head.status == 200 && head.headers["content-type"] == "text/event-stream")
        return client
    }

    @Test("Changes are told to the project that they are of, and to admins")
    func changes() async throws {
        try await Bench.run { try tellChanges($0) }
    }

    private func tellChanges(_ bench: Bench) throws {
        let (shop, other) = (try bench.project("ann"), try bench.project("vic"))
        let clients = [try follow(bench, "ann"), try follow(bench, "root")]
        let name = "<b>\u{202e}\n\"x"
        try bench.write { $0.put(FleetKey.object(.loadBalancer, id: "hidden").text, bench.loadBalancer("hidden", other).json) }
        try bench.write { $0.put(FleetKey.object(.loadBalancer, id: "a").text, bench.loadBalancer("a", shop, name: name).json) }
        try bench.write { $0.put(FleetKey.object(.loadBalancer, id: "a").text, bench.loadBalancer("a", shop, .delete).json) }
        let last = try bench.write { $0.delete(FleetKey.object(.loadBalancer, id: "a").text) }
        for (client, count) in zip(clients, [3, 4]) {
            let events = try client.events { $0.contains("id: \(last)\n") }
            #expect(events.count == count, "\(events)")
            let told = events.suffix(3).map { String($0.split(separator: "data: ").last ?? "") }
            #expect(events.suffix(3).allSatisfy { $0.contains("event: change\n") })
            #expect(try told.map { try member($0, "id") } == ["a", "a", "a"])
            #expect(try member(told[0], "name") == name && member(told[0], "kind") == "loadbalancer")
            #expect(try told.map { try member($0, "gone") } == ["false", "false", "true"])
            #expect(try told.map { try member($0, "load_balancer") } == ["a", "a", "a"])
            #expect(events.joined().contains("hidden") == (count == 4))
        }
    }

    @Test("What becomes of hosts and nodes is told to everybody, and a client that comes back gets what it missed")
    func hosts() async throws {
        try await Bench.run { bench in
            let client = try follow(bench, "vic")
            let first = try bench.write { $0.put(FleetKey.host(worker: "lb1").text, HostRecord().json) }
            let second = try bench.write { transaction in
                transaction.put(FleetKey.operating(worker: "lb1").text, OperatingRecord(nodes: ["li": ["n": true]]).json)
            }
            let events = try client.events { $0.contains("id: \(second)\n") }
            #expect(events.count == 2 && events[0].contains("event: host\n") && events[0].contains("\"state\": \"UP\""), "\(events)")
            #expect(events[1].contains("event: health\n") && events[1].contains("\"host\": \"lb1\""))
            let again = try follow(bench, "vic", after: first)
            #expect(try again.events { _ in true }.joined().contains("event: health\n"))
        }
    }

    /// What ends the session of ann.
    enum End: CaseIterable { case logout, revocation, password, deletion, credential, time }

    @Test("The events of a session that is over end, and those of others go on", arguments: End.allCases)
    func over(_ end: End) async throws {
        try await onThread {
            let bench = try Bench(validity: end == .time ? 5 : 3600)
            let (credential, secret) = try bench.accounts.addCredential("ci", ofUserNamed: "ann", role: .viewer, by: .server)
            let root = try bench.token("root")
            let program = try bench.accounts.logIn(.id(credential.id), secret: secret, from: "").text
            let token = end == .credential ? program : try bench.token("ann")
            let client = try follow(bench, token: token)
            let other = end == .time ? nil : try follow(bench, "vic")
            let name = try bench.accounts.session(token: token).tokenName
            let answer: HTTPTestClient.Response? =
                switch end {
                case .logout: try bench.ask("DELETE", "/v1/session", token)
                case .revocation: try bench.ask("DELETE", "/v1/tokens/\(name)", root)
                case .password: try bench.ask("PATCH", "/v1/users/ann", root, #"{"password": "another horse"}"#)
                case .deletion: try bench.ask("DELETE", "/v1/users/ann", root)
                case .credential: try bench.ask("DELETE", "/v1/tokens/\(credential.id)", root)
                case .time: nil
                }
            if let answer { try #require(answer.status < 300, "\(answer.body)") }
            while try client.chunk() != nil {}
            #expect(try bench.ask("GET", "/v1/events", token).status == 401)
            let last = try bench.write { $0.put(FleetKey.host(worker: "lb1").text, HostRecord().json) }
            if let other { #expect(try other.events { $0.contains("id: \(last)\n") }.count == 1) }
        }
    }

    @Test("The events of a session go on where the record of its token changes, as an extension changes it")
    func extended() async throws {
        try await Bench.run { bench in
            let (cookie, _) = try bench.browser("ann")
            let client = try HTTPTestClient(bench.port)
            try client.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\(cookie)\r\n")
            #expect(try client.head().status == 200)
            // A change of its record is no end.
            let entry = try #require(try bench.store.list("auth/token/").entries.first)
            try bench.write { $0.put(entry.key, entry.value) }
            let last = try bench.write { $0.put(FleetKey.host(worker: "lb1").text, HostRecord().json) }
            #expect(try client.events { $0.contains("id: \(last)\n") }.count == 1)
        }
    }

    @Test("Events end when the server stops, and nobody gets more of them")
    func stop() async throws {
        try await Bench.run { bench in
            let client = try follow(bench, "vic")
            bench.api.stop()
            while try client.chunk() != nil {}
            #expect(try bench.ask("GET", "/v1/events", try bench.token("vic")).status == 503)
        }
    }
}

import LBaaS
import Requests
import TestSupport
import Testing

@testable import WorkerAPI

@Suite("Events of the API")
struct EventTests {
    private let api: TestAPI
    private let client: HTTPTestClient

    init() throws {
        api = try TestAPI()
        client = try HTTPTestClient(api.port)
        try client.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer viewer\r\n\r\n")
        #expect(try client.head().status == 200)
    }

    private func next() throws -> String { try client.events { $0 != ":" }.last ?? "" }

    private func entry(_ health: ServiceHealth?, suspended: Bool = false) -> WantedState.Entry {
        var loadBalancer = LoadBalancer(id: "a\n", serviceProtocol: .tcp, address: .v4(0x0A00_0009), port: 80)
        loadBalancer.nodes = [Node(id: "n", address: .address(.v4(0x0A00_0001)), port: 81)]
        loadBalancer.isSuspended = suspended
        return WantedState.Entry(loadBalancer: loadBalancer, createdAt: Timestamp(microseconds: 0))
    }

    private func publish(
        revision: UInt64, _ journal: [JournalEntry], from old: (WantedState.Entry?, ServiceHealth?),
        to new: (WantedState.Entry?, ServiceHealth?)
    ) {
        let item = PublishedChange.Item(id: "a\n", oldEntry: old.0, newEntry: new.0, oldHealth: old.1, newHealth: new.1)
        let now = Timestamp(microseconds: 2_000_000)
        api.events.publish(
            PublishedChange(revision: revision, moment: Moment(steady: now, wall: now), journal: journal, items: [item]))
    }

    private func journalEntry(_ revision: UInt64, _ cause: String, _ what: String) -> JournalEntry {
        JournalEntry(
            revision: revision, time: Timestamp(microseconds: 1_000_000), cause: cause, origin: "api:ann", what: what,
            loadBalancers: ["a\n"])
    }

    @Test("tell what a commit made, each with the number of its journal entry")
    func commit() throws {
        publish(
            revision: 9, [journalEntry(8, "jobs", "CREATE a"), journalEntry(9, "jobs", "UPDATE a")], from: (nil, nil),
            to: (entry(nil), nil))
        for (revision, what) in [(8, "CREATE a"), (9, "UPDATE a")] {
            #expect(
                try next()
                    == "id: \(revision)\nevent: change\ndata: {\"revision\": \(revision), \"time\": \"1970-01-01T00:00:01.000Z\", "
                    + "\"source\": \"jobs\", \"origin\": \"api:ann\", \"what\": \"\(what)\", \"outcome\": \"PASS\", "
                    + "\"load_balancers\": [{\"id\": \"a\\n\", \"status\": \"UP\", \"nodes\": 1}], \"count\": 1}")
        }
        #expect(
            try next()
                == "id: 9\nevent: service\ndata: {\"revision\": 9, \"time\": \"1970-01-01T00:00:02.000Z\", \"load_balancer\": \"a\\n\", "
                + "\"listener\": \"10.0.0.9:80/tcp\", \"status\": \"UP\", \"weight\": 1}")
        publish(revision: 10, [journalEntry(10, "jobs", "SUSPEND a")], from: (entry(nil), nil), to: (entry(nil, suspended: true), nil))
        #expect(try next().contains("\"status\": \"SUSPENDED\""))
        #expect(try next().contains("\"reason\": \"suspended\""))
        publish(revision: 11, [journalEntry(11, "jobs", "DELETE a")], from: (entry(nil), nil), to: (nil, nil))
        #expect(try next().contains("\"status\": \"DELETED\", \"nodes\": 0"))
        #expect(try next().contains("\"status\": \"DOWN\", \"reason\": \"deleted\""))
    }

    @Test("tell each node that went up or down, and a change where checks found something else")
    func health() throws {
        func health(_ isUp: Bool, reason: String? = nil, share: UInt16 = 1000) -> ServiceHealth {
            let node = NodeHealth(isUp: isUp, against: 0, reason: reason, since: Timestamp(microseconds: 3_000_000), wasUp: true)
            let fact = ServiceHealth.NodeFact(endpoint: Endpoint(host: .address(.v4(0x0A00_0001)), port: 81), health: node, share: share)
            return ServiceHealth(nodes: ["n": fact], hasQuorum: isUp)
        }
        let entry = entry(nil)
        publish(
            revision: 8, [journalEntry(8, "health", "nodes of a")], from: (entry, health(true)),
            to: (entry, health(false, reason: "connect: refused")))
        #expect(
            try next()
                == "id: 8\nevent: health\ndata: {\"revision\": 8, \"time\": \"1970-01-01T00:00:01.000Z\", \"load_balancer\": \"a\\n\", "
                + "\"node\": \"n\", \"address\": \"10.0.0.1:81\", \"status\": \"DOWN\", \"reason\": \"connect: refused\", "
                + "\"since\": \"1970-01-01T00:00:03.000Z\", \"held\": false}")
        #expect(try next().contains("event: service\n"))
        publish(revision: 9, [journalEntry(9, "health", "nodes of a")], from: (entry, health(true)), to: (entry, health(true, share: 500)))
        #expect(try next().contains("event: change\ndata: {\"revision\": 9, "))
    }

    @Test("tell what became of a virtual IP behind the entry of the journal")
    func virtualIP() throws {
        let time = Timestamp(microseconds: 0)
        let virtualIP = try VirtualIP(address: .v4(0x0A00_0009), interface: "eth0")
        let fact = VirtualIPFact(state: .activated, isBound: true, owner: "h1", reason: nil, since: time)
        let entry = JournalEntry(
            revision: 8, time: time, cause: "virtual_ip", origin: "", what: "10.0.0.9 ACTIVATED, owner h1", loadBalancers: [])
        api.events.publish(
            PublishedChange(
                revision: 8, moment: Moment(steady: time, wall: time), journal: [entry], items: [],
                virtualIPs: [
                    VirtualIPStatusEvent(.changed(fact), of: virtualIP, at: time),
                    VirtualIPStatusEvent(.rival(hardwareAddress: "02:00:00:00:00:02"), of: virtualIP, at: time),
                ], removedVirtualIPs: [virtualIP]))
        #expect(try next().hasPrefix("id: 8\nevent: change\n"))
        #expect(
            try next()
                == "id: 8\nevent: virtual_ip\ndata: {\"revision\": 8, \"time\": \"1970-01-01T00:00:00.000Z\", \"address\": \"10.0.0.9\", "
                + "\"interface\": \"eth0\", \"status\": \"ACTIVATED\", \"bound\": true, \"owner\": \"h1\", "
                + "\"since\": \"1970-01-01T00:00:00.000Z\"}")
        #expect(try next().hasSuffix("\"address\": \"10.0.0.9\", \"interface\": \"eth0\", \"status\": \"DELETED\"}"))
        api.events.publish(rivalOf: "10.0.0.9", interface: "eth0", hardware: "02:00:00:00:00:02", at: time)
        #expect(try next().contains("event: virtual_ip_rival\n"))
    }

    private func change(
        _ revision: UInt64, _ cause: String, _ what: String, from old: WantedState.Entry?, to new: WantedState.Entry?
    ) -> PublishedChange {
        let now = Timestamp(microseconds: 2_000_000)
        return PublishedChange(
            revision: revision, moment: Moment(steady: now, wall: now), journal: [journalEntry(revision, cause, what)],
            items: [PublishedChange.Item(id: "a\n", oldEntry: old, newEntry: new, oldHealth: nil, newHealth: nil)])
    }

    private func together(_ changes: some Sequence<PublishedChange>) -> [PublishedChange.Event] {
        var together = ChangesTogether()
        for change in changes { together.add(change) }
        return together.events
    }

    @Test("of changes that are told together are one for all of them, and one for each service that is not as it was before")
    func together() throws {
        let (up, suspended) = (entry(nil), entry(nil, suspended: true))
        let changes = [
            change(7, "jobs", "CREATE a", from: nil, to: up), change(8, "jobs", "SUSPEND a", from: up, to: suspended),
            change(9, "file", "ENABLE a", from: suspended, to: up),
        ]
        let events = together(changes)
        try #require(events.map(\.name) == ["change", "service"] && events.map(\.id) == [9, 9])
        #expect(
            events[0].text
                == "{\"revision\": 9, \"time\": \"1970-01-01T00:00:01.000Z\", \"source\": \"several\", \"origin\": \"api:ann\", "
                + "\"what\": \"3 changes; the last: ENABLE a\", \"outcome\": \"PASS\", "
                + "\"load_balancers\": [{\"id\": \"a\\n\", \"status\": \"UP\", \"nodes\": 1}], \"count\": 1}")
        #expect(events[1].text.contains("\"status\": \"UP\""))
        #expect(together(changes[1...]).map(\.name) == ["change"])
        #expect(together(changes[..<1]).map(\.text) == changes[0].events.map(\.text))
    }

    @Test("are fewer than the changes where these come faster than anybody can follow, and lead to the last")
    func many() throws {
        let last = UInt64(1000 * WorkerEvents.mostChanges)
        for revision in 1...last { api.events.publish(change(revision, "jobs", "change", from: entry(nil), to: entry(nil))) }
        var count = 0
        while try !next().hasPrefix("id: \(last)\n") { count += 1 }
        #expect(count < last / 2)
    }

    @Test("tell what is in no journal with the number of the event before")
    func unnumbered() throws {
        let time = Timestamp(microseconds: 0)
        api.events.publish(jobServer: "g:4730", isConnected: false, reason: "refused", at: time)
        #expect(
            try next()
                == "id: 7\nevent: job_server\ndata: {\"time\": \"1970-01-01T00:00:00.000Z\", \"server\": \"g:4730\", \"connected\": false, "
                + "\"reason\": \"refused\"}")
        publish(revision: 8, [journalEntry(8, "drain", "drained a")], from: (entry(nil), nil), to: (entry(nil), nil))
        #expect(try next().hasPrefix("id: 8\nevent: change\n"))
        api.events.publish(rivalOf: "10.0.0.9", interface: "eth0", hardware: "02:00:00:00:00:02", at: time)
        #expect(
            try next()
                == "id: 8\nevent: virtual_ip_rival\ndata: {\"time\": \"1970-01-01T00:00:00.000Z\", \"address\": \"10.0.0.9\", "
                + "\"interface\": \"eth0\", \"hardware_address\": \"02:00:00:00:00:02\"}")
        let many = (0..<100).map { LoadBalancerID("lb\($0)") }
        api.events.publish(ApplianceRepair(loadBalancers: many, steps: ["make it"], failed: ["lb1"], time: time))
        let repair = try next()
        #expect(repair.hasPrefix("id: 8\nevent: repair\n") && repair.contains("\"lb63\"], \"count\": 100, \"steps\": [\"make it\"]"))
        #expect(repair.hasSuffix("\"outcome\": \"FAIL\", \"failed\": [\"lb1\"]}"))
    }

    @Test("are for viewers, and only written while somebody follows")
    func access() throws {
        let other = try TestAPI()
        #expect(try other.ask("GET", "/v1/events", as: nil).status == 401)
        #expect(!other.events.isFollowed)
        #expect(try other.ask("HEAD", "/v1/events", as: "viewer").status == 200)
        #expect(other.events.isFollowed && api.events.clients == 1)
    }
}

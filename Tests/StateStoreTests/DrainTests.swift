import LBaaS
import StateStore
import TestSupport
import Testing

private func drains(
    _ address: String? = "10.0.0.9", _ port: UInt16 = 80, _ transport: String = "tcp", owner: String = "a", _ hosts: String...
) -> StoredDrains {
    let drains = hosts.enumerated().map { StoredDrains.Drain(host: $1, port: 8080, deadline: Int64($0)) }
    return StoredDrains(address: address, port: port, transport: transport, owner: owner, drains: drains)
}

@Suite("What drains is there when the state is opened again")
struct DrainTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("listener by listener, in the order in which it began")
    func put() throws {
        let all = [
            drains(nil, 80, "tcp", "10.0.0.2", "10.0.0.1"), drains("10.0.0.9", 80, "sctp", owner: "é", "web.example"),
            drains("10.0.0.9", 80, "tcp", "10.0.0.3", "10.0.0.1", "10.0.0.2"), drains("10.0.0.9", 443, "tcp", "fd00::1"),
            drains("fd00::9", 65535, "tcp", "fd00::1"),
        ]
        try folder.commit(all.reversed().map { .drains($0) })
        let found = try folder.reopened().drains
        #expect(found.count == all.count)
        #expect(Set(found) == Set(all))
    }

    @Test("of clients that the packet filter marks, besides those of the same address without a mark")
    func marks() throws {
        let plain = Listener(address: IPAddress("10.0.0.9"), port: 80, transport: .tcp)
        let marked = Listener(address: IPAddress("10.0.0.9"), port: 80, transport: .tcp, mark: 0x100001)
        let drain = Drain(endpoint: Endpoint(host: .address(.v4(1)), port: 8080), deadline: Timestamp(microseconds: 5))
        for listener in [plain, marked] {
            let entry = DrainTable.Entry(owner: LoadBalancerID("\(listener)"), drains: [drain])
            try folder.commit([.drains(StoredDrains(entry, on: listener))])
        }
        let snapshot = try folder.reopened().snapshot(now: Timestamp(microseconds: 0), drainTimeout: .seconds(30))
        #expect(snapshot.facts.drains.all.mapValues { $0.owner.text } == [plain: "\(plain)", marked: "\(marked)"])
    }

    @Test("in place of what drained on the listener, and no other")
    func replace() throws {
        let other = drains("10.0.0.8", 80, "tcp", "10.0.0.1")
        try folder.commit(
            [.drains(drains("10.0.0.9", 80, "tcp", "10.0.0.1", "10.0.0.2")), .drains(other), .drains(drains(nil, 80, "tcp", "10.0.0.1"))],
            [.drains(drains("10.0.0.9", 80, "tcp", owner: "b", "10.0.0.2"))], [.drains(drains(nil, 80, "tcp"))])
        #expect(Set(try folder.reopened().drains) == [drains("10.0.0.9", 80, "tcp", owner: "b", "10.0.0.2"), other])
    }

    @Test("without its load balancer, which may be deleted")
    func deleted() throws {
        try folder.commit([.put(row("a")), .drains(drains("10.0.0.9", 80, "tcp", "10.0.0.1"))], [.delete(id: "a")])
        let state = try folder.reopened()
        #expect(state.loadBalancers.isEmpty)
        #expect(state.drains == [drains("10.0.0.9", 80, "tcp", "10.0.0.1")])
    }

    @Test("with deadlines of every time")
    func deadlines() throws {
        var stored = drains("10.0.0.9", 80, "tcp")
        stored.drains = [.init(host: "10.0.0.1", port: 65535, deadline: .max), .init(host: "10.0.0.1", port: 1, deadline: .min)]
        try folder.commit([.drains(stored)])
        #expect(try folder.reopened().drains == [stored])
    }

    @Test("traffic, with any number of counters, and what is not reported yet")
    func counters() throws {
        let many = StoredTraffic(
            id: "a", unreported: .max, readings: [.init(run: .max, bytes: 1), .init(run: 0, bytes: .max), .init(run: 7, bytes: 7)],
            reportedAt: 9)
        let none = StoredTraffic(id: "b", unreported: 5, readings: [], reportedAt: 9)
        try folder.commit([.traffic(traffic("a")), .traffic(traffic("b")), .traffic(many), .traffic(none)])
        #expect(try folder.reopened().traffic == [many, none])
        try folder.commit([.put(row("a")), .delete(id: "a")], [.put(row("a")), .traffic(traffic("a", run: 3))])
        #expect(try folder.reopened().traffic == [traffic("a", run: 3), none])
    }
}

@Suite("A state of version 1")
struct MigrationTests {
    private let folder: TemporaryFolder

    /// As the worker made its file before it knew drains, with what it kept there.
    private static let version1 = """
        PRAGMA journal_mode = WAL;
        BEGIN;
        PRAGMA application_id = 1279418707;
        PRAGMA user_version = 1;
        CREATE TABLE load_balancer (
            id TEXT NOT NULL UNIQUE, text BLOB NOT NULL, is_suspended INTEGER NOT NULL, created_at INTEGER NOT NULL);
        CREATE TABLE traffic (
            id TEXT NOT NULL PRIMARY KEY, bytes INTEGER NOT NULL, run INTEGER NOT NULL, reported_at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE deleted (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE);
        CREATE TABLE worker (is_empty_by_delete INTEGER NOT NULL);
        INSERT INTO worker VALUES (1);
        INSERT INTO load_balancer VALUES ('a', CAST('one' AS BLOB), 0, 11), ('b', CAST('two' AS BLOB), 1, 12);
        INSERT INTO traffic VALUES ('a', 1000, 5, 21), ('b', -1, -1, 22);
        INSERT INTO deleted (id) VALUES ('z'), ('y');
        COMMIT;
        """

    init() throws {
        folder = try TemporaryFolder()
        try folder.commit()
        try folder.place(sql: Self.version1)
    }

    private var expected: StoredState {
        var state = StoredState()
        state.loadBalancers = [row("a", "one", createdAt: 11), row("b", "two", isSuspended: true, createdAt: 12)]
        state.traffic = [traffic("a", bytes: 1000, run: 5, reportedAt: 21), traffic("b", bytes: .max, run: .max, reportedAt: 22)]
        state.deleted = ["z", "y"]
        state.isEmptyByDelete = true
        return state
    }

    @Test("is read whole, with the one counter of each load balancer")
    func read() throws {
        #expect(try folder.reopened() == expected)
        #expect(try folder.reopened() == expected)
    }

    @Test("takes what came with version 2")
    func write() throws {
        let readings = [StoredTraffic.Reading(run: 5, bytes: 1001, bytesIn: 7, connections: 8), .init(run: 6, bytes: 1)]
        let many = StoredTraffic(id: "a", unreported: 3, total: 1, totalIn: 2, totalConnections: .max, readings: readings, reportedAt: 30)
        try folder.commit([.traffic(many), .drains(drains("10.0.0.9", 80, "tcp", "10.0.0.1"))], [.delete(id: "b")])
        let state = try folder.reopened()
        #expect(state.traffic == [many])
        #expect(state.drains == [drains("10.0.0.9", 80, "tcp", "10.0.0.1")])
        #expect(state.deleted == ["z", "y", "b"])
    }

    @Test("is left as it is where there is no room for the step")
    func fullDisk() async throws {
        await #expect(processExitsWith: .success) { [state = folder.state as String] in
            try limitFiles(to: 1)
            #expect(throws: StateStoreError.self) { _ = try StateStore(folder: state) }
        }
        #expect(try folder.reopened() == expected)
    }
}

@Suite("A state of version 3")
struct Version3Tests {
    @Test("is read whole, and takes virtual IPs")
    func migration() throws {
        let folder = try TemporaryFolder()
        try folder.commit([
            .put(row("a")), .journal([JournalEntry(revision: 7, time: Timestamp(microseconds: 1), cause: "jobs", what: "x")]),
        ])
        let before = try folder.reopened()
        // As the worker made its file before it knew virtual IPs.
        try folder.alter(
            """
            DROP TABLE front; DROP TABLE silenced_route; DROP TABLE virtual_ip; ALTER TABLE load_balancer DROP COLUMN revision;
            ALTER TABLE traffic DROP COLUMN total_in; ALTER TABLE traffic DROP COLUMN total_connections;
            ALTER TABLE counter DROP COLUMN bytes_in; ALTER TABLE counter DROP COLUMN connections; PRAGMA user_version = 3
            """)
        #expect(try folder.reopened() == before)
        let row = StoredVirtualIPRow(address: "10.0.0.9", text: nil, version: 1, host: "h")
        try folder.commit([.virtualIP(row)])
        #expect(try folder.reopened().virtualIPs == [row])
        #expect(try folder.reopened().revision == 7)
    }
}

import LBaaS
import StateStore
import TestSupport
import Testing

@Suite("What is committed is there when the state is opened again")
struct WriteTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("nothing, at first")
    func nothing() throws {
        #expect(try folder.reopened() == StoredState())
        #expect(try folder.reopened() == StoredState())
    }

    @Test("load balancers, in the order of their ids")
    func put() throws {
        let rows = [row("b", "two", isSuspended: true, createdAt: .min), row("a", "one", createdAt: .max)]
        try folder.commit(rows.map { .put($0) })
        #expect(try folder.reopened().loadBalancers == [rows[1], rows[0]])
    }

    @Test("a load balancer in place of the one of its identity, and no other")
    func replace() throws {
        try folder.commit([.put(row("a", "old")), .put(row("A", "another"))], [.put(row("a", "new", isSuspended: true, createdAt: 9))])
        #expect(try folder.reopened().loadBalancers == [row("A", "another"), row("a", "new", isSuspended: true, createdAt: 9)])
    }

    @Test("any id and any text", arguments: ["", "a b", "a'b\";--", "\u{0}", "a\u{0}b", "é", "e\u{301}", "\u{10FFFF}", "\n"])
    func anyCharacters(text: String) throws {
        let id = "id" + text
        try folder.commit([.put(row(id, text)), .put(row("other")), .traffic(traffic(id))], [.delete(id: "other")])
        let state = try folder.reopened()
        #expect(state.loadBalancers == [row(id, text)])
        #expect(state.traffic == [traffic(id)])
        // Swift takes é for é, however it is spelled; the client may not.
        #expect(state.loadBalancers.map { Array($0.id.utf8) } == [Array(id.utf8)])
        try folder.commit([.delete(id: id)])
        #expect(try folder.reopened().deleted.map { Array($0.utf8) } == [Array("other".utf8), Array(id.utf8)])
    }

    @Test("what requests have made of virtual IPs, the last of each address")
    func virtualIPs() throws {
        let one = StoredVirtualIPRow(address: "10.0.0.9", text: "{\"x\": 1}", version: .max, host: "a'b")
        let two = StoredVirtualIPRow(address: "fd00::1", text: "", version: 1, host: "")
        try folder.commit([.virtualIP(one), .virtualIP(two)])
        #expect(try folder.reopened().virtualIPs == [one, two])
        let removed = StoredVirtualIPRow(address: "10.0.0.9", text: nil, version: 3, host: "h")
        try folder.commit([.virtualIP(removed)])
        #expect(try folder.reopened().virtualIPs == [removed, two])
    }

    @Test("the routes that are stopped, in place of those that were")
    func silencedRoutes() throws {
        let stop = SilencedRoutes.Stop(time: Timestamp(microseconds: 7), origin: "a'b")
        var routes = SilencedRoutes(addresses: [.v4(0x0A00_0009): stop, .v6(high: 1, low: 2): stop])
        try folder.commit([.silencedRoutes(routes.rows)])
        func reopened() throws -> SilencedRoutes {
            try folder.reopened().snapshot(now: Timestamp(microseconds: 0), drainTimeout: nil).wanted.silencedRoutes
        }
        #expect(try reopened() == routes)
        routes = SilencedRoutes(all: stop)
        try folder.commit([.silencedRoutes(routes.rows)])
        #expect(try reopened() == routes && folder.reopened().silencedRoutes.map(\.address) == ["*"])
        try folder.commit([.silencedRoutes([])])
        #expect(try reopened() == SilencedRoutes())
        try folder.commit([.silencedRoutes([StoredSilencedRoute(address: "x", time: 0, origin: "")])])
        let error = #expect(throws: StateStoreError.self) { try reopened() }
        #expect(error?.message.contains("a stopped route at 'x'") == true)
    }

    @Test("which states of fleets came last, and that a front is forgotten")
    func fronts() throws {
        let front = FrontTable.Front(number: .max, revision: 3)
        try folder.commit([.front("", front), .front("a'b", front)])
        #expect(try folder.reopened().fronts == FrontTable(["": front, "a'b": front]))
        let newer = FrontTable.Front(number: 7, revision: 4)
        try folder.commit([.front("", newer), .front("a'b", nil), .front("c", nil)])
        #expect(try folder.reopened().snapshot(now: Timestamp(microseconds: 0), drainTimeout: nil).wanted.fronts == FrontTable(["": newer]))
    }

    @Test("a virtual IP that cannot be read any more is damage that names it")
    func unreadableVirtualIP() throws {
        try folder.commit([.virtualIP(StoredVirtualIPRow(address: "10.0.0.9", text: "{}", version: 1, host: "h"))])
        let state = try folder.reopened()
        let error = #expect(throws: StateStoreError.self) { try state.requestedVirtualIPs() }
        #expect(error?.message.hasPrefix("the state of virtual IP 10.0.0.9 cannot be read: ") == true)
    }

    @Test("a text of 5 MB, which has no end in the log's first pages")
    func large() throws {
        let large = row("a", String(repeating: "0123456789", count: 500_000))
        try folder.commit([.put(large)])
        #expect(try folder.reopened().loadBalancers == [large])
    }

    @Test("that a load balancer is gone, and its traffic with it; it is the last of the deleted")
    func delete() throws {
        try folder.commit(
            [.put(row("a")), .put(row("b")), .put(row("c")), .traffic(traffic("a")), .traffic(traffic("b"))],
            [.delete(id: "b")], [.delete(id: "a")], [.delete(id: "b")])
        let state = try folder.reopened()
        #expect(state.loadBalancers == [row("c")])
        #expect(state.traffic.isEmpty)
        #expect(state.deleted == ["a", "b"])
    }

    @Test("that a deleted one is forgotten")
    func forgetDeleted() throws {
        try folder.commit([.delete(id: "a"), .delete(id: "b"), .delete(id: "c")], [.forgetDeleted(id: "b"), .forgetDeleted(id: "never")])
        #expect(try folder.reopened().deleted == ["a", "c"])
    }

    @Test("that one which is put again is no longer among the deleted")
    func putAgain() throws {
        try folder.commit([.put(row("a"))], [.delete(id: "a")], [.forgetDeleted(id: "a"), .put(row("a"))])
        let state = try folder.reopened()
        #expect(state.loadBalancers == [row("a")])
        #expect(state.deleted.isEmpty)
    }

    @Test("traffic, the last report of each, up to the largest numbers")
    func trafficReports() throws {
        let most = traffic("b", bytes: .max, run: .max, reportedAt: .max)
        try folder.commit([.traffic(traffic("a", bytes: 5)), .traffic(most)], [.traffic(traffic("a", bytes: 7, run: 0, reportedAt: -1))])
        #expect(try folder.reopened().traffic == [traffic("a", bytes: 7, run: 0, reportedAt: -1), most])
    }

    @Test("whether the last change was a DELETE that left nothing")
    func emptyByDelete() throws {
        try folder.commit([.isEmptyByDelete(true)])
        #expect(try folder.reopened().isEmptyByDelete)
        try folder.commit([.isEmptyByDelete(false)])
        #expect(try !folder.reopened().isEmptyByDelete)
    }

    @Test("the writes of one commit in their order")
    func order() throws {
        try folder.commit([.put(row("a", "1")), .delete(id: "a"), .forgetDeleted(id: "a"), .put(row("a", "2")), .put(row("a", "3"))])
        let state = try folder.reopened()
        #expect(state.loadBalancers == [row("a", "3")])
        #expect(state.deleted.isEmpty)
    }

    @Test("without being closed, for an open store tells what it holds")
    func loadWhileOpen() throws {
        let store = try StateStore(folder: folder.state)
        #expect(try store.load() == StoredState())
        try store.commit([.put(row("a"))])
        try store.commit([])
        #expect(try store.load().loadBalancers == [row("a")])
    }
}

import Etcd
import Glibc
import TestSupport
import Testing

@testable import Coordination

@Suite struct ValueTests {
    @Test("A record is read as it was written, and what is none reads as an empty one")
    func records() {
        let hosts = [
            HostRecord(incarnation: "i\"1", sequence: 7, process: "p"), HostRecord(incarnation: "i", state: .deposed(by: "b")),
            HostRecord(incarnation: "i", state: .released),
        ]
        for record in hosts { #expect(HostRecord(record.json) == record) }
        let owners = [OwnerRecord(host: "a", incarnation: "i", epoch: 4), OwnerRecord(epoch: 5, from: "a", heir: "b")]
        for record in owners { #expect(OwnerRecord(record.json) == record) }
        let note = NoteRecord(host: "a", incarnation: "i", process: "p")
        #expect(NoteRecord(note.json) == note)
        let offer = OfferRecord(priorities: ["10.0.0.1": 100, "fd00::1": 1])
        #expect(OfferRecord(offer.json) == offer)
        for value in [
            SharedValue(name: "fd00::1", number: 1_700_000_000_000_000, host: "a\"b", text: "{\"x\": 1}"),
            SharedValue(name: "x", number: 1, host: "a", text: nil),
        ] { #expect(SharedValue(name: value.name, value.json) == value) }
        for text in ["", "{", "[1]", "1", "null", #"{"host": 1, "inc": [], "names": [1], "seq": {}}"#, #"{"names": {"a": "x"}}"#, "\u{0}"] {
            #expect(HostRecord(Array(text.utf8)) == HostRecord(incarnation: ""))
            #expect(OwnerRecord(Array(text.utf8)) == OwnerRecord())
            #expect(SharedValue(name: "x", Array(text.utf8)).number == 0)
            #expect(OfferRecord(Array(text.utf8)) == OfferRecord(priorities: [:]))
        }
    }

    @Test("Keys of one prefix are told from those of another that begins alike")
    func keys() {
        let keys = ClusterKeys(prefix: "/lbaas/lb1/vip/")
        #expect(keys.kind(of: keys.owner("fd00::1")) == .owner("fd00::1"))
        #expect(keys.kind(of: keys.host("a")) == .host("a"))
        #expect(keys.kind(of: keys.wish("x")) == .wish("x"))
        #expect(keys.kind(of: keys.value("fd00::1")) == .value("fd00::1"))
        #expect(keys.kind(of: keys.offer("a")) == .offer("a"))
        #expect(keys.kind(of: keys.conflict("a")) == .conflict("a"))
        for other in ["/lbaas/lb10/vip/host/a", "/lbaas/lb1/vip/host", "/lbaas/lb1/vip/host/", "/lbaas/lb1/vip/else/a", "", "/"] {
            #expect(keys.kind(of: other) == nil, "\(other)")
        }
    }

    @Test("Only a process of this host that is not there any more is gone")
    func processes() async throws {
        let own = ProcessIdentity.own()
        #expect(!ProcessIdentity.isGone(own))
        let parts = own.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        #expect(parts.count == 4 && parts[2] == "\(getpid())")
        #expect(ProcessIdentity.isGone("\(parts[0])/\(parts[1])/\(parts[2])/1"))
        #expect(ProcessIdentity.isGone("\(parts[0])/\(parts[1])/2147483647/\(parts[3])"))
        for other in [
            "another boot/\(parts[1])/2147483647/1", "\(parts[0])/another namespace/2147483647/1", "", "a/b/c",
            "\(parts[0])/\(parts[1])/x/1",
        ] {
            #expect(!ProcessIdentity.isGone(other), "\(other)")
        }
    }

    @Test("Settings that cannot be used are refused with a sentence")
    func settings() throws {
        let etcd = EtcdConfiguration(endpoints: [try EtcdEndpoint("http://127.0.0.1:1")])
        func message(_ change: (inout EtcdCoordination.Settings) -> Void) -> String {
            var settings = EtcdCoordination.Settings(etcd: etcd, prefix: "/lbaas/default/vip/", host: "a")
            change(&settings)
            do throws(CoordinationError) {
                _ = try EtcdCoordination(settings)
                return ""
            } catch {
                return error.message
            }
        }
        #expect(message { _ in } == "")
        for host in ["", "a/b", "a b", "\u{E9}", String(repeating: "a", count: 256)] {
            #expect(message { $0.host = host }.contains("id of a host"))
        }
        for prefix in ["", "lbaas/", "/lbaas"] { #expect(message { $0.prefix = prefix }.contains("slash")) }
        for seconds in [0, 61] { #expect(message { $0.takeover = .seconds(seconds) }.contains("1 to 60")) }
        #expect(message { $0.etcd.endpoints = [] }.contains("endpoint"))
    }

    @Test("A claim whose answer comes after the right is over makes no owner, and the name is claimed again")
    func lateClaim() {
        let settings = OwnershipMachine.Settings(
            keys: ClusterKeys(prefix: "/vip/"), host: "a", incarnation: "1", process: "", takeover: .seconds(3), isGone: { _ in false })
        var (machine, store) = (OwnershipMachine(settings, now: .zero), ModelStore())
        var notices: [OwnershipNotice] = []
        var waiting: [OwnershipMachine.Lane: EtcdTransaction] = [:]
        func take(_ event: OwnershipMachine.Event, at now: Duration) {
            for action in machine.handle(event, now: now) {
                if case .notify(let notice) = action { notices.append(notice) }
                if case .send(let lane, let transaction) = action { waiting[lane] = transaction }
            }
        }
        func answer(_ lane: OwnershipMachine.Lane, sentAt: Duration, at now: Duration) {
            guard let transaction = waiting.removeValue(forKey: lane) else { return }
            take(.answered(lane, sentAt: sentAt, .success(store.apply(transaction).result)), at: now)
        }
        take(.set("x", Candidacy(policy: .atMostOne)), at: .zero)
        take(.snapshot(store.snapshot, isRollback: false), at: .zero)
        answer(.heartbeat, sentAt: .zero, at: .milliseconds(1))
        answer(.change, sentAt: .milliseconds(1), at: .seconds(5))
        #expect(store.entries["/vip/owner/x"] != nil)
        #expect(!notices.contains { if case .owned = $0 { true } else { false } })
        answer(.heartbeat, sentAt: .seconds(5), at: .seconds(5))
        answer(.change, sentAt: .seconds(5), at: .seconds(5))
        #expect(notices.contains(.owned("x", until: .milliseconds(7700))))
    }

    @Test("One host alone owns its names at once, as long as they are healthy")
    func singleHost() throws {
        let host = SingleHost(host: "a")
        host.set("before", Candidacy())
        let told = Record<OwnershipNotice>()
        host.start { told.add($0) }
        host.set("ill", Candidacy(isHealthy: false))
        host.set("ill", Candidacy())
        host.set("ill", Candidacy(priority: 7))
        host.set("ill", Candidacy(isHealthy: false))
        host.set("gone", nil)
        #expect(told.all == [.owned("before", until: nil), .owned("ill", until: nil), .lost("ill", .released)])
        #expect(
            host.report() == [
                OwnershipReport(name: "before", owner: "a", isOwned: true), OwnershipReport(name: "ill", owner: nil, isOwned: false),
            ])
        #expect(#expect(throws: CoordinationError.self) { try host.failOver("ill", to: nil) }?.code == .notOwner)
        #expect(#expect(throws: CoordinationError.self) { try host.failOver("before", to: "b") }?.code == .noCandidate)
        #expect(host.stop(releasing: true, within: .seconds(1)))
        #expect(told.all.last == .lost("before", .released))
        host.set("late", Candidacy())
        #expect(told.all.last == .lost("before", .released))
    }

    @Test("A notice that brings further ones comes before them, and one call is made at a time")
    func noticeOrder() {
        let (queue, told) = (NoticeQueue(), Record<OwnershipNotice>())
        queue.start { notice in
            if notice == .connected { queue.tell([.owned("a", until: nil), .owned("b", until: nil)]) }
            told.add(notice)
        }
        queue.tell([.connected, .disconnected("x")])
        #expect(told.all == [.connected, .disconnected("x"), .owned("a", until: nil), .owned("b", until: nil)])
    }
}

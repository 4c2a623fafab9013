import FleetModel
import FleetStore
import Foundation
import Glibc
import HostSystem
import LBaaS
import TestSupport
import Testing
import WorkerHarness

@testable import FleetDispatch

/// With real job servers and real workers.
@Suite(.serialized) struct DispatchTests {
    @Test("A worker gets what is wanted, and it is settled; what is taken out goes")
    func wanted() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            _ = try fleet.server("s1", gearmand)
            _ = try await fleet.worker("w1", gearmand)
            try fleet.want("a", port: 1)
            try await fleet.isSettled(try fleet.want("b", port: 2))
            #expect(try await loadBalancers(of: "w1", gearmand) == ["a", "b"])
            #expect(try fleet.host() == HostRecord(version: "0.1.0", driver: "dummy"))
            try await fleet.isSettled(try fleet.unwant("a"))
            #expect(try await loadBalancers(of: "w1", gearmand) == ["b"])
            try await eventually("the nodes are told") { try fleet.operating()?.nodes == ["b": ["b-n": true]] }
            try await fleet.isSettled(try fleet.want("b", port: 2, more: ",\"suspended\":true"))
            try await eventually("its node is down") { try fleet.operating()?.nodes == ["b": ["b-n": false]] }
        }
    }

    @Test("A part that is refused is told with the worker's sentence, and all others are carried out")
    func refused() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            _ = try fleet.server("s1", gearmand)
            _ = try await fleet.worker("w1", gearmand)
            try fleet.want("a", port: 1)
            let bad = try fleet.want("b", port: 70_000)
            let worse = try fleet.want("c", port: 3, more: ",\"algorithm\":\"NONE\"")
            try await fleet.isSettled(try fleet.want("d", port: 4))
            let refused = try #require(try fleet.settled()?.refused)
            #expect(refused["b"] == .init(revision: bad, sentence: "port: 70000 is not a port (1 to 65535)"))
            #expect(refused["c"]?.revision == worse && refused.count == 2)
            #expect(try await loadBalancers(of: "w1", gearmand) == ["a", "d"])
            try await fleet.isSettled(try fleet.want("b", port: 2))
            #expect(try fleet.settled()?.refused.keys.sorted() == ["c"])
            #expect(try await loadBalancers(of: "w1", gearmand) == ["a", "b", "d"])
        }
    }

    @Test("A worker that cannot take the state as a whole is told of, with the revision that it was offered, until it takes one")
    func failed() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            _ = try fleet.server("s1", gearmand)
            let worker = try await fleet.worker("w1", gearmand, dummy: "fail = create:bad")
            try await fleet.isSettled(try fleet.want("a", port: 1))
            let bad = try fleet.want("bad", port: 2)
            try await eventually("the worker fails") { try fleet.host()?.failedRevision ?? 0 >= bad }
            let host = try #require(try fleet.host())
            #expect(host.lastError?.contains("told to fail create") == true && host.away == nil)
            #expect(try fleet.settled()?.revision ?? 0 < bad)
            #expect(try await worker.end() == .exit(0))
            _ = try await fleet.worker("w1", gearmand)
            try await fleet.isSettled(bad, within: 60)
            #expect(try fleet.host()?.failedRevision == nil && fleet.host()?.lastError == nil)
        }
    }

    @Test("A worker that failed is offered what has changed since without a wait")
    func changedAfterFailure() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            // By its own the server would try again when this test is long over.
            _ = try fleet.server("s1", gearmand) { ($0.retry, $0.longestRetry) = (6000, 6000) }
            _ = try await fleet.worker("w1", gearmand, dummy: "fail = create:bad")
            try await fleet.isSettled(try fleet.want("a", port: 1))
            let bad = try fleet.want("bad", port: 2)
            try await eventually("the worker fails") { try fleet.host()?.failedRevision ?? 0 >= bad }
            let other = try fleet.want("b", port: 3)
            try await eventually("the worker fails again") { try fleet.host()?.failedRevision ?? 0 >= other }
            try await fleet.isSettled(try fleet.unwant("bad"))
            #expect(try await loadBalancers(of: "w1", gearmand) == ["a", "b"])
        }
    }

    @Test("Hundreds of parts that are refused at once cost a few jobs")
    func manyRefused() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            for number in 0..<300 {
                let bad = [#","algorithm":"NONE""#, #","algorithm":"MAGLEV""#, ""][number % 3]
                try fleet.want("\(number)", port: number % 3 == 2 && number > 150 ? 1 : number + 1, more: bad)
            }
            let server = try fleet.server("s1", gearmand)
            _ = try await fleet.worker("w1", gearmand, dummy: "lacks = MAGLEV")
            try await fleet.isSettled(try fleet.want("good", port: 1000))
            // Of what is not understood, of what the driver cannot do, and of listeners that are taken; and one may have been on its way.
            #expect(try fleet.settled()?.refused.count == 249)
            #expect(try await loadBalancers(of: "w1", gearmand).count == 52)
            let failed = String(decoding: server.registry.write().joined(), as: UTF8.self).split(separator: "\n").first {
                $0.contains(#"action="UPDATE",result="failed"} "#)
            }
            #expect(Int(failed?.split(separator: " ").last ?? "") ?? 0 <= 8, "\(failed ?? "")")
        }
    }

    @Test("A worker that was away gets the newest state, once it is back")
    func away() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            _ = try fleet.server("s1", gearmand)
            let worker = try await fleet.worker("w1", gearmand)
            try await fleet.isSettled(try fleet.want("a", port: 1))
            #expect(try await worker.end() == .exit(0))
            try await eventually("it is away") { try fleet.host()?.away != nil }
            try fleet.want("b", port: 2)
            try fleet.unwant("a")
            let last = try fleet.want("c", port: 3)
            #expect(try fleet.settled()?.revision ?? 0 < last)
            _ = try await fleet.worker("w1", gearmand)
            try await fleet.isSettled(last)
            #expect(try await loadBalancers(of: "w1", gearmand) == ["b", "c"])
            #expect(try fleet.host()?.away == nil)
        }
    }

    @Test("A worker that left its group is emptied as soon as it is there, and forgotten then")
    func left() async throws {
        try await withFleet(["w1", "w2"]) { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            let first = try fleet.server("s1", gearmand)
            let worker = try await fleet.worker("w1", gearmand)
            _ = try await fleet.worker("w2", gearmand)
            try await fleet.isSettled(try fleet.want("a", port: 1, on: "w1"), "w1")
            try await fleet.isSettled(try fleet.want("a", port: 1, on: "w2"), "w2")
            await onFleetThread { first.stop() }
            #expect(try await worker.end() == .exit(0))
            let rest = [FleetGroup(name: "blue", workers: ["w2"], addresses: [], interface: nil)]
            let second = try fleet.server("s2", gearmand, groups: rest)
            // As the server does at its start.
            try fleet.unwant("a", on: "w1")
            try await fleet.isSettled(try fleet.want("b", port: 2, on: "w2"), "w2")
            #expect(try fleet.settled("w1") != nil)
            _ = try await fleet.worker("w1", gearmand)
            try await eventually("it is forgotten") { try fleet.settled("w1") == nil && fleet.host("w1") == nil }
            #expect(try await loadBalancers(of: "w1", gearmand).isEmpty)
            #expect(try await loadBalancers(of: "w2", gearmand) == ["a", "b"])
            try await eventually("it is driven no more") {
                try second.dispatcher.count == 1 && fleet.store.get(FleetKey.claim(worker: "w1").text) == nil
            }
        }
    }

    @Test("Virtual IPs that a worker was given are taken from it where its group has no interface any more")
    func withoutInterface() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            var transaction = StoreTransaction()
            let record = SettledRecord(revision: 1, time: Clock.now(), hasVirtualIPs: true)
            transaction.create(FleetKey.settled(worker: "w1").text, record.json)
            try fleet.store.commit(transaction)
            _ = try fleet.server("s1", gearmand)
            _ = try await fleet.worker("w1", gearmand)
            try await fleet.isSettled(try fleet.want("a", port: 1))
            #expect(try fleet.settled()?.hasVirtualIPs == false)
            #expect(try await loadBalancers(of: "w1", gearmand) == ["a"])
        }
    }

    @Test("A worker that is replaced by an empty one is filled again, also where nobody saw it go")
    func replaced() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            _ = try fleet.server("s1", gearmand)
            let worker = try await fleet.worker("w1", gearmand)
            try await fleet.isSettled(try fleet.want("a", port: 1))
            // The other one is there before this one goes.
            let other = try await fleet.worker("w1", gearmand, state: fleet.rig.path("other"))
            worker.process.send(SIGKILL)
            _ = try await worker.process.end()
            try await eventually("it has everything") {
                try await loadBalancers(of: "w1", gearmand) == ["a"]
            }
            #expect(other.process.ended == nil)
        }
    }

    @Test("A job server that is killed and is back is used again, and a second one takes its place meanwhile")
    func jobServers() async throws {
        try await withFleet { fleet in
            let (first, second) = (try await fleet.rig.startGearmand(), try await fleet.rig.startGearmand())
            _ = try fleet.server("s1", first, second)
            _ = try await fleet.worker("w1", first, second)
            try await fleet.isSettled(try fleet.want("a", port: 1))
            try await first.end(by: SIGKILL)
            try await fleet.isSettled(try fleet.want("b", port: 2))
            try await second.end(by: SIGKILL)
            let last = try fleet.want("c", port: 3)
            try await first.start()
            try await fleet.isSettled(last)
            #expect(try await loadBalancers(of: "w1", first) == ["a", "b", "c"])
        }
    }

    @Test("A server that is killed leaves its workers to another; one that stops does so at once")
    func takeover() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            let first = try fleet.server("s1", gearmand)
            _ = try await fleet.worker("w1", gearmand)
            try await fleet.isSettled(try fleet.want("a", port: 1))
            let second = try fleet.server("s2", gearmand)
            try await eventually("the second one lives") { try fleet.store.get("server/s2") != nil }
            #expect(first.dispatcher.count == 1 && second.dispatcher.count == 0)
            await onFleetThread { first.abandon() }
            let revision = try fleet.want("b", port: 2)
            try await fleet.isSettled(revision)
            #expect(second.dispatcher.count == 1)
            let third = try fleet.server("s3", gearmand)
            try await eventually("the third one lives") { try fleet.store.get("server/s3") != nil }
            await onFleetThread { second.stop() }
            try await fleet.isSettled(try fleet.want("c", port: 3))
            #expect(third.dispatcher.count == 1)
            #expect(try await loadBalancers(of: "w1", gearmand) == ["a", "b", "c"])
        }
    }

    @Test("A server that is killed between any two of its commits leaves nothing undone, and nothing done twice", arguments: 0..<7)
    func killed(commits: Int) async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            let dying = DyingStore(fleet.store, commits: commits)
            let first = try fleet.server("s1", gearmand, over: dying)
            _ = try await fleet.worker("w1", gearmand, dummy: "bytes_per_report = 1000")
            try fleet.want("a", port: 1)
            let bad = try fleet.want("b", port: 70_000)
            // The id, the claim, what is settled, how nodes are, traffic, and that again.
            try await eventually("the first one is dead") { dying.isDead }
            await onFleetThread { first.abandon() }
            try fleet.want("c", port: 3)
            let second = try fleet.server("s2", gearmand)
            try await fleet.isSettled(try fleet.want("d", port: 4))
            #expect(try fleet.settled()?.refused.keys.sorted() == ["b"] && fleet.settled()?.refused["b"]?.revision == bad)
            #expect(try await loadBalancers(of: "w1", gearmand) == ["a", "c", "d"])
            try await eventually("the nodes are told") { try fleet.operating()?.nodes.count == 3 }
            try await eventually("traffic is counted") { try fleet.statistics("a")?.bytesOut ?? 0 > 0 }
            await onFleetThread { second.stop() }
            let counted = try #require(try fleet.statistics("a"))
            #expect(counted.mark == "\(counted.bytesOut) \(counted.bytesIn) \(counted.totalConnections)")
        }
    }

    @Test("Each byte counts once, over restarts of servers and of the worker")
    func traffic() async throws {
        try await withFleet { fleet in
            let gearmand = try await fleet.rig.startGearmand()
            let first = try fleet.server("s1", gearmand)
            let worker = try await fleet.worker("w1", gearmand, dummy: "bytes_per_report = 1000")
            try await fleet.isSettled(try fleet.want("a", port: 1))
            try await eventually("traffic is counted") { try fleet.statistics("a")?.bytesOut ?? 0 >= 2000 }
            await onFleetThread { first.stop() }
            // Somebody else asks: what he gets is not lost for the store.
            _ = try await loadBalancers(of: "w1", gearmand)
            #expect(try await worker.end() == .exit(0))
            _ = try await fleet.worker("w1", gearmand, dummy: "bytes_per_report = 1000")
            let second = try fleet.server("s2", gearmand)
            let counted = try fleet.statistics("a")?.bytesOut ?? 0
            try await eventually("it goes on") { try fleet.statistics("a")?.bytesOut ?? 0 >= counted + 2000 }
            await onFleetThread { second.stop() }
            let reply = try await onThread {
                try GearmanClient(ports: [gearmand.port], function: "w1", timeout: 180)
                    .submit(Array(#"{"hpcs_action":"METRICS","hpcs_totals":true}"#.utf8))
            }
            // The question itself counts 1000.
            guard case .number(let total) = try JSON(bytes: reply)["loadBalancers"][0]["bytes_out_total"] else { throw Failure("no total") }
            let record = try #require(try fleet.statistics("a"))
            #expect(record.bytesOut == Int(total) - 1000)
            // Of the dummy driver a tenth of that comes from clients, and a hundredth are connections.
            #expect(record.bytesIn == record.bytesOut / 10 && record.totalConnections == record.bytesOut / 100)
        }
    }

    @Test("A store that was restored from an older backup is refused with what to do, which helps")
    func restored() async throws {
        try await withRig { rig in
            let gearmand = try await rig.startGearmand()
            let newer = MemoryStore()
            var transaction = StoreTransaction()
            transaction.create(FleetKey.fleetID.text, Array("fleet".utf8))
            try newer.commit(transaction)
            let fleet = Fleet(rig, newer)
            let server = try fleet.server("s1", gearmand)
            _ = try await fleet.worker("w1", gearmand)
            for port in 1...20 { try fleet.want("a\(port)", port: port) }
            try await fleet.isSettled(try fleet.want("b", port: 99))
            await onFleetThread { server.stop() }
            let older = Fleet(rig)
            try older.store.commit(transaction)
            let next = try older.server("s2", gearmand)
            try older.want("c", port: 3)
            try await eventually("the worker refuses it") { try older.host()?.lastError?.contains("lbaas-server fleet renew") ?? false }
            #expect(try older.settled() == nil)
            #expect(try await loadBalancers(of: "w1", gearmand).count == 21)
            try Dispatcher.renewFleetID(of: older.store)
            try await eventually("it has what the store has") { try older.settled() != nil }
            #expect(try await loadBalancers(of: "w1", gearmand) == ["c"])
            #expect(try older.host()?.lastError == nil)
            await onFleetThread {
                next.stop()
                fleet.stop()
            }
        }
    }
}

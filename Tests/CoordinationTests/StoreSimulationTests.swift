import Etcd
import LBaaS
import TestSupport
import Testing
@testable import Coordination

/// What becomes of names when others write into the store, or it is restored.
extension SimulationTests {
    @Test("What somebody else puts into the store stops nobody")
    func garbage() throws {
        let cluster = cluster()
        try settle(cluster)
        let before = cluster[try owner(cluster)]
        let keys = before.machine.keys
        let garbage: [[UInt8]] = [[], [0], [0xFF, 0xFE], Array("[1]".utf8), Array(#"{"host": "ghost"}"#.utf8)]
        for value in garbage {
            for key in [
                keys.host("ghost"), keys.offer("ghost"), keys.conflict("a"), keys.owner("other"), keys.wish(Self.names[0]),
                keys.prefix + "x",
            ] {
                cluster.put(key, value)
            }
            cluster.run(for: .seconds(1))
            #expect(cluster.answering(Self.names[0]) == [before.id])
            // The owner's record is taken away from the owner: it is claimed again.
            cluster.put(keys.owner(Self.names[1]), value)
            cluster.run(for: .seconds(8))
            #expect(cluster.answering(Self.names[1]).count == 1, "\(value)")
        }
        // The keys of the hosts are deleted, and put again.
        for id in Self.ids { cluster.delete(keys.host(id)) }
        cluster.run(for: .seconds(8))
        for name in Self.names { #expect(cluster.answering(name).count == 1) }
    }

    @Test("A store that is restored from a backup makes no second owner, and there is one again after the takeover time")
    func restored() throws {
        for seed in UInt64(0)..<20 {
            let cluster = cluster(seed)
            try settle(cluster)
            let old = cluster.store
            let before = cluster[try owner(cluster)]
            let heir = try #require(Self.ids.first { $0 != before.id })
            cluster.tell(before, .failOver(Self.names[0], to: heir))
            cluster.run(for: .seconds(20))
            #expect(try owner(cluster) == heir)
            // The backup says that the host before owns the name.
            cluster.restore(old)
            for host in cluster.hosts { host.newest = .max }
            cluster.run(for: .seconds(15))
            #expect(cluster.violations == [], "seed \(seed)")
            for name in Self.names { #expect(cluster.answering(name).count == 1, "\(name), seed \(seed)") }
        }
    }

    @Test("A store that is restored from a backup leaves no name with at_least_one without an owner, and a worker knows its predecessor")
    func restoredAtLeastOne() throws {
        for seed in UInt64(0)..<20 {
            let cluster = cluster(seed, .atLeastOne)
            try settle(cluster)
            let old = cluster.store
            // All workers start again, and names have other owners.
            for id in Self.ids {
                cluster.kill(id)
                cluster.run(for: .seconds(4))
                cluster.start(id)
                cluster.run(for: .seconds(4))
            }
            var isMissing = false
            cluster.ownershipChanged = { isMissing = isMissing || Self.names.contains { cluster.answering($0).isEmpty } }
            cluster.restore(old)
            for host in cluster.hosts { host.newest = .max }
            cluster.run(for: .seconds(15))
            #expect(!isMissing, "seed \(seed)")
            for name in Self.names { #expect(cluster.answering(name).count == 1, "\(name), seed \(seed)") }
            for host in cluster.hosts {
                #expect(!host.notices.contains { if case .duplicateHost = $0 { true } else { false } }, "host \(host.id), seed \(seed)")
            }
        }
    }
}

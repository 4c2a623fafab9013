import EtcdTestSupport
import HostSystem
import TestSupport
import Testing

@testable import Etcd

/// What a watch tells, with the state of the keys that follows from it.
final class WatchRecord: Sendable {
    private let record = Record<EtcdWatch.Update>()

    @Sendable func add(_ update: EtcdWatch.Update) { record.add(update) }

    var updates: [EtcdWatch.Update] { record.all }

    /// The values of all keys.
    var state: [String: [UInt8]] {
        var state: [String: [UInt8]] = [:]
        for update in updates {
            switch update {
            case .snapshot(let snapshot, _): state = Dictionary(uniqueKeysWithValues: snapshot.entries.map { ($0.key, $0.value) })
            case .changes(let changes, _):
                for change in changes {
                    if case .put(let entry) = change { state[entry.key] = entry.value } else { state[change.key] = nil }
                }
            default: break
            }
        }
        return state
    }

    /// The revisions of all changes that were told one by one.
    var revisions: [Int] {
        updates.flatMap { update -> [Int] in if case .changes(let changes, _) = update { changes.map(\.revision) } else { [] } }
    }

    var snapshots: Int { updates.count { if case .snapshot = $0 { true } else { false } } }
    var interruptions: [EtcdError] { updates.compactMap { if case .interrupted(let error) = $0 { error } else { nil } } }
    var openings: Int { updates.count { if case .opened = $0 { true } else { false } } }
}

@Suite struct WatchTests {
    @Test("A watch tells what is there, then each change in order, and ends when it is cancelled")
    func changes() async throws {
        try await EtcdCluster.run { cluster in
            let client = try EtcdClient(cluster.configuration)
            let record = WatchRecord()
            try await blocking { () throws(EtcdError) in try client.put("/w/0", [0]) }
            let watch = try client.watch(.prefix("/w/"), record.add)
            try await eventually("the watch") { record.openings == 1 }
            #expect(record.state == ["/w/0": [0]])
            try await blocking { () throws(EtcdError) in
                _ = try client.transact(
                    EtcdTransaction(compares: [], success: (1...100).map { .put("/w/\($0)", [UInt8](repeating: UInt8($0), count: 500)) }))
                try client.put("/elsewhere", [])
                try client.delete(.prefix("/w/1"))
                try client.put("/w/end", [])
            }
            try await eventually("the changes") { record.state["/w/end"] != nil }
            #expect(record.state.count == 1 + 100 - 12 + 1)
            #expect(record.revisions == record.revisions.sorted() && record.revisions.count == 100 + 12 + 1)
            #expect(record.interruptions.isEmpty && record.snapshots == 1)
            watch.cancel()
            #expect(try await onThread { watch.join(within: .seconds(60)) })
            let told = record.updates.count
            try await blocking { () throws(EtcdError) in try client.put("/w/late", []) }
            #expect(record.updates.count == told)
        }
    }

    @Test("A watch whose connection is cut goes on without a gap, and reads everything anew where the revision was compacted")
    func resumes() async throws {
        try await EtcdCluster.run { cluster in
            let direct = try EtcdClient(cluster.configuration)
            let relay = try Relay(to: cluster.clientPorts[0])
            defer { relay.end() }
            let client = try EtcdClient(EtcdConfiguration(endpoints: [EtcdEndpoint("http://127.0.0.1:\(relay.port)")]))
            let record = WatchRecord()
            let watch = try client.watch(.prefix("/w/"), silence: .seconds(60), record.add)
            defer { watch.cancel() }
            try await eventually("the watch") { record.openings == 1 }

            relay.set(.cut)
            try await eventually("the interruption") { !record.interruptions.isEmpty }
            let revisions = try await blocking { () throws(EtcdError) in [try direct.put("/w/a", [1]), try direct.put("/w/b", [2])] }
            relay.set(.open)
            try await eventually("what changed meanwhile") { record.state == ["/w/a": [1], "/w/b": [2]] }
            #expect(record.revisions == revisions && record.snapshots == 1)

            let (before, lost) = (record.openings, record.interruptions.count)
            relay.set(.cut)
            try await eventually("the interruption") { record.interruptions.count > lost }
            let last = try await blocking { () throws(EtcdError) in
                try direct.delete(.key("/w/a"))
                return try direct.put("/w/c", [3])
            }
            try await cluster.control("compaction", "\(last)")
            relay.set(.open)
            try await eventually("everything anew") { record.snapshots == 2 && record.openings > before }
            #expect(record.interruptions.contains { $0.code == .compacted })
            #expect(record.state == ["/w/b": [2], "/w/c": [3]])
            try await blocking { () throws(EtcdError) in try direct.put("/w/d", [4]) }
            try await eventually("the next change") { record.state["/w/d"] == [4] }
        }
    }

    @Test("A compaction under a running watch does not concern it")
    func compaction() async throws {
        try await EtcdCluster.run { cluster in
            let client = try EtcdClient(cluster.configuration)
            let record = WatchRecord()
            let watch = try client.watch(.prefix("/w/"), record.add)
            defer { watch.cancel() }
            try await eventually("the watch") { record.openings == 1 }
            for number in UInt8(0)..<5 {
                let revision = try await blocking { () throws(EtcdError) in try client.put("/w/k", [number]) }
                try await cluster.control("compaction", "\(revision)")
            }
            try await eventually("the changes") { record.state["/w/k"] == [4] }
            #expect(record.revisions.count == 5 && record.interruptions.isEmpty)
        }
    }

    @Test("A watch on a member that is frozen goes to another one after the limit of silence, and no change is lost")
    func silence() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            // The watch begins at the first endpoint, which is a follower here and then the leader.
            for isLeader in [false, true] {
                let leader = try await cluster.leader()
                let victim = isLeader ? leader : (leader + 1) % 3
                let others = cluster.endpoints.indices.filter { $0 != victim }
                var configuration = cluster.configuration
                configuration.endpoints = [cluster.endpoints[victim]] + others.map { cluster.endpoints[$0] }
                let writer = try EtcdClient(
                    {
                        var other = configuration; other.endpoints.removeFirst(); return other
                    }())
                let record = WatchRecord()
                let watch = try EtcdClient(configuration).watch(
                    .prefix("/w/"), silence: .milliseconds(500), requestLimit: .milliseconds(300), record.add)
                try await eventually("the watch") { record.openings >= 1 }
                try await cluster.freeze(victim)
                try await eventually("a write without it") {
                    (try? await blocking { () throws(EtcdError) in try writer.put("/w/\(isLeader)", [7], within: .milliseconds(400)) })
                        != nil
                }
                try await eventually("the change") { record.state["/w/\(isLeader)"] == [7] }
                #expect(record.interruptions.contains { $0.code == .timedOut })
                #expect(!record.updates.contains { if case .snapshot(_, true) = $0 { true } else { false } })
                cluster.thaw(victim)
                watch.cancel()
                try await cluster.isReady()
            }
        }
    }

    @Test("A store that is older than it was is told as such")
    func rollback() async throws {
        try await EtcdCluster.run { old in
            let (client, record) = (try EtcdClient(old.configuration), WatchRecord())
            try await blocking { () throws(EtcdError) in for number in 0..<9 { try client.put("/w/\(number)", []) } }
            let relay = try Relay(to: old.clientPorts[0])
            defer { relay.end() }
            let watch = try EtcdClient(EtcdConfiguration(endpoints: [EtcdEndpoint("http://127.0.0.1:\(relay.port)")])).watch(
                .prefix("/w/"), record.add)
            defer { watch.cancel() }
            try await eventually("the watch") { record.openings >= 1 }
            try await EtcdCluster.run { new in
                relay.turn(to: new.clientPorts[0])
                try await eventually("the older store") {
                    record.updates.contains { if case .snapshot(let snapshot, true) = $0 { snapshot.entries.isEmpty } else { false } }
                }
            }
        }
    }
}

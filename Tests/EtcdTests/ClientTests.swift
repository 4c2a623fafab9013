import EtcdTestSupport
import Foundation
import HostSystem
import TestSupport
import Testing

@testable import Etcd

/// Runs requests on a thread of their own, for they block.
@discardableResult
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws(EtcdError) -> Value) async throws -> Value {
    try await onThread { try body() }
}

/// The error that a request fails with.
func failure(_ body: @escaping @Sendable () throws(EtcdError) -> Void) async throws -> EtcdError {
    let error = try await onThread { () -> EtcdError? in
        do throws(EtcdError) {
            try body()
            return nil
        } catch {
            return error
        }
    }
    return try #require(error, "an error")
}

@Suite struct ClientTests {
    @Test("Keys are put, read, compared, deleted and paged through")
    func requests() async throws {
        try await EtcdCluster.run { cluster in
            let client = try EtcdClient(cluster.configuration)
            try await blocking { () throws(EtcdError) in
                let all = (0...255).map { UInt8($0) }
                let revision = try client.put("/a/1", all)
                let read = try client.range(.key("/a/1"))
                #expect(read.entries.map(\.value) == [all])
                #expect(read.entries[0].modRevision == revision && read.entries[0].createRevision == revision)
                #expect(read.entries[0].version == 1)
                #expect(try client.range(.key("/a/2")) == EtcdSnapshot(entries: [], revision: revision))
                for number in 2...7 { try client.put("/a/\(number)", []) }
                try client.put("/b", [1])

                let two = try client.range(.prefix("/a/"), most: 2)
                #expect(two.entries.map(\.key) == ["/a/1", "/a/2"] && two.hasMore)
                #expect(try client.range(.prefix("/a/"), isSerializable: true).entries.count == 7)
                for size in [1, 3, 7, 100] {
                    #expect(try client.rangeAll(.prefix("/a/"), pageSize: size).entries.map(\.key) == (1...7).map { "/a/\($0)" })
                }
                #expect(try client.range(.prefix("/a/"), at: revision).entries.count == 1)
                #expect(try client.range(.prefix("")).entries.count == 8)
                #expect(try client.delete(.prefix("/a/")) == 7)
                #expect(try client.delete(.prefix("/a/")) == 0)

                let first = EtcdTransaction(
                    compares: [EtcdCompare("/t", .createRevision(0))], success: [.put("/t", [1])], failure: [.range(.key("/t"))])
                let made = try client.transact(first)
                #expect(made.succeeded && made.results == [.put])
                let again = try client.transact(first)
                #expect(!again.succeeded)
                let entry = EtcdKeyValue(
                    key: "/t", value: [1], createRevision: made.revision, modRevision: made.revision, version: 1)
                #expect(again.results == [.entries([entry])])
                let mixed = try client.transact(
                    EtcdTransaction(
                        compares: [
                            EtcdCompare("/t", .modRevision(made.revision)), EtcdCompare("/t", .value([1])),
                            EtcdCompare("/t", .less, .version(2)),
                        ],
                        success: [.delete(.key("/t")), .put("/u", [2]), .range(.key("/none"))]))
                #expect(mixed.succeeded && mixed.results == [.deleted(1), .put, .entries([])])
            }
            try await blocking { () throws(EtcdError) in
                let lease = try client.grantLease(seconds: 600)
                let put = EtcdTransaction(
                    compares: [], success: [.putLeased("/leased", [1], lease: lease), .keys(.key("/leased"))])
                let result = try client.transact(put)
                let entry = EtcdKeyValue(
                    key: "/leased", value: [], createRevision: result.revision, modRevision: result.revision, version: 1)
                #expect(result.results == [.put, .entries([entry])])
                #expect(try client.range(.key("/leased")).entries.map(\.value) == [[1]])
                let unknown = EtcdTransaction(compares: [], success: [.putLeased("/leased", [2], lease: lease + 1)])
                let refusal = #expect(throws: EtcdError.self) { try client.transact(unknown) }
                #expect(refusal?.code == .invalidRequest && refusal?.message.contains("lease") == true)
            }
            let status = try await blocking { () throws(EtcdError) in try client.status(of: client.endpoints[0]) }
            #expect(status.isHealthy && !status.isFull && status.isLeader && status.version.hasPrefix("3."))
            #expect(status.databaseSizeInUse > 0 && status.databaseSizeInUse <= status.databaseSize)
        }
    }

    @Test("A refusal says what was refused, where, and why")
    func refusals() async throws {
        try await EtcdCluster.run(.init(arguments: ["--quota-backend-bytes", "16777216"])) { cluster in
            let client = try EtcdClient(cluster.configuration)
            let endpoint = cluster.endpoints[0]
            let many = EtcdTransaction(compares: [], success: (0...128).map { .put("/\($0)", []) })
            let tooMany = try await failure { () throws(EtcdError) in _ = try client.transact(many) }
            #expect(tooMany.code == .invalidRequest && !tooMany.mayBeApplied)
            #expect(tooMany.message == "\(endpoint): transaction on no key: etcdserver: too many operations in txn request")
            let keyless = try await failure { () throws(EtcdError) in try client.put("", [1]) }
            #expect(keyless.message == "\(endpoint): put of : etcdserver: key is not provided")

            let revision = try await blocking { () throws(EtcdError) in
                try client.put("/k", [1])
                return try client.put("/k", [2])
            }
            try await cluster.control("compaction", "\(revision)")
            #expect(try await failure { () throws(EtcdError) in _ = try client.range(.key("/k"), at: revision - 1) }.code == .compacted)
            let future = try await failure { () throws(EtcdError) in _ = try client.range(.key("/k"), at: revision + 9) }
            #expect(future.code == .invalidRequest)

            // The database is full after some megabytes.
            let block = [UInt8](repeating: 7, count: 1 << 20)
            let full = try await failure { () throws(EtcdError) in for number in 0..<40 { try client.put("/big/\(number)", block) } }
            #expect(full.code == .noSpace)
            #expect(full.message.contains("disarm the alarm"))
            let status = try await blocking { () throws(EtcdError) in try client.status(of: endpoint) }
            #expect(status.isFull && !status.isHealthy)
            var small = cluster.configuration
            small.largestAnswer = 1 << 19
            let limited = try EtcdClient(small)
            let large = try await failure { () throws(EtcdError) in _ = try limited.range(.prefix("/big/"), within: .seconds(20)) }
            #expect(large.code == .tooLarge && large.message.contains("larger than the limit"))
        }
    }

    @Test("A request on a member that is frozen goes to the next one, and none takes longer than its limit")
    func frozen() async throws {
        try await EtcdCluster.run(.init(members: 3)) { cluster in
            let leader = try await cluster.leader()
            let followers = cluster.endpoints.indices.filter { $0 != leader }
            var configuration = cluster.configuration
            configuration.endpoints = followers.map { cluster.endpoints[$0] }
            configuration.endpointLimit = .seconds(2)
            let client = try EtcdClient(configuration)
            try await cluster.freeze(followers[0])
            let late = try await failure { () throws(EtcdError) in try client.put("/late", [1], within: .seconds(2)) }
            #expect(late.code == .timedOut && late.mayBeApplied)
            // The next request is on the other endpoint.
            try await blocking { () throws(EtcdError) in try client.put("/k", [2], within: .seconds(20)) }
            cluster.thaw(followers[0])

            // A read goes on by itself, on a client that has not met the frozen member yet.
            try await cluster.freeze(followers[0])
            let fresh = try EtcdClient(configuration)
            let read = try await blocking { () throws(EtcdError) in try fresh.range(.key("/k"), within: .seconds(20)) }
            #expect(read.entries.map(\.value) == [[2]])
            cluster.thaw(followers[0])

            // One of three is dead, and then the leader too: a minority serves only what it knows.
            await cluster.kill(leader)
            try await eventually("a write under the next leader") {
                (try? await blocking { () throws(EtcdError) in try client.put("/k", [3], within: .seconds(5)) }) != nil
            }
            var last = configuration
            last.endpoints = [cluster.endpoints[followers[1]]]
            let survivor = try EtcdClient(last)
            try await eventually("the member that is left has the write") {
                try await blocking { () throws(EtcdError) in try survivor.range(.key("/k"), isSerializable: true, within: .seconds(20)) }
                    .entries.map(\.value) == [[3]]
            }
            await cluster.kill(followers[0])
            let alone = try await failure { () throws(EtcdError) in
                for _ in 0..<3 { try client.put("/k", [4], within: .milliseconds(300)) }
            }
            #expect([.timedOut, .unavailable, .unreachable].contains(alone.code))
            let old = try await blocking { () throws(EtcdError) in try client.range(.key("/k"), isSerializable: true, within: .seconds(20))
            }
            #expect(old.entries.map(\.value) == [[3]])

            // All dead: each endpoint is named as refusing, at once. All back: everything is there.
            await cluster.kill(followers[1])
            let dead = try await failure { () throws(EtcdError) in try client.put("/k", [5]) }
            #expect(dead.code == .unreachable && !dead.mayBeApplied && dead.message.contains("Failed to connect"), "\(dead)")
            for member in cluster.endpoints.indices { try cluster.start(member) }
            try await cluster.isReady()
            let back = try await blocking { () throws(EtcdError) in try client.range(.key("/k"), within: .seconds(20)) }
            #expect(back.entries.count == 1)
        }
    }

    @Test("Bytes that trickle in do not renew the deadline of a request")
    func trickle() async throws {
        let error = try await fault(answeredBy: "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", trickles: true)
        #expect(error.code == .timedOut)
    }

    @Test("A server that is not etcd is named as such")
    func noGateway() async throws {
        let error = try await fault(answeredBy: "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nNot Found")
        #expect(error.code == .configuration && error.message.contains("enable-grpc-gateway"))
    }

    /// How a request fails on a server that sends these bytes, and perhaps more of them bit by bit.
    private func fault(answeredBy answer: String, trickles: Bool = false) async throws -> EtcdError {
        let listener = try LoopbackSocket.bound(listens: true)
        defer { listener.shut() }
        Thread.detachNewThread {
            while let socket = listener.accepted() {
                _ = try? socket.receive()
                _ = try? socket.send(answer)
                while trickles, (try? socket.send(" ")) != nil { usleep(1000) }
            }
        }
        let client = try EtcdClient(EtcdConfiguration(endpoints: [EtcdEndpoint("http://127.0.0.1:\(listener.port)")]))
        let limit: Duration = trickles ? .milliseconds(500) : .seconds(60)
        return try await failure { () throws(EtcdError) in _ = try client.range(.key("/k"), within: limit) }
    }
}

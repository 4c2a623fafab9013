import Foundation
import Glibc
import HostSystem
import JobQueue
import Synchronization
import TestSupport
import Testing
import WorkerHarness

@testable import GearmanClient

/// The client with a real job server and a real worker.
@Suite(.serialized) struct ClientTests {
    private let function = WorkerOptions.function

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("A job is answered, one after the other on one connection, also a large one")
    func answers() async throws {
        try await withWorker { gearmand, _ in
            let server = JobServer(host: "127.0.0.1", port: gearmand.port)
            let (small, large) = try await onThread { [function] in
                let client = GearmanClient()
                let small = try client.ask(Array(#"{"hpcs_action": "DISCOVER"}"#.utf8), of: function, at: server, within: .seconds(20))
                let filler = String(repeating: "x", count: 8 << 20)
                let job = Array(#"{"hpcs_action": "DISCOVER", "filler": "\#(filler)"}"#.utf8)
                return (small, try client.ask(job, of: function, at: server, within: .seconds(60)))
            }
            #expect(String(decoding: small, as: UTF8.self).contains(#""hpcs_response": "PASS""#))
            #expect(large.count > 8 << 20)
        }
    }

    @Test("Without a worker a job has no answer in time, and one that nobody wants is given up")
    func noWorker() async throws {
        try await withRig { rig in
            let gearmand = try await rig.startGearmand()
            let server = JobServer(host: "127.0.0.1", port: gearmand.port)
            let codes = await onThreadWithoutFailure {
                let client = GearmanClient()
                return [
                    failure { () throws(GearmanFailure) in _ = try client.ask([0x7B], of: "nobody", at: server, within: .seconds(1)) },
                    failure { () throws(GearmanFailure) in
                        _ = try client.ask([0x7B], of: "nobody", at: server, within: .seconds(60)) { false }
                    },
                ]
            }
            #expect(codes == [.timedOut, .cancelled])
        }
    }

    @Test("A job server that is killed loses the job, and is found again by the next")
    func killed() async throws {
        try await withRig { rig in
            let gearmand = try await rig.startGearmand()
            let server = JobServer(host: "127.0.0.1", port: gearmand.port)
            let client = SharedClient()
            let asked = Task { [function] in
                await onThreadWithoutFailure {
                    failure { () throws(GearmanFailure) in _ = try client.ask(#"{"hpcs_action": "STATS"}"#, function, server) }
                }
            }
            try await eventually("the job waits") { try await gearmand.function(self.function).jobs == 1 }
            try await gearmand.end(by: SIGKILL)
            #expect(await asked.value == .unreachable)
            let refused = await onThreadWithoutFailure { [function] in
                failure { () throws(GearmanFailure) in _ = try client.ask(#"{"hpcs_action": "STATS"}"#, function, server) }
            }
            #expect(refused == .unreachable)
            try await gearmand.start()
            _ = try await rig.startWorker(rig.options(gearmand))
            let answer = try await onThread { [function] in try client.ask(#"{"hpcs_action": "STATS"}"#, function, server) }
            #expect(String(decoding: answer, as: UTF8.self).contains(#""nodes": []"#))
        }
    }

    @Test("Workers that come and go are noticed at each of several job servers, which may be away")
    func presence() async throws {
        try await withRig { rig in
            let first = try await rig.startGearmand()
            let second = try rig.makeGearmand()
            let servers = [first, second].map { JobServer(host: "127.0.0.1", port: $0.port) }
            let seen = Seen()
            let presence = WorkerPresence(servers) { seen.add($0) }
            #expect(presence.start())
            defer { presence.stop(within: .seconds(2)) }
            try await eventually("both are asked") { seen.servers.count >= 2 }
            #expect(presence.jobServers.map { $0.failure == nil } == [true, false])
            #expect(presence.server(of: function) == nil)
            let worker = try rig.spawnWorker(rig.options(second))
            try await second.start()
            try await eventually("the worker is there") { presence.server(of: self.function) == servers[1] }
            try await eventually("it was told of") { seen.workers.contains(self.function) }
            #expect(presence.jobServers.map { $0.failure == nil } == [true, true])
            _ = try await worker.end()
            try await eventually("the worker is gone") { presence.server(of: self.function) == nil }
            try await first.end(by: SIGKILL)
            try await eventually("the job server is gone") { presence.jobServers[0].failure != nil }
            try await first.start()
            try await eventually("the job server is back") { presence.jobServers[0].failure == nil }
        }
    }

    @Test("Functions without workers, and lines of another form, are left out")
    func statusLines() {
        let answer = bytes("lb1\t0\t0\t4\nlb 2\t3\t1\t12\nlb3\t1\t0\t0\n\tx\nlb4\t1\n.\n")
        #expect(AdministrationConnection.functions(of: answer) == ["lb1", "lb 2"])
        #expect(AdministrationConnection.isWhole(bytes(".\n")) && AdministrationConnection.isWhole(answer))
        for part in ["", "lb1\t0\t0\t4\n", "lb1.\n", "."] { #expect(!AdministrationConnection.isWhole(bytes(part)), "\(part)") }
    }
}

/// What was told of.
private final class Seen: Sendable {
    private let changes = Mutex<[WorkerPresence.Change]>([])

    func add(_ change: WorkerPresence.Change) { changes.withLock { $0.append(change) } }

    var workers: Set<String> { changes.withLock { $0.reduce(into: []) { $0.formUnion($1.workers) } } }
    var servers: [String] { changes.withLock { $0.compactMap { $0.server?.0.description } } }
}

/// A client that several threads use, one after the other.
private final class SharedClient: @unchecked Sendable {
    private let client = GearmanClient()

    func ask(_ job: String, _ function: String, _ server: JobServer) throws(GearmanFailure) -> [UInt8] {
        try client.ask(Array(job.utf8), of: function, at: server, within: .seconds(60))
    }
}

/// The code of a failure; nil where there is none.
private func failure(_ body: () throws(GearmanFailure) -> Void) -> GearmanFailure.Code? {
    do throws(GearmanFailure) {
        try body()
        return nil
    } catch {
        return error.code
    }
}

private func onThreadWithoutFailure<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in Thread.detachNewThread { continuation.resume(returning: body()) } }
}

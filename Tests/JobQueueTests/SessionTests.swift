import HostSystem
import TestSupport
import Testing

@testable import JobQueue

/// Both ends of connections to a job server.
func sessions(_ count: Int = 1) throws -> [(near: Session, far: Peer)] {
    let listener = try LoopbackSocket.bound(listens: true, seconds: Bench.patience)
    let server = JobServer(host: "127.0.0.1", port: listener.port)
    return try (0..<count).map { _ in
        let near = try Session(to: server, within: .seconds(Bench.patience))
        guard let far = listener.accepted(seconds: Bench.patience) else { throw Failure("nothing connects") }
        return (near, Peer(far))
    }
}

@Suite("The end of a connection")
struct SessionTests {
    @Test("is not spoilt by a packet that another connection sends in its name behind the last")
    func sleep() throws {
        let (near, far) = try sessions()[0]
        near.sleep()
        near.close(within: .zero)
        near.sleep()
        #expect(try far.rest() == [.preSleep])
        var buffer = PacketBuffer()
        #expect(near.receive(into: &buffer) == .nothing)
        // The job server's side is open still.
        try far.send(.noop)
        #expect(near.wait(until: Deadline(in: .seconds(Bench.patience))))
        #expect(near.receive(into: &buffer) == .bytes(12))
    }

    @Test("is found out by a packet that cannot be sent")
    func send() throws {
        let (near, far) = try sessions()[0]
        near.hangUp()
        near.sleep()
        #expect(try far.rest() == [])
        var buffer = PacketBuffer()
        #expect(near.receive(into: &buffer) == .end)
    }

    @Test("keeps it from asking for jobs, where it is told to stop and is woken at the same time")
    func wake() throws {
        let (near, far) = try sessions()[0]
        let server = JobServer(host: "127.0.0.1", port: 1)
        var loop = JobLoop(
            session: near, idle: IdleConnections(), memory: JobMemory(size: 1 << 20), handler: { _ in JobQueue.Answers(responses: []) {} },
            configuration: JobQueue.Configuration(servers: [server], function: "f"))
        try far.send(.noJob)
        try loop.begin()
        // It is stopped while the wake-up is on its way.
        var questions = 0
        try far.send(.noop)
        try loop.work {
            questions += 1
            return questions > 2
        }
        near.close(within: .zero)
        #expect(try far.rest() == [.canDo("f"), .grabJob, .preSleep])
    }
}

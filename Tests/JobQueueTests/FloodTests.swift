import Dispatch
import Glibc
import HostSystem
import TestSupport
import Testing

@testable import JobQueue

@Suite("A job server that sends without end")
struct FloodTests {
    private static let wakeUps = "lost: the job server sends more than 64 packets in a row that say there are jobs"
    private static let noops = Array(repeating: WirePacket.noop, count: 65)

    @Test("is given up where it says again and again that there are jobs, and answers nothing")
    func wakeUpsInRound() throws {
        try Bench.run { bench in
            let peer = try bench.asking()
            try peer.send(Self.noops)
            _ = try bench.connection()
            #expect(bench.events.all == [Self.wakeUps])
            #expect(try peer.rest() == [])
        }
    }

    @Test("is given up where it wakes a connection again and again in one piece, and is listened to where it does it a few times")
    func wakeUpsAsleep() throws {
        try Bench.run { bench in
            let peer = try bench.onCall()
            try peer.send(Array(Self.noops.prefix(20)))
            #expect(try peer.next() == .grabJob)
            try peer.send(.noJob)
            #expect(try peer.next() == .preSleep)
            try peer.send(Self.noops)
            _ = try bench.connection()
            #expect(bench.events.all == ["connected", Self.wakeUps])
        }
    }

    @Test("is given up at the header of a packet that is too long or that nobody asked for", arguments: [6, 10, 17, 19, 11] as [UInt32])
    func header(type: UInt32) throws {
        try Bench.run { bench in
            let peer = type == 11 ? try bench.onCall() : try bench.asking()
            try peer.send(WirePacket.fromServer + WirePacket.bytes(type) + WirePacket.bytes(1 << 30))
            _ = try bench.connection()
            let sentence = bench.events.all.last { $0 != "connected" }
            #expect(
                sentence
                    == (type == 11
                        ? "lost: the job server answers a question that was not asked"
                        : "lost: the job server sends a packet of type \(type) with \(1 << 30) bytes; it may have 16384"))
        }
    }

    @Test("is given up where a packet comes byte by byte and does not end in time")
    func slow() throws {
        try Bench.run(answerTime: 1) { bench in
            let peer = try bench.asking()
            try peer.send(WirePacket.fromServer + WirePacket.bytes(11) + WirePacket.bytes(500_000))
            let drip = Drip(peer)
            defer { drip.stop() }
            guard startThread({ drip.run() }) else { throw Failure("no thread") }
            _ = try bench.connection()
            #expect(bench.events.all == ["lost: no answer to a heartbeat for 1.0 s"])
        }
    }

    @Test("has only the beginning kept of a job that is too long, and is listened to behind it")
    func tooLong() throws {
        var feed = try Feed(longestJob: 1 << 20)
        let length = 3 << 20
        try feed.give(WirePacket.fromServer + WirePacket.bytes(11) + WirePacket.bytes(UInt32(8 + length)) + Array("H:1\0fun\0".utf8))
        let piece = [UInt8](repeating: 0x61, count: 1 << 20)
        for _ in 0..<length >> 20 {
            #expect(try feed.buffer.next() == nil)
            try feed.give(piece)
            #expect(feed.buffer.bytes.count <= 2 * PacketBuffer.keptSize)
        }
        try feed.give(WirePacket.noop.bytes() + WirePacket.assign("H:2", "next").bytes())
        let packet = try #require(try feed.buffer.next())
        let job = try JobGroup.Place(packet, in: feed.buffer)
        #expect(Array(feed.buffer.bytes[job.handle]) == Array("H:1".utf8))
        #expect(job.workload.count + job.omitted == length)
        try feed.takeAll()
        #expect(feed.taken == [.noop, .assign("H:2", "next")])
    }

    @Test("has a job that is too long left out in whatever pieces it comes", arguments: [1, 13, 16_397])
    func pieces(size: Int) throws {
        var feed = try Feed(longestJob: 1 << 17)
        let length = 500_000
        let tail = Array(repeating: UInt8(0x61), count: length) + WirePacket.noop.bytes()
        let bytes = WirePacket.fromServer + WirePacket.bytes(11) + WirePacket.bytes(UInt32(6 + length)) + Array("H:1\0f\0".utf8)
        // The middle may come in one piece.
        let all = bytes + tail
        var offset = 0
        while offset < all.count {
            let isMiddle = offset > 100_000 && offset < all.count - 100_000
            let end =
                isMiddle ? all.count - 100_000 : min(all.count, offset + max(size, offset > 40_000 && offset < all.count - 100 ? 9973 : 1))
            try feed.give(Array(all[offset..<end]))
            try feed.takeAll()
            offset = end
        }
        #expect(feed.taken.map(\.type) == [11, 6])
        #expect(feed.taken[0].arguments.count == 1 << 14)
    }
}

@Suite("Large jobs")
struct LargeJobTests {
    private static let size = 600_000
    private static let large = WirePacket.assign("H:1", [UInt8](repeating: 0x61, count: size))

    @Test("are in hand one after the other, whatever connections they come by, and small ones are answered meanwhile")
    func inTurn() throws {
        let gate = Gate()
        let respond: @Sendable (String) -> JobQueue.Response = { workload in
            if workload.utf8.count == Self.size { gate.pass() }
            return .reply([])
        }
        try Bench.run(connections: 3, respond: respond) { bench in
            let first = try bench.asking(answer: Self.large)
            try gate.reached()
            let second = try bench.asking()
            let sender = Sender(second)
            guard startThread({ sender.run(Self.large) }) else { throw Failure("no thread") }
            let third = try bench.asking(answer: .assign("H:3", "small"))
            #expect(try third.next() == .complete("H:3", []))
            #expect(bench.groups.all.count == 2)
            gate.open(2)
            #expect(try first.next() == .complete("H:1", []))
            #expect(try second.next() == .complete("H:1", []))
            sender.wait()
        }
    }

    @Test("of one round are answered one by one")
    func inRound() throws {
        try Bench.run(respond: { _ in .reply([]) }) { bench in
            let peer = try bench.asking(answer: .assign("H:1", "first"))
            #expect(try peer.next(2) == [.complete("H:1", []), .preSleep])
            try peer.send(.noop)
            #expect(try peer.next(2) == [.grabJob, .grabJob])
            let sender = Sender(peer)
            guard startThread({ sender.run(Self.large, .assign("H:2", [UInt8](repeating: 0x62, count: Self.size))) }) else {
                throw Failure("no thread")
            }
            #expect(try peer.next(2) == [.complete("H:1", []), .complete("H:2", [])])
            sender.wait()
            #expect(bench.groups.all.map(\.count) == [1, 1, 1])
        }
    }

    @Test("get memory in the order in which they ask, and each that is given back wakes the next")
    func memory() throws {
        let ends = try sessions(3)
        let memory = JobMemory(size: 1 << 20)
        var held = memory.reserve(.max, for: ends[0].near)
        #expect(held != nil)
        #expect(memory.reserve(1, for: ends[1].near) == nil)
        #expect(memory.reserve(1, for: ends[2].near) == nil)
        #expect(memory.reserve(1, for: ends[1].near) == nil)
        withExtendedLifetime(held) {}
        held = nil
        ends[1].near.waitForWakeUp(until: Deadline(in: .seconds(Bench.patience)))
        // The first in the row goes first.
        #expect(memory.reserve(1, for: ends[2].near) == nil)
        let second = try #require(memory.reserve((1 << 20) - 1, for: ends[1].near))
        ends[2].near.waitForWakeUp(until: Deadline(in: .seconds(Bench.patience)))
        let third = try #require(memory.reserve(1, for: ends[2].near))
        #expect(memory.reserve(1, for: ends[0].near) == nil)
        memory.leaves(ends[0].near)
        withExtendedLifetime((second, third)) {}
    }
}

/// Sends bytes one by one until it is stopped or cannot.
private final class Drip: Sendable {
    private let peer: Peer
    private let stopped = DispatchSemaphore(value: 0)

    init(_ peer: Peer) { self.peer = peer }

    func run() {
        // A pause between two bytes is what this is about.
        while stopped.wait(timeout: .now() + .milliseconds(5)) == .timedOut { if (try? peer.send([0x61])) == nil { return } }
    }

    func stop() { stopped.signal() }
}

/// Sends packets from a thread of its own, for they are more than all buffers on the way.
private final class Sender: Sendable {
    private let peer: Peer
    private let done = DispatchSemaphore(value: 0)

    init(_ peer: Peer) { self.peer = peer }

    func run(_ packets: WirePacket...) {
        try? peer.send(packets)
        done.signal()
    }

    func wait() { _ = done.wait(timeout: .now() + .seconds(Bench.patience)) }
}

import HostSystem
import Testing

@testable import JobQueue

@Suite("What is received from a job server")
struct PacketBufferTests {
    private static let packets: [WirePacket] = [.noop, .assign("H:1", ""), .noJob, .assign("H:2", [0, 1, 0]), .assign("H:3", "{}"), .noop]
    private static let stream = packets.flatMap { $0.bytes() }

    @Test("is taken packet by packet, in whatever pieces it comes", arguments: 1...stream.count)
    func pieces(size: Int) throws {
        var feed = try Feed()
        for start in stride(from: 0, to: Self.stream.count, by: size) {
            try feed.give(Array(Self.stream[start..<min(start + size, Self.stream.count)]))
            try feed.takeAll()
        }
        #expect(feed.taken == Self.packets)
    }

    @Test("is the same where it is cut once, whether what was taken is forgotten meanwhile or not", arguments: 0...stream.count)
    func cut(offset: Int) throws {
        for forgets in [false, true] {
            var feed = try Feed()
            try feed.give(Array(Self.stream[..<offset]))
            try feed.takeAll()
            // A packet is there as soon as its last byte is.
            var count = 0
            var size = 0
            for packet in Self.packets {
                size += packet.bytes().count
                if size <= offset { count += 1 }
            }
            #expect(feed.taken == Array(Self.packets[..<count]))
            if forgets { feed.buffer.removeTaken() }
            try feed.give(Array(Self.stream[offset...]))
            try feed.takeAll()
            #expect(feed.taken == Self.packets)
        }
    }

    @Test("stays where it is until it is forgotten")
    func ranges() throws {
        var feed = try Feed()
        try feed.give(WirePacket.assign("H:1", "first").bytes())
        let first = try #require(try feed.buffer.next())
        // More than there is room for: the buffer grows.
        try feed.give(WirePacket.assign("H:2", [UInt8](repeating: 7, count: 200_000)).bytes())
        let second = try #require(try feed.buffer.next())
        #expect(Array(feed.buffer.bytes[first.arguments]) == Array("H:1\0f\0first".utf8))
        #expect(Array(feed.buffer.bytes[second.arguments]) == Array("H:2\0f\0".utf8) + [UInt8](repeating: 7, count: 200_000))
    }

    @Test("may be long; its memory is given back where it is much", arguments: [60_000, 65_536, 200_000, 1 << 20])
    func long(size: Int) throws {
        var feed = try Feed()
        let long = WirePacket.assign("H:1", [UInt8](repeating: 7, count: size))
        // The beginning of the next one is there already.
        try feed.give(long.bytes() + WirePacket.noop.bytes().prefix(7))
        try feed.takeAll()
        #expect(feed.taken == [long])
        #expect(feed.buffer.bytes.count >= size)
        feed.buffer.removeTaken()
        #expect(feed.buffer.bytes.count <= PacketBuffer.keptSize)
        try feed.give(WirePacket.noop.bytes().suffix(5) + long.bytes())
        try feed.takeAll()
        #expect(feed.taken == [long, .noop, long])
    }

    @Test("keeps the memory of a long packet that is not all there, and what came of it")
    func halfOfLong() throws {
        var feed = try Feed()
        let long = WirePacket.assign("H:1", [UInt8](repeating: 7, count: 700_000) + [UInt8](repeating: 8, count: 400_000))
        try feed.give(WirePacket.noop.bytes() + long.bytes().prefix(700_000))
        try feed.takeAll()
        feed.buffer.removeTaken()
        try feed.give(Array(long.bytes().dropFirst(700_000)))
        try feed.takeAll()
        #expect(feed.taken == [.noop, long])
    }

    @Test("takes no memory for what a header claims")
    func claim() throws {
        var feed = try Feed()
        let size = feed.buffer.bytes.count
        try feed.give(WirePacket.fromServer + WirePacket.bytes(11) + WirePacket.bytes(.max) + [1, 2, 3])
        #expect(try feed.buffer.next() == nil)
        #expect(feed.buffer.bytes.count == size)
        feed.buffer.removeTaken()
        #expect(try feed.buffer.next() == nil)
        #expect(feed.buffer.bytes.count == size)
    }

    @Test(
        "is refused where it is no packet of a job server",
        arguments: [
            Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), WirePacket.noop.bytes(WirePacket.toServer), [UInt8](repeating: 0, count: 12),
            [UInt8](repeating: 0xFF, count: 12), WirePacket.noJob.bytes().dropFirst() + [0],
        ])
    func foreign(bytes: [UInt8]) throws {
        var feed = try Feed()
        // Behind a right one, as well.
        try feed.give(WirePacket.noop.bytes() + bytes)
        #expect(try feed.buffer.next() != nil)
        #expect(
            sentence { () throws(ConnectionFailure) in _ = try feed.buffer.next() }
                == "what answers is no Gearman job server: its packets do not begin with \\0RES")
    }

    @Test("tells the end from a pause")
    func end() throws {
        var feed = try Feed()
        #expect(feed.buffer.receive(from: feed.reading) == .nothing)
        try feed.give(WirePacket.noop.bytes())
        #expect(feed.buffer.receive(from: feed.reading) == .nothing)
        feed.hangUp()
        #expect(feed.buffer.receive(from: feed.reading) == .end)
        #expect(try feed.buffer.next() != nil)
    }
}

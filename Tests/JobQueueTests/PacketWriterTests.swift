import CGearman
import Testing

@testable import JobQueue

@Suite("What is sent to a job server")
struct PacketWriterTests {
    /// A packet as the room writes it, and as it is on the wire.
    private struct Written: Sendable, CustomTestStringConvertible {
        let name: String
        let write: @Sendable (inout PacketWriter) -> Void
        let bytes: [UInt8]

        var testDescription: String { name }
    }

    private static let magic: [UInt8] = [0x00, 0x52, 0x45, 0x51]

    private static let packets = [
        Written(
            name: "CAN_DO", write: { $0.append(GEARMAN_COMMAND_CAN_DO, "lbaas".utf8) },
            bytes: magic + [0, 0, 0, 1] + [0, 0, 0, 5] + [0x6C, 0x62, 0x61, 0x61, 0x73]),
        Written(name: "GRAB_JOB", write: { $0.append(GEARMAN_COMMAND_GRAB_JOB) }, bytes: magic + [0, 0, 0, 9] + [0, 0, 0, 0]),
        Written(name: "PRE_SLEEP", write: { $0.append(GEARMAN_COMMAND_PRE_SLEEP) }, bytes: magic + [0, 0, 0, 4] + [0, 0, 0, 0]),
        Written(
            name: "WORK_COMPLETE", write: { $0.append(GEARMAN_COMMAND_WORK_COMPLETE, [0x48, 0x3A, 0x31], [0x7B, 0x7D]) },
            bytes: magic + [0, 0, 0, 13] + [0, 0, 0, 6] + [0x48, 0x3A, 0x31, 0x00, 0x7B, 0x7D]),
        Written(
            name: "WORK_COMPLETE with an empty reply", write: { $0.append(GEARMAN_COMMAND_WORK_COMPLETE, [0x48, 0x3A, 0x31], []) },
            bytes: magic + [0, 0, 0, 13] + [0, 0, 0, 4] + [0x48, 0x3A, 0x31, 0x00]),
        Written(
            name: "WORK_COMPLETE with zero bytes in the reply",
            write: { $0.append(GEARMAN_COMMAND_WORK_COMPLETE, [0x48], [0x00, 0x01, 0x00]) },
            bytes: magic + [0, 0, 0, 13] + [0, 0, 0, 5] + [0x48, 0x00, 0x00, 0x01, 0x00]),
        Written(
            name: "WORK_COMPLETE with a reply of 66,050 bytes",
            write: { $0.append(GEARMAN_COMMAND_WORK_COMPLETE, [0x48], [UInt8](repeating: 7, count: 66_050)) },
            bytes: magic + [0, 0, 0, 13] + [0, 1, 2, 4] + [0x48, 0x00] + [UInt8](repeating: 7, count: 66_050)),
    ]

    @Test("is a header and arguments, byte by byte", arguments: packets)
    private func packet(_ written: Written) {
        var writer = PacketWriter()
        written.write(&writer)
        #expect(writer.bytes == written.bytes)
    }

    @Test("goes in the order in which it was put")
    func order() {
        var writer = PacketWriter()
        for packet in Self.packets { packet.write(&writer) }
        #expect(writer.bytes == Self.packets.flatMap(\.bytes))
    }

    @Test("has the handle of a job out of the middle of other bytes")
    func slice() {
        var writer = PacketWriter()
        writer.append(GEARMAN_COMMAND_WORK_COMPLETE, ([0x58, 0x48, 0x59] as [UInt8])[1..<2], [0x52])
        #expect(writer.bytes == Self.magic + [0, 0, 0, 13] + [0, 0, 0, 3] + [0x48, 0x00, 0x52])
    }

    @Test("is forgotten once it was sent, and its memory kept unless it was much", arguments: [(1000, true), (2 << 20, false)])
    func clear(size: Int, isKept: Bool) {
        var writer = PacketWriter()
        writer.append(GEARMAN_COMMAND_WORK_COMPLETE, [0x48], [UInt8](repeating: 7, count: size))
        writer.clear()
        #expect(writer.bytes.isEmpty)
        #expect((writer.bytes.capacity >= size) == isKept)
        writer.append(GEARMAN_COMMAND_PRE_SLEEP)
        #expect(writer.bytes == Self.magic + [0, 0, 0, 4] + [0, 0, 0, 0])
    }
}

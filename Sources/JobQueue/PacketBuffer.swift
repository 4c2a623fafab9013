import CGearman
import Glibc
import HostSystem

/// What came from a job server and is not done with: whole packets, and the beginning of the next.
///
/// The room for a packet grows as its bytes come, whatever length its header claims.
struct PacketBuffer {
    /// More memory than this is given back as soon as it is not needed, in bytes.
    static let keptSize = 1 << 20
    private static let firstSize = 1 << 16
    private static let magic: UInt32 = 0x0052_4553

    /// The bytes that the packets' ranges are of.
    private(set) var bytes = [UInt8](repeating: 0, count: firstSize)
    /// Up to here all packets were taken.
    private var taken = 0
    /// Up to here there are bytes.
    private var end = 0

    /// Takes the next packet; nil where it is not all there. Its range is good until the buffer is emptied.
    ///
    /// - Throws: where it is no packet of a job server.
    mutating func next() throws(ConnectionFailure) -> Packet? {
        guard end - taken >= Packet.headerSize else { return nil }
        guard number(at: 0) == Self.magic else {
            throw ConnectionFailure(reason: "what answers is no Gearman job server: its packets do not begin with \\0RES")
        }
        let length = Int(number(at: 8))
        guard end - taken >= Packet.headerSize + length else { return nil }
        let arguments = taken + Packet.headerSize..<taken + Packet.headerSize + length
        defer { taken = arguments.upperBound }
        return Packet(command: gearman_command_t(number(at: 4)), arguments: arguments)
    }

    /// Whether there are bytes of a packet that is not all there.
    var isInPacket: Bool { end > taken }

    /// The 32-bit number at an offset of the next packet.
    private func number(at offset: Int) -> UInt32 {
        bytes[taken + offset..<taken + offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Receives what there is, once.
    mutating func receive(from socket: borrowing Descriptor) -> Descriptor.Reading {
        if end == bytes.count { bytes.append(contentsOf: repeatElement(0, count: bytes.count)) }
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe recv(socket.number, buffer.baseAddress?.advanced(by: end), buffer.count - end, Int32(MSG_DONTWAIT))
        }
        end += max(count, 0)
        return Descriptor.Reading(count)
    }

    /// Forgets the packets that were taken.
    mutating func removeTaken() {
        let rest = taken..<end
        if bytes.count > Self.keptSize, rest.count <= Self.firstSize {
            bytes = bytes[rest] + [UInt8](repeating: 0, count: Self.firstSize)
        } else if !rest.isEmpty, taken > 0 {
            bytes.replaceSubrange(0..<rest.count, with: Array(bytes[rest]))
        }
        (taken, end) = (0, rest.count)
    }
}

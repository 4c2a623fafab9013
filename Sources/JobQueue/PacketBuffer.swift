import CGearman
import Glibc
import HostSystem

/// What came from a job server and is not done with: whole packets, and the beginning of the next.
///
/// The room for a packet grows as its bytes come, whatever length its header claims.
struct PacketBuffer {
    /// The longest job that is taken whole, in bytes, unless another is given.
    static let longestJob = 64 << 20
    /// The most arguments of a packet without a job, and what is kept of a job that is too long, in bytes.
    private static let longestArguments = 1 << 14
    /// More memory than this is given back as soon as it is not needed, in bytes.
    static let keptSize = 1 << 20
    private static let firstSize = 1 << 16
    private static let magic: UInt32 = 0x0052_4553

    private let longestJob: Int
    /// The bytes that the packets' ranges are of.
    private(set) var bytes = [UInt8](repeating: 0, count: firstSize)
    /// Up to here all packets were taken.
    private var taken = 0
    /// Up to here there are bytes.
    private var end = 0
    /// Of the next packet, which is too long: the bytes that are still to come and are left out. Nil where none is left out.
    private var unread: Int?

    init(longestJob: Int = Self.longestJob) { self.longestJob = longestJob }

    /// The header of the next packet: its command, and the length of its arguments. Nil where it is not all there.
    ///
    /// - Throws: where it is no packet of a job server, or one that is too long.
    func header() throws(ConnectionFailure) -> (command: gearman_command_t, length: Int)? {
        guard end - taken >= Packet.headerSize else { return nil }
        guard number(at: 0) == Self.magic else {
            throw ConnectionFailure("what answers is no Gearman job server: its packets do not begin with \\0RES")
        }
        let command = gearman_command_t(number(at: 4))
        let length = Int(number(at: 8))
        guard command == GEARMAN_COMMAND_JOB_ASSIGN || length <= Self.longestArguments else {
            throw ConnectionFailure(
                "the job server sends a packet of type \(command.rawValue) with \(length) bytes; it may have \(Self.longestArguments)")
        }
        return (command, length)
    }

    /// Takes the next packet; nil where it is not all there. Its range is good until the buffer is emptied.
    ///
    /// Of a job that is too long only the beginning is kept: the bytes behind it are left out as they come.
    ///
    /// - Throws: where it is no packet of a job server, or one that is too long.
    mutating func next() throws(ConnectionFailure) -> Packet? {
        guard let (command, length) = try header() else { return nil }
        let kept = length <= longestJob + Self.longestArguments ? length : Self.longestArguments
        let first = taken + Packet.headerSize
        guard end - first >= kept else { return nil }
        if kept < length {
            if unread == nil { leaveOut(length - kept, from: first + kept) }
            if unread != 0 { return nil }
            unread = nil
        }
        taken = first + kept
        return Packet(command: command, arguments: first..<taken, omitted: length - kept)
    }

    /// Leaves out so many bytes, of which those from this place on are here.
    private mutating func leaveOut(_ count: Int, from place: Int) {
        let here = min(count, end - place)
        bytes.replaceSubrange(place..<end - here, with: Array(bytes[place + here..<end]))
        end -= here
        unread = count - here
    }

    /// Whether there are bytes of a packet that is not all there.
    var isInPacket: Bool { end > taken }

    /// The 32-bit number at an offset of the next packet.
    private func number(at offset: Int) -> UInt32 {
        bytes[taken + offset..<taken + offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Receives what there is, once.
    mutating func receive(from socket: borrowing Descriptor) -> Descriptor.Reading {
        if end == bytes.count { grow() }
        let room = min(bytes.count - end, unread.flatMap { $0 > 0 ? $0 : nil } ?? .max)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe recv(socket.number, buffer.baseAddress?.advanced(by: end), room, Int32(MSG_DONTWAIT))
        }
        if let rest = unread, rest > 0 { unread = rest - max(count, 0) } else { end += max(count, 0) }
        return Descriptor.Reading(count)
    }

    /// Makes room for more: twice as much, but no more than a packet needs that has begun.
    private mutating func grow() {
        let needed = ((try? header())?.length).map { taken + Packet.headerSize + $0 - bytes.count } ?? 0
        var larger: [UInt8] = []
        larger.reserveCapacity(bytes.count + min(bytes.count, max(needed, Self.firstSize)))
        larger += bytes
        larger += repeatElement(0, count: larger.capacity - bytes.count)
        bytes = larger
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

import CGearman

/// A packet from a job server. Its arguments are a range of the buffer that it was received into.
///
/// On the wire it has 12 bytes of header, each number of four bytes with the most significant first: `\0REQ` to the job server or
/// `\0RES` from it, the command, the length of what follows; then arguments, with a zero byte between each two. So says gearmand's file
/// PROTOCOL; the numbers of the commands come from libgearman's header.
struct Packet: Equatable {
    static let headerSize = 12

    let command: gearman_command_t
    let arguments: Range<Int>
    /// How many bytes of its arguments were left out behind these, because the packet is too long.
    var omitted = 0
}

/// Packets to a job server, one behind the other, so that many go with one system call.
struct PacketWriter {
    private static let magic: [UInt8] = [0, 0x52, 0x45, 0x51]

    private(set) var bytes: [UInt8] = []

    /// Appends a packet without arguments.
    mutating func append(_ command: gearman_command_t) { appendHeader(command, length: 0) }

    /// Appends a packet with one argument.
    mutating func append(_ command: gearman_command_t, _ argument: some Collection<UInt8>) {
        appendHeader(command, length: argument.count)
        bytes += argument
    }

    /// Appends a packet with two arguments, of which the first has no zero byte.
    mutating func append(_ command: gearman_command_t, _ first: ArraySlice<UInt8>, _ second: [UInt8]) {
        appendHeader(command, length: first.count + 1 + second.count)
        bytes += first
        bytes.append(0)
        bytes += second
    }

    /// Forgets the packets; keeps their memory unless it is much.
    mutating func clear() { bytes.removeAll(keepingCapacity: bytes.count <= PacketBuffer.keptSize) }

    private mutating func appendHeader(_ command: gearman_command_t, length: Int) {
        bytes += Self.magic
        append(command.rawValue)
        append(UInt32(truncatingIfNeeded: length))
    }

    private mutating func append(_ number: UInt32) {
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
    }
}

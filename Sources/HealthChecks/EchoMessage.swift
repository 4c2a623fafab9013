import CLinux

/// What an echo request carries, and its answer brings back.
struct EchoMark: Equatable {
    /// Tells the requests of one engine from those of others.
    let secret: UInt64
    let ticket: Ticket
}

/// ICMP echo requests and answers, as bytes (RFC 792 and RFC 4443).
enum EchoMessage {
    case v4, v6

    /// Type, code, checksum, identifier and sequence number.
    private static let headerSize = 8
    private static let size = headerSize + 16

    /// A request. Of IPv6 and of sockets that send nothing else, the kernel fills in the checksum, and of the latter the identifier.
    func request(_ mark: EchoMark) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.headerSize)
        bytes[0] = UInt8(self == .v4 ? 8 : ICMP6_ECHO_REQUEST)
        for (index, shift) in [(4, 8), (5, 0)] { bytes[index] = UInt8(truncatingIfNeeded: mark.secret >> shift) }
        for (index, shift) in [(6, 8), (7, 0)] { bytes[index] = UInt8(truncatingIfNeeded: mark.ticket.number >> shift) }
        for number in [mark.secret, mark.ticket.code] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        if self == .v4 {
            let sum = Self.checksum(bytes)
            bytes[2] = UInt8(sum >> 8)
            bytes[3] = UInt8(sum & 0xFF)
        }
        return bytes
    }

    /// What an answer brings back; nil for any other message.
    ///
    /// - Parameter hasHeader: whether an IPv4 header stands before it.
    func mark(in bytes: some RandomAccessCollection<UInt8>, hasHeader: Bool) -> EchoMark? {
        var message = Array(bytes)
        if hasHeader {
            // Its length stands in the first byte, in words of four bytes.
            guard let first = message.first else { return nil }
            message.removeFirst(min(Int(first & 0xF) * 4, message.count))
        }
        guard message.count >= Self.size, message[0] == (self == .v4 ? 0 : UInt8(ICMP6_ECHO_REPLY)), message[1] == 0 else { return nil }
        func number(at start: Int) -> UInt64 { message[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        return EchoMark(secret: number(at: Self.headerSize), ticket: Ticket(code: number(at: Self.headerSize + 8)))
    }

    /// The Internet checksum of an even number of bytes (RFC 1071).
    static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) { sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1]) }
        while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
        return ~UInt16(sum)
    }
}

import LBaaS
import TestSupport

/// What the client asks about an address, again and again. Each question has a number, which its answers repeat.
enum Question: Int, CaseIterable {
    /// A ping as that of any program: the kernel sends it to the host that it believes the address to be at.
    case ping
    /// A ping to all hosts at once: each one that has the address and is not fenced answers.
    case everyone
    /// An ARP probe to all hosts, only for IPv4.
    case whoHas

    var word: String {
        switch self {
        case .ping: "pings"
        case .everyone: "pings to all hosts"
        case .whoHas: "ARP probes"
        }
    }
}

/// An answer as it came in.
struct Answer {
    let question: Question
    let address: IPAddress
    let number: UInt32
}

/// The frames of questions, and the reading of answers.
struct Frames {
    /// Where the client is.
    let v4: IPAddress
    let v6: IPAddress
    let hardware: [UInt8]

    private static let everyone = [UInt8](repeating: 0xFF, count: 6)

    /// The whole frame of a question to all hosts.
    func frame(_ question: Question, _ address: IPAddress, number: UInt32) -> [UInt8] {
        let head = Self.everyone + hardware
        switch (question, address) {
        case (.whoHas, _):
            // An answer goes to the hardware address that the sender says it has: the number is a part of it.
            let sender = [0x02, 0xFE] + number.bytes
            let kinds: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1]
            return head + [0x08, 0x06] + kinds + sender + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] + address.bytes
        case (_, .v4):
            let echo = Self.echo(question, address, number: number)
            let size = UInt16(20 + echo.count).bytes
            var header: [UInt8] = [0x45, 0] + size + [0, 0, 0, 0, 64, 1, 0, 0] + v4.bytes + address.bytes
            header.replaceSubrange(10..<12, with: Self.checksum(header).bytes)
            return head + [0x08, 0x00] + header + echo
        case (_, .v6):
            var echo = Self.echo(question, address, number: number)
            let size = UInt16(echo.count).bytes
            let pseudo = v6.bytes + address.bytes + [0, 0] + size + [0, 0, 0, 58]
            echo.replaceSubrange(2..<4, with: Self.checksum(pseudo + echo).bytes)
            return head + [0x86, 0xDD, 0x60, 0, 0, 0] + size + [58, 64] + v6.bytes + address.bytes + echo
        }
    }

    /// The ICMP message of a ping. That of IPv6 has no checksum yet.
    static func echo(_ question: Question, _ address: IPAddress, number: UInt32) -> [UInt8] {
        let isV6 = if case .v6 = address { true } else { false }
        var message: [UInt8] = [isV6 ? 128 : 8, 0, 0, 0, 0x4C, UInt8(question.rawValue), 0, 0] + number.bytes
        if !isV6 { message.replaceSubrange(2..<4, with: checksum(message).bytes) }
        return message
    }

    /// Reads a packet of this type of Ethernet, without its header; nil where it is no answer.
    static func read(_ packet: UnsafeRawBufferPointer, etherType: UInt16) -> Answer? {
        switch etherType {
        case 0x0806:
            guard packet.count >= 28, packet[7] == 2, packet[18] == 0x02, packet[19] == 0xFE else { return nil }
            return Answer(question: .whoHas, address: .v4(packet.number(at: 14)), number: packet.number(at: 20))
        case 0x0800:
            guard packet.count >= 32, packet[9] == 1, packet[20] == 0, packet[24] == 0x4C else { return nil }
            return Question(rawValue: Int(packet[25])).map {
                Answer(question: $0, address: .v4(packet.number(at: 12)), number: packet.number(at: 28))
            }
        default:
            guard packet.count >= 52, packet[6] == 58, packet[40] == 129, packet[44] == 0x4C else { return nil }
            let address = IPAddress.v6(high: packet.number(at: 8), low: packet.number(at: 16))
            return Question(rawValue: Int(packet[45])).map { Answer(question: $0, address: address, number: packet.number(at: 48)) }
        }
    }

    /// The checksum of the internet protocols over an even number of bytes.
    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        let sum = bytes.withUnsafeBytes { words in
            stride(from: 0, to: words.count, by: 2).reduce(UInt32(0)) { $0 + UInt32(words.number(at: $1) as UInt16) }
        }
        let folded = sum & 0xFFFF + sum >> 16
        return ~UInt16(truncatingIfNeeded: folded + folded >> 16)
    }
}

extension UnsafeRawBufferPointer {
    /// A number in network order.
    fileprivate func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}

extension FixedWidthInteger {
    /// Its bytes in network order.
    fileprivate var bytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

extension IPAddress {
    /// Its bytes in network order.
    fileprivate var bytes: [UInt8] {
        switch self {
        case .v4(let bits): bits.bytes
        case .v6(let high, let low): high.bytes + low.bytes
        }
    }

    /// Whether it is an IPv6 address.
    var isV6: Bool { if case .v6 = self { true } else { false } }
}

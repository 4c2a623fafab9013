import LBaaS

/// An Ethernet address of six bytes.
struct HardwareAddress: Hashable, CustomStringConvertible {
    /// The six bytes, the first the most significant of 48 bits.
    let bits: UInt64

    init(bits: UInt64) { self.bits = bits }

    /// - Parameter bytes: six; nil for any other number.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        bits = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Every host.
    static let broadcast: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]

    var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: bits >> (40 - 8 * $0)) } }

    /// `02:00:00:00:00:02`.
    var description: String {
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined(separator: ":")
    }
}

extension IPAddress {
    /// Its four or sixteen bytes in network order.
    var bytes: [UInt8] {
        switch self {
        case .v4(let bits): bits.networkBytes
        case .v6(let high, let low): high.networkBytes + low.networkBytes
        }
    }

    /// An address of four or sixteen bytes in network order; nil for any other number.
    init?(networkBytes bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self = .v6(
                high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }
}

extension FixedWidthInteger {
    fileprivate var networkBytes: [UInt8] { unsafe withUnsafeBytes(of: bigEndian) { unsafe Array($0) } }
}

/// The frames that tell all hosts of a network who has an address, and ask who has it. They are Ethernet frames without padding, which the
/// kernel adds.
enum Frames {
    /// What tells that an address is at a hardware address: two ARP frames, a request and a reply, as some devices take only one of them; or
    /// one unsolicited neighbour advertisement.
    static func announcement(of address: IPAddress, at hardware: HardwareAddress) -> [[UInt8]] {
        switch address {
        case .v4:
            [
                arp(operation: 1, sender: hardware, address, targetHardware: [0, 0, 0, 0, 0, 0], target: address),
                arp(operation: 2, sender: hardware, address, targetHardware: HardwareAddress.broadcast, target: address),
            ]
        case .v6: [neighbourAdvertisement(of: address, at: hardware)]
        }
    }

    /// What asks who has an address, and tells nobody anything about the sender: an ARP probe (RFC 5227), or the neighbour solicitation of
    /// duplicate address detection (RFC 4862).
    static func probe(for address: IPAddress, from hardware: HardwareAddress) -> [UInt8] {
        switch address {
        case .v4: arp(operation: 1, sender: hardware, .v4(0), targetHardware: [0, 0, 0, 0, 0, 0], target: address)
        case .v6(_, let low):
            // The multicast group and hardware address that hosts with this address listen to.
            icmp(
                type: 135, flags: 0, source: .v6(high: 0, low: 0),
                destination: .v6(high: 0xFF02_0000_0000_0000, low: 0x0000_0001_FF00_0000 | low & 0xFF_FFFF), target: address, option: [],
                from: hardware)
        }
    }

    private static func arp(
        operation: UInt8, sender hardware: HardwareAddress, _ sender: IPAddress, targetHardware: [UInt8], target: IPAddress
    ) -> [UInt8] {
        // Ethernet, IPv4, and the lengths of their addresses.
        let kinds: [UInt8] = [0, 1, 8, 0, 6, 4, 0, operation]
        let header = HardwareAddress.broadcast + hardware.bytes + [0x08, 0x06]
        return header + kinds + hardware.bytes + sender.bytes + targetHardware + target.bytes
    }

    private static func neighbourAdvertisement(of address: IPAddress, at hardware: HardwareAddress) -> [UInt8] {
        // The flag says that this overrides what is known. The option has the hardware address of the target.
        icmp(
            type: 136, flags: 0x20, source: address, destination: .v6(high: 0xFF02_0000_0000_0000, low: 1), target: address,
            option: [2, 1] + hardware.bytes, from: hardware)
    }

    /// A message of neighbour discovery, to a multicast address.
    private static func icmp(
        type: UInt8, flags: UInt8, source: IPAddress, destination: IPAddress, target: IPAddress, option: [UInt8],
        from hardware: HardwareAddress
    ) -> [UInt8] {
        var message: [UInt8] = [type, 0, 0, 0, flags, 0, 0, 0] + target.bytes + option
        let length = UInt8(message.count)
        let sum = checksum(source.bytes + destination.bytes + [0, 0, 0, length, 0, 0, 0, 58] + message)
        message[2] = UInt8(sum >> 8)
        message[3] = UInt8(sum & 0xFF)
        // Messages of neighbour discovery are only taken with a hop limit of 255: so they come from the same network.
        let header: [UInt8] = [0x60, 0, 0, 0, 0, length, 58, 255] + source.bytes + destination.bytes
        let group = [0x33, 0x33] + destination.bytes.suffix(4)
        return group + hardware.bytes + [0x86, 0xDD] + header + message
    }

    /// The ones' complement of the ones' complement sum of an even number of bytes.
    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count - 1, by: 2) { sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1]) }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(sum)
    }
}

/// What another host says about itself: that an address is at its hardware address.
struct Claim: Hashable {
    let address: IPAddress
    let hardware: HardwareAddress

    /// Reads an ARP packet, without the Ethernet header. Nil where it is none of Ethernet and IPv4, or a probe, which claims nothing.
    init?(arp packet: ArraySlice<UInt8>) {
        guard packet.count >= 28, packet.prefix(6).elementsEqual([0, 1, 8, 0, 6, 4]) else { return nil }
        let fields = packet.dropFirst(8)
        guard let address = IPAddress(networkBytes: fields.dropFirst(6).prefix(4)), !address.isUnspecified,
            let hardware = HardwareAddress(fields.prefix(6))
        else { return nil }
        self.address = address
        self.hardware = hardware
    }

    /// Reads a neighbour advertisement, which begins with the ICMPv6 header. Nil where it is none, or does not tell a hardware address.
    init?(advertisement message: ArraySlice<UInt8>) {
        guard message.count >= 24, message.first == 136, let address = IPAddress(networkBytes: message.dropFirst(8).prefix(16)) else {
            return nil
        }
        var options = message.dropFirst(24)
        while options.count >= 8, let type = options.first {
            let length = Int(options[options.startIndex + 1]) * 8
            guard length > 0, length <= options.count else { return nil }
            if type == 2, let hardware = HardwareAddress(options.dropFirst(2).prefix(6)) {
                self.address = address
                self.hardware = hardware
                return
            }
            options = options.dropFirst(length)
        }
        return nil
    }
}

package import LBaaS

/// A group of workers that carry the same load balancers. One of them has the virtual IP of a load balancer, and another takes it over.
package struct FleetGroup: Hashable, Sendable {
    /// The name.
    package let name: String
    /// The workers, by the names of their functions at the job server.
    package let workers: [String]
    /// What virtual IPs are allocated from.
    package let addresses: [AddressRange]
    /// The interface of the workers that has the virtual IPs. Nil where the workers have the addresses by other means: then load balancers
    /// listen on them, and no virtual IP is made.
    package let interface: String?

    /// The most virtual IPs that a worker takes, and so the most load balancers of a group that has an interface for them.
    package static let mostVirtualIPs = 1024

    /// A group.
    package init(name: String, workers: [String], addresses: [AddressRange], interface: String? = "eth0") {
        (self.name, self.workers, self.addresses, self.interface) = (name, workers, addresses, interface)
    }

    /// The range that has an address; nil where none has.
    package func range(of address: IPAddress) -> AddressRange? { addresses.first { $0.contains(address) } }
}

/// A text that is no range of addresses.
package struct InvalidAddressRange: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with it.
    package let message: String

    /// The message.
    package var description: String { message }
}

/// Addresses that follow each other, of one family.
package struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    private let isV6: Bool
    private let first, last: UInt128
    /// The range as it was written.
    package let description: String
    /// The smallest network that has all of it: `10.20.0.0/24`.
    package let network: String

    /// Reads a network, as in `10.20.0.0/24`, or a first and a last address, as in `10.20.0.10-10.20.0.99`. The network address and the
    /// broadcast address of a network are not in its range.
    package init(_ text: String) throws(InvalidAddressRange) {
        guard let (network, first, last) = Self.network(text) ?? Self.pair(text) else {
            throw InvalidAddressRange(
                message:
                    "'\(text)' is not a range of addresses: a network such as 10.20.0.0/24, or two addresses such as 10.20.0.10-10.20.0.99")
        }
        if case .v6 = network { isV6 = true } else { isV6 = false }
        (self.first, self.last) = (first, last)
        description = text
        let width = isV6 ? 128 : 32
        let base = Self.number(network)
        let different = base ^ (last | first)
        let length = text.contains("/") ? Int(text.split(separator: "/")[1]) ?? width : width - (128 - different.leadingZeroBitCount)
        self.network = "\(Self.address(Self.masked(base, length, width), isV6))/\(length)"
    }

    private static func network(_ text: String) -> (IPAddress, UInt128, UInt128)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])), let length = Int(parts[1]), "\(length)" == parts[1] else {
            return nil
        }
        let width: Int = if case .v4 = address { 32 } else { 128 }
        guard (0...width).contains(length) else { return nil }
        let base = number(address)
        guard masked(base, length, width) == base else { return nil }
        let size = UInt128(1) << UInt128(width - length)
        let last = length == 0 && width == 128 ? UInt128.max : base + size - 1
        if width - length < 2 { return (address, base, last) }
        return (address, base + 1, width == 32 ? last - 1 : last)
    }

    private static func pair(_ text: String) -> (IPAddress, UInt128, UInt128)? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = IPAddress(String(parts[0])), let last = IPAddress(String(parts[1])), first.hasFamily(of: last),
            number(first) <= number(last)
        else { return nil }
        return (first, number(first), number(last))
    }

    private static func masked(_ number: UInt128, _ length: Int, _ width: Int) -> UInt128 {
        length == 0 ? 0 : (number >> UInt128(width - length)) << UInt128(width - length)
    }

    private static func number(_ address: IPAddress) -> UInt128 {
        switch address {
        case .v4(let bits): UInt128(bits)
        case .v6(let high, let low): UInt128(high) << 64 | UInt128(low)
        }
    }

    private static func address(_ number: UInt128, _ isV6: Bool) -> IPAddress {
        isV6 ? .v6(high: UInt64(number >> 64), low: UInt64(truncatingIfNeeded: number)) : .v4(UInt32(truncatingIfNeeded: number))
    }

    /// Whether it is of IPv6.
    package var isIPv6: Bool { isV6 }

    /// The first and the last address.
    package var bounds: (first: IPAddress, last: IPAddress) { (Self.address(first, isV6), Self.address(last, isV6)) }

    /// How many addresses it has; `Int.max` for as many and more.
    package var count: Int { last - first >= UInt128(Int.max) ? .max : Int(last - first) + 1 }

    /// Whether it has an address.
    package func contains(_ address: IPAddress) -> Bool {
        if case .v6 = address, !isV6 { return false }
        if case .v4 = address, isV6 { return false }
        return (first...last).contains(Self.number(address))
    }

    /// An address that is free, the first behind a place; nil where there is none among `most`.
    ///
    /// - Parameters:
    ///   - place: any number: it begins there, counted from the first address, and goes on in a circle.
    ///   - most: how many addresses are looked at.
    package func free(from place: UInt64, most: Int, isTaken: (IPAddress) -> Bool) -> IPAddress? {
        let size = last - first
        let start = size == .max ? UInt128(place) : UInt128(place) % (size + 1)
        for step in 0..<UInt128(min(most, count)) {
            let offset = start + step
            let address = Self.address(first + (offset > size ? offset - size - 1 : offset), isV6)
            if !isTaken(address) { return address }
        }
        return nil
    }
}

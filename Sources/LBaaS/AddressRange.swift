/// The addresses that begin with the same bits: `10.96.0.0/16`, `2001:db8::/32`.
package struct AddressRange: Hashable, Sendable {
    /// The first of them. The bits behind the prefix are zero.
    package let first: IPAddress
    /// The length of the prefix in bits: 0 to 32 for IPv4, 0 to 128 for IPv6.
    package let length: Int

    /// A single address.
    package init(_ address: IPAddress) { (first, length) = (address, address.bitCount) }

    /// Reads `ADDRESS/LENGTH`; nil for anything else. Bits of the address behind the prefix are cleared, as Kubernetes does.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])), (1...3).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]), length <= address.bitCount
        else { return nil }
        first = address.masked(to: length)
        self.length = length
    }

    /// Whether an address is one of them.
    package func contains(_ address: IPAddress) -> Bool { address.hasFamily(of: first) && address.masked(to: length) == first }
}

extension AddressRange: CustomStringConvertible {
    /// `10.96.0.0/16`
    package var description: String { "\(first)/\(length)" }
}

extension IPAddress {
    /// How many bits an address of this family has.
    package var bitCount: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The address with all bits behind a prefix cleared.
    fileprivate func masked(to length: Int) -> IPAddress {
        switch self {
        case .v4(let bits): .v4(length == 0 ? 0 : bits & (~0 << (32 - UInt32(length))))
        case .v6(let high, let low):
            .v6(
                high: length == 0 ? 0 : high & (~0 << UInt64(max(0, 64 - length))),
                low: length <= 64 ? 0 : low & (~0 << UInt64(128 - length)))
        }
    }
}

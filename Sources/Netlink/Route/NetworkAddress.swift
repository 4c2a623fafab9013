/// An IPv4 or IPv6 address as route netlink has it.
public enum NetworkAddress: Hashable, Sendable {
    /// The four bytes in network order, the first the most significant.
    case v4(UInt32)
    /// The sixteen bytes in network order, the first eight in `high`.
    case v6(high: UInt64, low: UInt64)

    /// `AF_INET` or `AF_INET6`.
    var family: UInt8 { if case .v4 = self { 2 } else { 10 } }

    /// How many bits it has: 32 or 128.
    public var bits: UInt8 { if case .v4 = self { 32 } else { 128 } }

    /// The address in an attribute's value; nil for another family than these two.
    init?(_ value: RawSpan, family: UInt8) throws(NetlinkError) {
        switch family {
        case 2: self = .v4(try value.bigEndian(UInt32.self))
        case 10: self = .v6(high: try value.bigEndian(UInt64.self, at: 0), low: try value.bigEndian(UInt64.self, at: 8))
        default: return nil
        }
    }
}

extension MessageWriter {
    /// Appends an attribute of an address in network order: four or sixteen bytes.
    public mutating func put(_ attribute: UInt16, _ address: NetworkAddress) {
        switch address {
        case .v4(let bits): put(attribute, bigEndian: bits)
        case .v6(let high, let low): put(attribute, bigEndian: high, low)
        }
    }
}

/// Something that a packet has, or the connection that it belongs to.
public enum PacketField: Hashable, Sendable {
    /// The address that it comes from. An address of IPv4 has 4 bytes, of IPv6 16.
    case source
    /// The address that it goes to.
    case destination
    /// The number of its transport protocol: 6 TCP, 17 UDP, 132 SCTP.
    case transport
    /// The port that it goes to.
    case destinationPort
    /// The address that the first packet of its connection went to.
    case originalDestination
    /// The port that the first packet of its connection went to.
    case originalPort

    /// How many bytes it has.
    func size(_ family: NFTablesTransaction.Family) -> Int {
        switch self {
        case .source, .destination, .originalDestination: family == .ip6 ? 16 : 4
        case .transport: 1
        case .destinationPort, .originalPort: 2
        }
    }

    /// The bytes that it takes as a part of a key.
    func paddedSize(_ family: NFTablesTransaction.Family) -> Int { (size(family) + 3) & ~3 }

    /// The number by which nft shows it.
    func type(_ family: NFTablesTransaction.Family) -> UInt32 {
        switch self {
        case .source, .destination, .originalDestination: family == .ip6 ? 8 : 7
        case .transport: 12
        case .destinationPort, .originalPort: 13
        }
    }

    /// Writes the expression that loads it.
    func load(into register: UInt32, _ family: NFTablesTransaction.Family, to list: inout MessageWriter) {
        let isV6 = family == .ip6
        switch self {
        case .source: payload(1, isV6 ? 8 : 12, family, register, &list)
        case .destination: payload(1, isV6 ? 24 : 16, family, register, &list)
        case .destinationPort: payload(2, 2, family, register, &list)
        case .transport:
            RuleExpression.write("meta", to: &list) { data in
                data.put(1, bigEndian: register)
                data.put(2, bigEndian: 16 as UInt32)  // NFT_META_L4PROTO
            }
        // NFT_CT_DST_IP, NFT_CT_DST_IP6
        case .originalDestination: original(isV6 ? 22 : 20, register, &list)
        case .originalPort: original(12, register, &list)  // NFT_CT_PROTO_DST
        }
    }

    /// - Parameter base: 1 for the header of the network, 2 for that of the transport.
    private func payload(
        _ base: UInt32, _ offset: UInt32, _ family: NFTablesTransaction.Family, _ register: UInt32, _ list: inout MessageWriter
    ) {
        RuleExpression.write("payload", to: &list) { data in
            data.put(1, bigEndian: register)
            data.put(2, bigEndian: base)
            data.put(3, bigEndian: offset)
            data.put(4, bigEndian: UInt32(size(family)))
        }
    }

    private func original(_ key: UInt32, _ register: UInt32, _ list: inout MessageWriter) {
        RuleExpression.write("ct", to: &list) { data in
            data.put(1, bigEndian: register)
            data.put(2, bigEndian: key)
            data.put(3, 0 as UInt8)  // IP_CT_DIR_ORIGINAL
        }
    }
}

/// What the elements of a set are: fields one behind the other, each filled up to a multiple of four bytes.
public struct PacketKey: Hashable, Sendable {
    /// The fields.
    public let fields: [PacketField]
    /// Whether elements are ranges of keys.
    public let isInterval: Bool
    /// Whether each element has a mark of packets.
    public let hasMark: Bool

    /// A key.
    public init(_ fields: PacketField..., isInterval: Bool = false, hasMark: Bool = false) {
        (self.fields, self.isInterval, self.hasMark) = (fields, isInterval, hasMark)
    }

    /// How many bytes it has.
    func size(_ family: NFTablesTransaction.Family) -> Int { fields.reduce(0) { $0 + $1.paddedSize(family) } }

    /// The number by which nft shows it.
    func type(_ family: NFTablesTransaction.Family) -> UInt32 { fields.reduce(0) { $0 << 6 | $1.type(family) } }

    /// `NFT_SET_INTERVAL`, `NFT_SET_MAP`, `NFT_SET_CONCAT`.
    var flags: UInt32 { (isInterval ? 0x04 : 0) | (hasMark ? 0x08 : 0) | (isInterval && fields.count > 1 ? 0x80 : 0) }
}

/// An element of a set.
public struct PacketElement: Hashable, Sendable {
    /// The bytes of the key, or of the first of a range.
    public let key: [UInt8]
    /// The bytes of the last key of a range of a set of several fields; nil for a single one.
    public let last: [UInt8]?
    /// Whether it is the first key behind a range, in a set of ranges of one field.
    public let isEnd: Bool
    /// The mark; nil where the set has none.
    public let mark: UInt32?

    /// An element.
    public init(_ key: [UInt8], last: [UInt8]? = nil, isEnd: Bool = false, mark: UInt32? = nil) {
        (self.key, self.last, self.isEnd, self.mark) = (key, last, isEnd, mark)
    }
}

/// The parts that rules are made of, in the order in which the kernel goes through them. A rule ends where a part does not match.
public enum RuleExpression: Hashable, Sendable {
    /// The packet is of this protocol, as in the Ethernet header: 0x0800 IPv4, 0x0806 ARP, 0x86DD IPv6.
    case etherType(UInt16)
    /// Bytes of the network header are loaded.
    ///
    /// - Parameters:
    ///   - offset: from its beginning, in bytes.
    ///   - count: 1 to 16.
    case load(offset: UInt32, count: UInt32)
    /// What was loaded is an element of a set, or is not.
    case isElement(of: String, isNot: Bool = false)
    /// The packet is dropped.
    case drop
    /// Fields are loaded, one behind the other, as the key of a set.
    case key([PacketField])
    /// The packet is the first of its connection.
    case isNew
    /// The packet has this transport protocol.
    case isTransport(UInt8)
    /// What was loaded is an element of a set of marks, and the packet gets the mark.
    case mark(from: String)
    /// The packet gets through this chain.
    case accept
    /// The packet goes through the rules of another chain next.
    case jump(String)
    /// The packet is dropped, and its sender is told that nobody is at the port.
    case rejectPort
    /// The connection of the packet gets the address of this host as its source, and any port.
    case masquerade
}

extension NFTablesTransaction {
    /// Adds a rule at the end of a chain.
    public mutating func addRule(_ expressions: [RuleExpression], chain: String, table: String, _ family: Family) {
        append(.newRule, family, flags: MessageHeader.creates | MessageHeader.appends, "a rule of the chain \(chain)") { message in
            message.put(1, text: table)
            message.put(2, text: chain)
            message.nest(4) { list in
                for expression in expressions { expression.write(to: &list, family) }
            }
        }
    }
}

extension RuleExpression {
    /// The register of sixteen bytes that values are loaded into, `NFT_REG_1`.
    private static let register: UInt32 = 1

    fileprivate func write(to list: inout MessageWriter, _ family: NFTablesTransaction.Family) {
        let register = Self.register
        switch self {
        case .etherType(let type):
            Self.write("meta", to: &list) { data in
                data.put(1, bigEndian: register)
                data.put(2, bigEndian: 1 as UInt32)  // NFT_META_PROTOCOL
            }
            Self.write("cmp", to: &list) { data in
                data.put(1, bigEndian: register)
                data.put(2, bigEndian: 0 as UInt32)  // NFT_CMP_EQ
                data.nest(3) { $0.put(1, bigEndian: type) }
            }
        case .load(let offset, let count):
            Self.write("payload", to: &list) { data in
                data.put(1, bigEndian: register)
                data.put(2, bigEndian: 1 as UInt32)  // NFT_PAYLOAD_NETWORK_HEADER
                data.put(3, bigEndian: offset)
                data.put(4, bigEndian: count)
            }
        case .isElement(let set, let isNot):
            Self.write("lookup", to: &list) { data in
                data.put(1, text: set)
                data.put(2, bigEndian: register)
                if isNot { data.put(5, bigEndian: 1 as UInt32) }  // NFT_LOOKUP_F_INV
            }
        case .drop: Self.verdict(0, to: &list)  // NF_DROP
        case .accept: Self.verdict(1, to: &list)  // NF_ACCEPT
        case .jump(let chain): Self.verdict(-3, to: &list, chain)  // NFT_JUMP
        case .key(let fields):
            // Registers of four bytes begin at NFT_REG32_00.
            var place: UInt32 = 8
            for field in fields {
                field.load(into: place, family, to: &list)
                place += UInt32(field.paddedSize(family) / 4)
            }
        case .isNew: writeIsNew(to: &list)
        case .isTransport(let number):
            PacketField.transport.load(into: register, family, to: &list)
            Self.write("cmp", to: &list) { data in
                data.put(1, bigEndian: register)
                data.put(2, bigEndian: 0 as UInt32)  // NFT_CMP_EQ
                data.nest(3) { $0.put(1, number) }
            }
        case .mark(let map):
            Self.write("lookup", to: &list) { data in
                data.put(1, text: map)
                data.put(2, bigEndian: register)
                data.put(3, bigEndian: register)
            }
            Self.write("meta", to: &list) { data in
                data.put(2, bigEndian: 3 as UInt32)  // NFT_META_MARK
                data.put(3, bigEndian: register)
            }
        case .rejectPort:
            Self.write("reject", to: &list) { data in
                data.put(1, bigEndian: 0 as UInt32)  // NFT_REJECT_ICMP_UNREACH
                data.put(2, family == .ip6 ? 4 : 3 as UInt8)  // ICMP6_DST_UNREACH_NOPORT, ICMP_PORT_UNREACH
            }
        case .masquerade:
            Self.write("masq", to: &list) { $0.put(1, bigEndian: 0x10 as UInt32) }  // NF_NAT_RANGE_PROTO_RANDOM_FULLY
        }
    }

    private func writeIsNew(to list: inout MessageWriter) {
        let register = Self.register
        Self.write("ct", to: &list) { data in
            data.put(1, bigEndian: register)
            data.put(2, bigEndian: 0 as UInt32)  // NFT_CT_STATE
        }
        Self.write("bitwise", to: &list) { data in
            data.put(1, bigEndian: register)
            data.put(2, bigEndian: register)
            data.put(3, bigEndian: 4 as UInt32)
            data.nest(4) { $0.put(1, 0x08 as UInt32) }  // the bit of IP_CT_NEW, in the order of the host
            data.nest(5) { $0.put(1, 0 as UInt32) }
        }
        Self.write("cmp", to: &list) { data in
            data.put(1, bigEndian: register)
            data.put(2, bigEndian: 1 as UInt32)  // NFT_CMP_NEQ
            data.nest(3) { $0.put(1, 0 as UInt32) }
        }
    }

    private static func verdict(_ code: Int32, to list: inout MessageWriter, _ chain: String? = nil) {
        write("immediate", to: &list) { data in
            data.put(1, bigEndian: 0 as UInt32)  // NFT_REG_VERDICT
            data.nest(2) { value in
                value.nest(2) { verdict in
                    verdict.put(1, bigEndian: UInt32(bitPattern: code))
                    if let chain { verdict.put(2, text: chain) }
                }
            }
        }
    }

    static func write(_ name: String, to list: inout MessageWriter, _ data: (inout MessageWriter) -> Void) {
        list.nest(1) { element in
            element.put(1, text: name)
            element.nest(2, data)
        }
    }
}

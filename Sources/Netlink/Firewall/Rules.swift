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
}

extension NFTablesTransaction {
    /// Adds a rule at the end of a chain.
    public mutating func addRule(_ expressions: [RuleExpression], chain: String, table: String, _ family: Family) {
        append(.newRule, family, flags: MessageHeader.creates | MessageHeader.appends, "a rule of the chain \(chain)") { message in
            message.put(1, text: table)
            message.put(2, text: chain)
            message.nest(4) { list in
                for expression in expressions { expression.write(to: &list) }
            }
        }
    }
}

extension RuleExpression {
    /// The register of sixteen bytes that values are loaded into, `NFT_REG_1`.
    private static let register: UInt32 = 1

    fileprivate func write(to list: inout MessageWriter) {
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
        case .drop:
            Self.write("immediate", to: &list) { data in
                data.put(1, bigEndian: 0 as UInt32)  // NFT_REG_VERDICT
                data.nest(2) { value in
                    value.nest(2) { $0.put(1, bigEndian: 0 as UInt32) }  // NF_DROP
                }
            }
        }
    }

    private static func write(_ name: String, to list: inout MessageWriter, _ data: (inout MessageWriter) -> Void) {
        list.nest(1) { element in
            element.put(1, text: name)
            element.nest(2, data)
        }
    }
}

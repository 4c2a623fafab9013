/// Operations on the kernel's packet filter that are carried out together or not at all.
public struct NFTablesTransaction: ~Copyable {
    /// The families of tables, `NFPROTO_…`.
    public enum Family: UInt8, Sendable {
        case inet = 1
        case ip = 2
        case netdev = 5
        case ip6 = 10
    }

    private var requests = RequestList(capacity: 4096)
    /// Where in the memory the last operation begins, which is the one to be acknowledged: kernels before 6.10 do not acknowledge the end.
    private var lastOperation = 0
    private var isEnded = false
    /// What each message is called in an error.
    private var names = ["the transaction"]

    /// No operation yet.
    public init() { boundary(BatchMessage.begin) }

    /// How many bytes it has.
    public var byteCount: Int { requests.byteCount }

    /// How many operations there are.
    public var count: Int { names.count - 1 }

    /// Appends an operation.
    ///
    /// - Parameters:
    ///   - message: `NFT_MSG_…`.
    ///   - flags: `NLM_F_…` besides `NLM_F_REQUEST`.
    ///   - name: what it is called in an error, such as "the set mine4".
    ///   - write: writes the attributes.
    mutating func append(
        _ message: NFTablesMessage, _ family: Family, flags: UInt16 = 0, _ name: String, _ write: (inout MessageWriter) -> Void
    ) {
        lastOperation = requests.byteCount
        names.append(name)
        // struct nfgenmsg
        requests.append(type: message.type, flags: flags) {
            $0.append(family.rawValue, 0, 0)
            write(&$0)
        }
    }

    /// What the message of this number is called.
    func name(of index: Int) -> String { names.indices.contains(index) ? names[index] : names[0] }

    /// Has the kernel carry it out.
    ///
    /// - Returns: what was refused; nothing where all was carried out.
    mutating func carryOut(over exchange: Exchange) throws(NetlinkError) -> [Batch.Failure] {
        guard count > 0 else { return [] }
        if !isEnded { boundary(BatchMessage.end) }
        isEnded = true
        return try exchange.transact(&requests, acknowledged: (index: count, byte: lastOperation))
    }

    /// Appends the message that a transaction begins or ends with: `struct nfgenmsg` with the subsystem that it is for.
    private mutating func boundary(_ type: UInt16) {
        requests.append(type: type, flags: 0) { $0.append(0, 0, UInt16(NFTablesMessage.subsystem).bigEndian) }
    }

    /// `NFNL_MSG_BATCH_…` of linux/netfilter/nfnetlink.h.
    private enum BatchMessage {
        static let begin: UInt16 = 16
        static let end: UInt16 = 17
    }
}

/// `NFT_MSG_…` of linux/netfilter/nf_tables.h.
enum NFTablesMessage: UInt8 {
    case newTable = 0
    case getTable = 1
    case deleteTable = 2
    case newChain = 3
    case deleteChain = 5
    case newRule = 6
    case getRule = 7
    case deleteRule = 8
    case newSet = 9
    case deleteSet = 11
    case newElements = 12
    case getElements = 13
    case deleteElements = 14

    /// `NFNL_SUBSYS_NFTABLES`.
    static let subsystem: UInt8 = 10

    /// The type of its messages.
    var type: UInt16 { UInt16(Self.subsystem) << 8 | UInt16(rawValue) }
}

/// A network interface.
public struct Link: Hashable, Sendable {
    /// The interface's number, 1 or more. It changes where an interface goes and one of the same name comes.
    public var index: Int32
    /// Its name, 15 bytes at most.
    public var name: String
    /// What kind of hardware it has: `ARPHRD_ETHER` is 1, `ARPHRD_LOOPBACK` 772.
    public var hardwareType: UInt16
    /// Its hardware address: six bytes of an Ethernet interface, fewer or more of others.
    public var hardwareAddress: [UInt8]
    /// `IFF_…` of linux/if.h.
    public var flags: UInt32
    /// What whoever made it says that it is for; empty where nobody does.
    public var alias: String

    /// An interface.
    public init(index: Int32, name: String, hardwareType: UInt16, hardwareAddress: [UInt8], flags: UInt32, alias: String = "") {
        self.index = index
        self.name = name
        self.hardwareType = hardwareType
        self.hardwareAddress = hardwareAddress
        self.flags = flags
        self.alias = alias
    }

    /// Whether it is an Ethernet interface, with an address of six bytes; bonds, VLANs, macvlans and bridges are.
    public var isEthernet: Bool { hardwareType == 1 && hardwareAddress.count == 6 }

    /// Whether an administrator turned it on (`IFF_UP`).
    public var isUp: Bool { flags & 0x1 != 0 }

    /// Whether it can carry traffic: it is on and has a carrier (`IFF_LOWER_UP`).
    public var hasCarrier: Bool { isUp && flags & 0x10000 != 0 }
}

extension Link {
    /// Reads the payload of `RTM_NEWLINK` or `RTM_DELLINK`: `struct ifinfomsg` and attributes. Nil where it is not about a link but about its
    /// part in something else: a link that leaves a bridge is told as a deleted link of the family `AF_BRIDGE`.
    init?(_ payload: RawSpan) throws(NetlinkError) {
        guard payload.byteCount >= 16 else { throw .malformed("a link of \(payload.byteCount) bytes") }
        guard unsafe payload.unsafeLoadUnaligned(as: UInt8.self) == 0 else { return nil }
        self.init(
            index: unsafe payload.unsafeLoadUnaligned(fromByteOffset: 4, as: Int32.self), name: "",
            hardwareType: unsafe payload.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt16.self), hardwareAddress: [],
            flags: unsafe payload.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt32.self))
        var name = ""
        var hardwareAddress: [UInt8] = []
        var alias = ""
        try payload.extracting(16...).forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case 1: hardwareAddress = value.copy()  // IFLA_ADDRESS
            case 3: name = value.text()  // IFLA_IFNAME
            case 20: alias = value.text()  // IFLA_IFALIAS
            default: break
            }
        }
        self.name = name
        self.hardwareAddress = hardwareAddress
        self.alias = alias
    }

    /// Writes `struct ifinfomsg`, of a link by its number, or with 0 by its name.
    fileprivate static func writeHeader(index: Int32, to message: inout MessageWriter) {
        message.append(0 as UInt32)
        message.append(UInt32(bitPattern: index))
        message.append(0 as UInt32)
        message.append(0 as UInt32)
    }
}

extension RouteBatch {
    /// Adds an interface that discards what is sent through it, and is turned off. Refused with `EEXIST` where there is one of this name, and
    /// with `EOPNOTSUPP` where the kernel has none of this kind. These are two requests.
    ///
    /// - Parameters:
    ///   - name: 15 bytes at most.
    ///   - alias: what it is for, 255 bytes at most.
    public mutating func addDummy(_ name: String, alias: String) {
        append(.newLink, flags: MessageHeader.creates | MessageHeader.isExclusive) { message in
            Link.writeHeader(index: 0, to: &message)
            message.put(3, text: name)
            message.nest(18) { $0.put(1, text: "dummy") }  // IFLA_LINKINFO, IFLA_INFO_KIND
        }
        // The kernel takes an alias only of one that is there.
        append(.newLink, flags: 0) { message in
            Link.writeHeader(index: 0, to: &message)
            message.put(3, text: name)
            message.put(20, text: alias)
        }
    }

    /// Removes an interface that a program can remove, with its addresses. Refused with `ENODEV` where there is none.
    public mutating func deleteLink(_ index: Int32) { append(.deleteLink, flags: 0) { Link.writeHeader(index: index, to: &$0) } }
}

/// An address of a network interface.
public struct InterfaceAddress: Hashable, Sendable {
    /// What tells one entry of the kernel's table from all others. The same IPv4 address may be there twice, with different prefix lengths.
    public struct Key: Hashable, Sendable {
        /// The number of the interface.
        public var interface: Int32
        /// The address.
        public var address: NetworkAddress
        /// The length of the prefix in bits, 0 to 32 or 128.
        public var prefixLength: UInt8

        /// A key; the prefix is the whole address, unless a length is given.
        public init(interface: Int32, address: NetworkAddress, prefixLength: UInt8? = nil) {
            self.interface = interface
            self.address = address
            self.prefixLength = prefixLength ?? address.bits
        }
    }

    /// How long the kernel keeps an address, in seconds.
    public struct Lifetime: Hashable, Sendable {
        /// Until it is no longer chosen as the source of new connections; 0 for never from the start.
        public var preferred: UInt32
        /// Until the kernel removes it, rounded to whole seconds by the kernel, and up to a second late; at least 1.
        public var valid: UInt32

        /// A lifetime; `UInt32.max` is without end.
        public init(preferred: UInt32, valid: UInt32) {
            self.preferred = preferred
            self.valid = valid
        }

        /// Without end.
        public static let forever = Lifetime(preferred: .max, valid: .max)
    }

    /// Which it is.
    public var key: Key
    /// Who added it, `IFA_PROTO`: 0 for nobody in particular, 1 to 3 for the kernel, 4 to 255 for others. Kernels before 5.18 tell 0.
    public var origin: UInt8
    /// `IFA_F_…` of linux/if_addr.h.
    public var flags: UInt32
    /// How long the kernel keeps it.
    public var lifetime: Lifetime

    /// An address.
    public init(key: Key, origin: UInt8 = 0, flags: UInt32 = 0, lifetime: Lifetime = .forever) {
        self.key = key
        self.origin = origin
        self.flags = flags
        self.lifetime = lifetime
    }

    /// `IFA_F_NODAD`: an IPv6 address is used at once, and not checked for duplicates first.
    public static let noDuplicateDetection: UInt32 = 0x02
    /// `IFA_F_NOPREFIXROUTE`: no route to the other addresses of its prefix is added with it.
    public static let noPrefixRoute: UInt32 = 0x200
    /// `IFA_F_DADFAILED`: another host has this IPv6 address, and the kernel does not use it.
    public static let duplicateFound: UInt32 = 0x08
}

extension InterfaceAddress {
    private static let addressAttribute: UInt16 = 1
    private static let localAttribute: UInt16 = 2
    private static let cacheInfoAttribute: UInt16 = 6
    private static let flagsAttribute: UInt16 = 8
    private static let protocolAttribute: UInt16 = 11

    /// Reads the payload of `RTM_NEWADDR` or `RTM_DELADDR`: `struct ifaddrmsg` and attributes. Nil where it has no IPv4 or IPv6 address.
    init?(_ payload: RawSpan) throws(NetlinkError) {
        guard payload.byteCount >= 8 else { throw .malformed("an address of \(payload.byteCount) bytes") }
        let family = unsafe payload.unsafeLoadUnaligned(as: UInt8.self)
        let prefixLength = unsafe payload.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt8.self)
        var flags = UInt32(unsafe payload.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt8.self))
        let interface = unsafe payload.unsafeLoadUnaligned(fromByteOffset: 4, as: Int32.self)
        var address: NetworkAddress?
        // Of a point-to-point interface the address of the other side is in IFA_ADDRESS, and its own in IFA_LOCAL.
        var local: NetworkAddress?
        var origin: UInt8 = 0
        var lifetime = Lifetime.forever
        try payload.extracting(8...).forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case Self.addressAttribute: address = try NetworkAddress(value, family: family)
            case Self.localAttribute: local = try NetworkAddress(value, family: family)
            case Self.flagsAttribute: flags = try value.number(UInt32.self)
            case Self.protocolAttribute: origin = try value.number(UInt8.self)
            case Self.cacheInfoAttribute:
                guard value.byteCount >= 8 else { throw .malformed("a lifetime of \(value.byteCount) bytes") }
                lifetime = Lifetime(
                    preferred: unsafe value.unsafeLoadUnaligned(as: UInt32.self),
                    valid: unsafe value.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt32.self))
            default: break
            }
        }
        guard let own = local ?? address else { return nil }
        self.init(
            key: Key(interface: interface, address: own, prefixLength: prefixLength), origin: origin, flags: flags, lifetime: lifetime)
    }

    /// Writes `struct ifaddrmsg` and the attributes that tell which address it is.
    static func write(_ key: Key, to message: inout MessageWriter) {
        message.append(key.address.family, key.prefixLength, 0)
        message.append(UInt32(bitPattern: key.interface))
        if case .v4 = key.address { message.put(localAttribute, key.address) }
        message.put(addressAttribute, key.address)
    }

    /// Writes the payload of `RTM_NEWADDR`.
    func write(to message: inout MessageWriter) {
        Self.write(key, to: &message)
        if flags != 0 { message.put(Self.flagsAttribute, flags) }
        if origin != 0 { message.put(Self.protocolAttribute, origin) }
        if lifetime != .forever {
            // struct ifa_cacheinfo: two lifetimes, and two times that only the kernel tells.
            let info = [lifetime.preferred, lifetime.valid, 0, 0]
            message.put(Self.cacheInfoAttribute, bytes: unsafe info.span.bytes)
        }
    }
}

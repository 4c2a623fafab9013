/// A route.
public struct Route: Hashable, Sendable {
    /// What it does with packets, `RTN_…`.
    public enum Kind: UInt8, Sendable {
        /// They are sent on.
        case unicast = 1
        /// They are for this host.
        case local = 2
    }

    /// What it does.
    public var kind: Kind
    /// The first address that it is for.
    public var destination: NetworkAddress
    /// The length of the prefix in bits; 0 for all addresses.
    public var prefixLength: UInt8
    /// The table that it is in: 254 is the main one, 255 that of local routes.
    public var table: UInt32
    /// Who added it, `RTPROT_…`: 2 for the kernel, 3 at the boot, 4 an administrator, others for programs.
    public var origin: UInt8
    /// The number of the interface; nil where there is none, or several.
    public var interface: Int32?
    /// The router that packets go to; nil where there is none, or several.
    public var gateway: NetworkAddress?
    /// The address that this host prefers as the source of what it sends there; nil where it does not say.
    public var source: NetworkAddress?

    /// A route of this host's own addresses.
    public init(
        localTo destination: NetworkAddress, prefixLength: UInt8? = nil, origin: UInt8, interface: Int32, source: NetworkAddress? = nil
    ) {
        self.init(
            kind: .local, destination: destination, prefixLength: prefixLength ?? destination.bits, table: 255, origin: origin,
            interface: interface, source: source)
    }

    init(
        kind: Kind, destination: NetworkAddress, prefixLength: UInt8, table: UInt32, origin: UInt8, interface: Int32? = nil,
        gateway: NetworkAddress? = nil, source: NetworkAddress? = nil
    ) {
        (self.kind, self.destination, self.prefixLength, self.table) = (kind, destination, prefixLength, table)
        (self.origin, self.interface, self.gateway, self.source) = (origin, interface, gateway, source)
    }
}

extension Route {
    /// Reads the payload of `RTM_NEWROUTE`: `struct rtmsg` and attributes. Nil for what is neither of IPv4 nor IPv6, or of another kind.
    init?(_ payload: RawSpan) throws(NetlinkError) {
        guard payload.byteCount >= 12 else { throw .malformed("a route of \(payload.byteCount) bytes") }
        func byte(_ offset: Int) -> UInt8 { unsafe payload.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self) }
        let family = byte(0)
        guard let kind = Kind(rawValue: byte(7)), family == 2 || family == 10 else { return nil }
        var destination: NetworkAddress = family == 2 ? .v4(0) : .v6(high: 0, low: 0)
        var table = UInt32(byte(4))
        var interface: Int32?
        var gateway: NetworkAddress?
        var source: NetworkAddress?
        try payload.extracting(12...).forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case 1: destination = try NetworkAddress(value, family: family) ?? destination  // RTA_DST
            case 4: interface = try value.number(Int32.self)  // RTA_OIF
            case 5: gateway = try NetworkAddress(value, family: family)  // RTA_GATEWAY
            case 7: source = try NetworkAddress(value, family: family)  // RTA_PREFSRC
            case 15: table = try value.number(UInt32.self)  // RTA_TABLE
            default: break
            }
        }
        self.init(
            kind: kind, destination: destination, prefixLength: byte(1), table: table, origin: byte(5), interface: interface,
            gateway: gateway, source: source)
    }

    /// Writes the payload of `RTM_NEWROUTE` or `RTM_DELROUTE`.
    func write(to message: inout MessageWriter) {
        message.append(destination.family, prefixLength, 0)
        // The table, who made it, the scope, and the kind: a host's own addresses have a scope of their own, RT_SCOPE_HOST.
        let scope: UInt32 = kind == .local ? 254 : 0
        message.append(UInt32(table < 256 ? UInt8(table) : 0) | UInt32(origin) << 8 | scope << 16 | UInt32(kind.rawValue) << 24)
        message.append(0 as UInt32)
        message.put(1, destination)
        if let interface { message.put(4, UInt32(bitPattern: interface)) }
        if let gateway { message.put(5, gateway) }
        if let source { message.put(7, source) }
        if table >= 256 { message.put(15, table) }
    }
}

extension RouteNetlink {
    /// All routes of IPv4 and IPv6 that this host has or sends on by.
    ///
    /// - Throws: what stands in the way.
    public func routes() throws(NetlinkError) -> [Route] {
        var routes: [Route] = []
        // struct rtmsg
        try list("the list of routes", .getRoute, answeredBy: .newRoute, headerWords: 3) { payload throws(NetlinkError) in
            if let route = try Route(payload) { routes.append(route) }
        } restart: {
            routes = []
        }
        return routes
    }
}

extension RouteBatch {
    /// Adds a route. Refused with `EEXIST` where there is one to the same addresses.
    public mutating func add(_ route: Route) {
        append(.newRoute, flags: MessageHeader.creates | MessageHeader.isExclusive) { route.write(to: &$0) }
    }

    /// Removes a route that has the same origin. Refused with `ESRCH` where there is none.
    public mutating func delete(_ route: Route) { append(.deleteRoute, flags: 0) { route.write(to: &$0) } }
}

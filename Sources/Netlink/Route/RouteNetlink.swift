/// Talks with the kernel through route netlink, about links and addresses.
///
/// For one thread at a time. It speaks to the network namespace that the thread was in which made it.
public final class RouteNetlink {
    private let exchange: Exchange

    /// Opens a socket.
    ///
    /// - Parameter timeout: how long to wait for an answer of the kernel.
    /// - Throws: `system` where there is no socket to be had.
    public convenience init(timeout: Duration = .seconds(5)) throws(NetlinkError) {
        self.init(transport: try NetlinkSocket.open(.route, receiveBuffer: 4 << 20, sendBuffer: 1 << 20), timeout: timeout)
    }

    /// Talks over something else than a socket of its own.
    package init(transport: any Transport, timeout: Duration) {
        exchange = Exchange(transport: transport, timeout: timeout)
    }

    /// All links.
    ///
    /// - Throws: what stands in the way.
    public func links() throws(NetlinkError) -> [Link] {
        var links: [Link] = []
        // struct ifinfomsg
        try list("the list of links", .getLink, answeredBy: .newLink, headerWords: 4) { payload throws(NetlinkError) in
            if let link = try Link(payload) { links.append(link) }
        } restart: {
            links = []
        }
        return links
    }

    /// All IPv4 and IPv6 addresses.
    ///
    /// - Throws: what stands in the way.
    public func addresses() throws(NetlinkError) -> [InterfaceAddress] {
        var addresses: [InterfaceAddress] = []
        // struct ifaddrmsg
        try list("the list of addresses", .getAddress, answeredBy: .newAddress, headerWords: 2) { payload throws(NetlinkError) in
            if let address = try InterfaceAddress(payload) { addresses.append(address) }
        } restart: {
            addresses = []
        }
        return addresses
    }

    /// Has requests carried out, in their order, in as few sends as the buffers allow.
    ///
    /// - Parameter batch: keeps its requests; it may be sent again.
    /// - Returns: the requests that were refused, in their order. All others were carried out.
    /// - Throws: where the outcome of some is not known.
    public func carryOut(_ batch: inout RouteBatch) throws(BatchInterruption) -> [Batch.Failure] {
        try exchange.carryOut(&batch.requests)
    }

    func list(
        _ name: String, _ request: RouteMessage, answeredBy answer: RouteMessage, headerWords: Int,
        each: (RawSpan) throws(NetlinkError) -> Void, restart: () -> Void
    ) throws(NetlinkError) {
        try exchange.dump(name, answeredBy: answer.rawValue) { requests, flags in
            requests.append(type: request.rawValue, flags: flags) { message in
                for _ in 0..<headerWords { message.append(0 as UInt32) }
            }
        } each: { payload throws(NetlinkError) in
            try each(payload)
        } restart: {
            restart()
        }
    }
}

/// `RTM_…` of linux/rtnetlink.h.
enum RouteMessage: UInt16 {
    case newLink = 16
    case deleteLink = 17
    case getLink = 18
    case newAddress = 20
    case deleteAddress = 21
    case getAddress = 22
    case newRoute = 24
    case deleteRoute = 25
    case getRoute = 26
}

/// Requests to route netlink, which go to the kernel together and in their order.
///
/// The kernel carries out each of them for itself: where it refuses one, it goes on with the next.
public struct RouteBatch: ~Copyable {
    var requests = RequestList(capacity: 4096)

    /// No request yet.
    public init() {}

    /// How many requests there are.
    public var count: Int { requests.count }

    /// Adds an address. Refused with `EEXIST` where the interface has it, and with `ENODEV` where there is no such interface.
    public mutating func add(_ address: InterfaceAddress) {
        append(.newAddress, flags: MessageHeader.creates | MessageHeader.isExclusive) { address.write(to: &$0) }
    }

    /// Adds an address, or gives it another lifetime where the interface has it. Its origin stays what it was then.
    public mutating func replace(_ address: InterfaceAddress) {
        append(.newAddress, flags: MessageHeader.creates | MessageHeader.replaces) { address.write(to: &$0) }
    }

    /// Removes an address. Refused with `EADDRNOTAVAIL` where the interface has not got it.
    public mutating func delete(_ key: InterfaceAddress.Key) {
        append(.deleteAddress, flags: 0) { InterfaceAddress.write(key, to: &$0) }
    }

    mutating func append(_ type: RouteMessage, flags: UInt16, _ write: (inout MessageWriter) -> Void) {
        requests.append(type: type.rawValue, flags: flags, write)
    }
}

/// What happened to a link or an address.
public enum RouteEvent: Hashable, Sendable {
    /// A link came, or something about it changed; often nothing that is told here.
    case link(Link)
    /// The link of this number went.
    case linkRemoved(Int32)
    /// An address came, or something about it changed.
    case address(InterfaceAddress)
    /// An address went.
    case addressRemoved(InterfaceAddress)
}

/// Watches the links and addresses of a network namespace: that of the thread that makes it. For one thread at a time.
public final class RouteMonitor {
    /// The descriptor to wait for: there may be events where it is readable. It belongs to this object.
    public let descriptor: Int32
    private var received: Events

    /// Watches from now on.
    ///
    /// - Throws: `system` where there is no socket to be had.
    public convenience init() throws(NetlinkError) {
        let groups: [Int32] = [1, 5, 9]  // RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR
        let socket = try NetlinkSocket.open(.route, groups: groups, receiveBuffer: 4 << 20, sendBuffer: 65536)
        self.init(transport: socket, descriptor: socket.descriptor)
    }

    /// Watches over something else than a socket of its own.
    package init(transport: any Transport, descriptor: Int32) {
        self.descriptor = descriptor
        received = Events(transport: transport)
    }

    /// Takes the events that are there, without waiting.
    ///
    /// - Returns: the events in their order. Nil where some were lost: then links and addresses are to be listed anew, and the list has what
    ///   was lost.
    /// - Throws: `system` where the socket failed.
    public func take() throws(NetlinkError) -> [RouteEvent]? {
        var events: [RouteEvent] = []
        let isWhole = try received.take { header, payload throws(NetlinkError) in
            switch RouteMessage(rawValue: header.type) {
            case .newLink: if let link = try Link(payload) { events.append(.link(link)) }
            case .deleteLink: if let link = try Link(payload) { events.append(.linkRemoved(link.index)) }
            case .newAddress: if let address = try InterfaceAddress(payload) { events.append(.address(address)) }
            case .deleteAddress: if let address = try InterfaceAddress(payload) { events.append(.addressRemoved(address)) }
            default: break
            }
        }
        return isWhole ? events : nil
    }
}

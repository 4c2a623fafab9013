import Glibc
import HostSystem
package import LBaaS
import Netlink

/// The addresses of this host and of its routers, as they are now. One thread watches them.
package final class HostWatch: Sendable {
    /// What this host is.
    package struct Facts: Hashable, Sendable {
        /// The addresses of its interfaces.
        package var addresses: Set<IPAddress> = []
        /// The addresses of its default routers.
        package var routers: Set<IPAddress> = []
        /// The addresses that packets to elsewhere have as their source, one a family.
        package var sources: [IPAddress] = []

        /// Nothing.
        package init() {}
    }

    private let waker = Waker()
    private let isOver = AtomicFlag()
    private let ended = DispatchGroupBox()

    /// Watches from now on.
    ///
    /// - Parameters:
    ///   - lost: is told when an address of services is not bound any more, or, with nil, any of them. Called by the thread.
    ///   - receive: gets what this host is, at first and after each change. Called by the thread.
    /// - Throws: `system` where the kernel cannot be asked.
    package init(
        log: Log, lost: @escaping @Sendable (IPAddress?) -> Void = { _ in }, _ receive: @escaping @Sendable (Facts) -> Void
    ) throws(EdgeError) {
        let (waker, isOver, ended) = (waker, isOver, ended)
        ended.enter()
        let isStarted = startThread {
            Self.run(waker, isOver, RepeatedLog(log), lost, receive)
            ended.leave()
        }
        if !isStarted {
            ended.leave()
            throw EdgeError(.system, "the system has no thread to spare to watch the addresses of this host")
        }
    }

    deinit { cancel() }

    /// What this host is now.
    ///
    /// - Throws: `system` where the kernel cannot be asked.
    package static func read() throws(EdgeError) -> Facts {
        do throws(NetlinkError) {
            return try Facts.read(RouteNetlink()).facts
        } catch {
            throw EdgeError(.system, "the addresses of this host cannot be read: \(error)")
        }
    }

    /// Ends it.
    package func cancel() {
        isOver.set()
        waker.wake()
    }

    /// Waits until it has ended after `cancel`.
    package func join(within limit: Duration) -> Bool { ended.wait(limit) }

    private static func run(
        _ waker: Waker, _ isOver: AtomicFlag, _ log: RepeatedLog, _ lost: (IPAddress?) -> Void, _ receive: (Facts) -> Void
    ) {
        var known: Facts?
        while !isOver.isSet {
            do throws(NetlinkError) {
                let monitor = try RouteMonitor()
                let netlink = try RouteNetlink()
                var device: Int32?
                var isNews = true
                while !isOver.isSet {
                    if isNews {
                        let (facts, found) = try Facts.read(netlink)
                        device = found
                        log.end()
                        if facts != known { receive(facts) }
                        known = facts
                    }
                    // Routers are not told of, and change with addresses as a rule.
                    _ = waker.wait(until: Deadline(in: .seconds(30)), watching: monitor.descriptor, for: POLLIN)
                    isNews = take(try monitor.take(), device, lost)
                }
            } catch {
                log.write(.error, "the addresses of this host cannot be read; it is tried again", [("error", "\(error)")])
                _ = waker.wait(until: Deadline(in: .seconds(1)), watching: -1)
            }
        }
    }
}

extension HostWatch {
    /// Takes what happened to interfaces and addresses.
    ///
    /// - Parameters:
    ///   - events: nil where some were lost.
    ///   - device: the number of the interface that addresses of services are bound to.
    /// - Returns: whether this host may be something else. What happens to addresses of services does not count.
    private static func take(_ events: [RouteEvent]?, _ device: Int32?, _ lost: (IPAddress?) -> Void) -> Bool {
        guard let events else {
            lost(nil)
            return true
        }
        var isNews = events.isEmpty
        for event in events {
            switch event {
            case .address(let entry) where entry.key.interface == device: break
            case .addressRemoved(let entry) where entry.key.interface == device: lost(IPAddress(entry.key.address))
            case .linkRemoved(let index) where index == device:
                lost(nil)
                isNews = true
            case .addressRemoved:
                // With an address go the routes that have it as their source, also where it is back by now.
                lost(nil)
                isNews = true
            default: isNews = true
            }
        }
        return isNews
    }
}

extension HostWatch.Facts {
    /// - Returns: what this host is, and the number of the interface that addresses of services are bound to, which are not this host's own.
    fileprivate static func read(_ netlink: RouteNetlink) throws(NetlinkError) -> (facts: Self, device: Int32?) {
        let links = try netlink.links()
        let device = (try? ServiceDevice.find(in: links)) ?? nil
        var facts = Self()
        try facts.read(Set(links.filter { $0.isUp && $0.index != device }.map(\.index)), netlink)
        return (facts, device)
    }

    /// - Parameter up: the numbers of the interfaces whose addresses count.
    private mutating func read(_ up: Set<Int32>, _ netlink: RouteNetlink) throws(NetlinkError) {
        var found: [(address: IPAddress, interface: Int32)] = []
        for entry in try netlink.addresses() where up.contains(entry.key.interface) && entry.flags & Self.notUsable == 0 {
            found.append((IPAddress(entry.key.address), entry.key.interface))
        }
        addresses = Set(found.map(\.address))
        let defaults = try netlink.routes().filter { $0.kind == .unicast && $0.prefixLength == 0 && $0.table == 254 }
        routers = Set(defaults.compactMap { $0.gateway.map { IPAddress($0) } })
        // The source that the default route has, or the first address of its interface, or any.
        for isV6 in [false, true] {
            let own = found.filter { ($0.address.bitCount == 128) == isV6 && !$0.address.isOfHostAlone }
            let route = defaults.first { IPAddress($0.destination).bitCount == (isV6 ? 128 : 32) }
            let preferred = route?.source.map { IPAddress($0) } ?? own.first { $0.interface == route?.interface }?.address
            if let address = preferred ?? own.map(\.address).min(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
                sources.append(address)
            }
        }
    }

    /// `IFA_F_TENTATIVE`, `IFA_F_DADFAILED`.
    private static let notUsable: UInt32 = 0x40 | 0x08
}

extension IPAddress {
    /// Whether it is a loopback or a link-local address.
    fileprivate var isOfHostAlone: Bool {
        ["127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"].contains { AddressRange($0)?.contains(self) ?? false }
    }
}

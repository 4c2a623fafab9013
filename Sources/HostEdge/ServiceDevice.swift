import Glibc
import Netlink

/// The interface that addresses of services are bound to, where they are not reached by local routes. It stays turned off: packets for an
/// address that is bound are this host's whatever interface has it.
enum ServiceDevice {
    /// Its name.
    static let name = "lbaas0"
    /// By which it is known as a worker's.
    static let alias = "addresses of services, by lbaas-worker"

    /// The number of the interface; nil where there is none.
    ///
    /// - Throws: `EEXIST`, where another interface has its name.
    static func find(in links: [Link]) throws(NetlinkError) -> Int32? {
        guard let link = links.first(where: { $0.name == name }) else { return nil }
        guard link.alias == alias else {
            throw NetlinkError(
                .refused, "there is an interface \(name) that no worker made: remove or rename it, or set bind = routes", number: EEXIST)
        }
        return link.index
    }

    /// Makes the interface.
    ///
    /// - Returns: its number.
    static func make(_ netlink: RouteNetlink) throws(NetlinkError) -> Int32 {
        var batch = RouteBatch()
        batch.addDummy(name, alias: alias)
        if let failure = try netlink.perform(&batch).first {
            throw NetlinkError(
                .refused,
                failure.number == EOPNOTSUPP
                    ? "this kernel has no dummy interfaces: load the module dummy, or set bind = routes"
                    : "the interface \(name) cannot be made: \(failure)", number: failure.number)
        }
        guard let index = try find(in: netlink.links()) else {
            throw NetlinkError(.changing, "the interface \(name) went as soon as it was made")
        }
        return index
    }

    /// The addresses of the interface.
    static func addresses(_ index: Int32, _ netlink: RouteNetlink) throws(NetlinkError) -> [InterfaceAddress.Key] {
        try netlink.addresses().map(\.key).filter { $0.interface == index }
    }

    /// Removes the interface with all of its addresses.
    static func remove(_ index: Int32, _ netlink: RouteNetlink) throws(NetlinkError) {
        var batch = RouteBatch()
        batch.deleteLink(index)
        if let failure = try netlink.perform(&batch).first, failure.number != ENODEV {
            throw NetlinkError(.refused, "the interface \(name) cannot be removed: \(failure)", number: failure.number)
        }
    }
}

extension RouteNetlink {
    /// Has requests carried out.
    ///
    /// - Returns: those that were refused.
    func perform(_ batch: inout RouteBatch) throws(NetlinkError) -> [Batch.Failure] {
        do throws(BatchInterruption) { return try carryOut(&batch) } catch { throw error.reason }
    }
}

import Glibc
import LBaaS
import Netlink

/// Keeps the host from answering for, and speaking as, addresses that it has no right to: rules in the kernel's packet filter, which hold
/// also while this process is stopped or dead.
///
/// On each interface, what goes in to and comes out of an address in the sets `managed4` and `managed6` is dropped unless the address is in
/// `mine4` or `mine6`. The elements of these go by themselves when the right ends. ARP is treated the same, so that a stopped owner neither
/// carries traffic nor answers who-has, nor announces. A neighbour solicitation of IPv6 comes in to a multicast address, but its answer goes
/// out from the address.
struct Fence: ~Copyable {
    /// The name of the table.
    static let table = "lbaas_virtual_ips"

    private let filter: NFTables
    private let monitor: NFTablesMonitor
    /// The addresses and interfaces that it is there for; nil where it is not there, or something else may be there.
    private var installed: (addresses: Set<IPAddress>, interfaces: [String: Int32])?
    /// The rights, each with its end.
    private var rights: [IPAddress: Duration?] = [:]

    /// A fence that is not there yet.
    ///
    /// - Throws: `system` where there are no sockets.
    init() throws(NetlinkError) {
        let filter = try NFTables()
        monitor = try NFTablesMonitor(table: Self.table, owner: filter)
        self.filter = filter
    }

    /// The descriptor that is readable where somebody may have changed the packet filter.
    var descriptor: Int32 { monitor.descriptor }

    /// Whether the kernel can have such a fence.
    ///
    /// - Throws: a sentence that says why not.
    static func probe() throws(VirtualIPError) {
        do throws(NetlinkError) {
            try NFTables().check { transaction in
                transaction.addTable(table + "_probe", .netdev)
                transaction.addChain("in", table: table + "_probe", hook: .ingress, device: "lo")
                transaction.addChain("out", table: table + "_probe", hook: .egress, device: "lo")
            }
        } catch {
            if error.number == EPERM {
                throw VirtualIPError(.system, "cannot use the packet filter: \(error); \(VirtualIPError.permissions)")
            }
            throw VirtualIPError(
                .unsupported,
                "this kernel cannot fence virtual IPs of the policy at_most_one: it needs nf_tables with the family netdev and its hook "
                    + "egress, Linux 5.16 or later (\(error)); load the module nf_tables, or accept the risk by fence = none")
        }
    }

    /// Whether somebody else changed the fence, or may have.
    mutating func isDamaged() throws(NetlinkError) -> Bool {
        guard try monitor.take(), installed != nil else { return false }
        installed = nil
        return true
    }

    /// Brings the fence about for these addresses on these interfaces, by name and number. What a dead worker left is taken over: rights
    /// that have not ended stay until the next `renew`.
    ///
    /// - Throws: what the kernel says.
    mutating func install(for addresses: Set<IPAddress>, on interfaces: [String: Int32], now: Duration) throws(NetlinkError) {
        if let installed, installed.addresses == addresses, installed.interfaces == interfaces { return }
        // Rights that were told are lost where somebody changed the fence.
        let isRepair = installed == nil && !rights.isEmpty
        installed = nil
        do throws(NetlinkError) {
            try build(addresses, interfaces, anew: isRepair, now: now)
        } catch {
            guard error.code == .refused, !isRepair else { throw error }
            // What is there is not ours in every part.
            try build(addresses, interfaces, anew: true, now: now)
        }
        installed = (addresses, interfaces)
    }

    private mutating func build(_ addresses: Set<IPAddress>, _ interfaces: [String: Int32], anew: Bool, now: Duration) throws(NetlinkError)
    {
        var transaction = NFTablesTransaction()
        let table = Self.table
        transaction.addTable(table, .netdev)
        if anew {
            transaction.deleteTable(table, .netdev)
            transaction.addTable(table, .netdev)
        }
        for family in AddressFamily.allCases {
            transaction.addSet(family.managed, table: table, .netdev, family.keyType, expires: false)
            transaction.addSet(family.mine, table: table, .netdev, family.keyType, expires: true)
            transaction.flushSet(family.managed, table: table, .netdev)
            let elements = addresses.filter { $0.isV6 == (family == .v6) }.map { NetworkAddress($0) }
            if !elements.isEmpty { transaction.addElements(elements, set: family.managed, table: table, .netdev) }
        }
        if anew { add(rights, to: &transaction, now: now) }
        for interface in interfaces.keys.sorted() {
            for hook in [NFTablesTransaction.Hook.ingress, .egress] {
                let chain = "\(hook)_\(interface)"
                transaction.addChain(chain, table: table, hook: hook, device: interface)
                transaction.flushChain(chain, table: table, .netdev)
                for rule in Self.rules(hook) { transaction.addRule(rule, chain: chain, table: table, .netdev) }
            }
        }
        try filter.carryOut(&transaction)
    }

    /// What is dropped: where the address of this host is, in packets that come in and that go out.
    private static func rules(_ hook: NFTablesTransaction.Hook) -> [[RuleExpression]] {
        let isIngress = hook == .ingress
        // The sender's and the target's address of ARP, and the source and destination of IPv4 and IPv6.
        let places: [(etherType: UInt16, offset: UInt32, family: AddressFamily)] = [
            (0x0806, isIngress ? 24 : 14, .v4), (0x0800, isIngress ? 16 : 12, .v4), (0x86DD, isIngress ? 24 : 8, .v6),
        ]
        return places.map { place in
            [
                .etherType(place.etherType), .load(offset: place.offset, count: place.family == .v4 ? 4 : 16),
                .isElement(of: place.family.managed), .isElement(of: place.family.mine, isNot: true), .drop,
            ]
        }
    }

    /// Opens the fence for these addresses, each until its right ends, and shuts it for all others. In one transaction, so that no packet is
    /// lost meanwhile.
    ///
    /// - Parameter rights: an end of nil is none.
    /// - Throws: what the kernel says; then nothing was changed, and the ends that were told before hold.
    mutating func renew(_ rights: [IPAddress: Duration?], now: Duration) throws(NetlinkError) {
        var transaction = NFTablesTransaction()
        for family in AddressFamily.allCases { transaction.flushSet(family.mine, table: Self.table, .netdev) }
        add(rights, to: &transaction, now: now)
        self.rights = rights
        do {
            try filter.carryOut(&transaction)
        } catch {
            // It is not there, or not whole.
            if error.code == .refused { installed = nil }
            throw error
        }
    }

    private func add(_ rights: [IPAddress: Duration?], to transaction: inout NFTablesTransaction, now: Duration) {
        // As a rule all rights end at the same time.
        let groups = Dictionary(grouping: rights) { right in Group(isV6: right.key.isV6, end: right.value) }
        for (group, rights) in groups {
            let left = group.end.map { Int64(($0 - now) / .milliseconds(1)) }
            if let left, left < 1 { continue }
            transaction.addElements(
                rights.map { NetworkAddress($0.key) }, set: group.isV6 ? AddressFamily.v6.mine : AddressFamily.v4.mine, table: Self.table,
                .netdev, timeout: left.map(UInt64.init))
        }
    }

    private struct Group: Hashable {
        let isV6: Bool
        let end: Duration?
    }

    /// Removes what an earlier worker left, where there is something.
    static func removeLeftover() {
        var transaction = NFTablesTransaction()
        transaction.deleteTable(table, .netdev)
        try? NFTables().carryOut(&transaction)
    }

    /// Takes the fence away, with all that it holds back. Nothing may be bound then that needs it.
    mutating func remove() throws(NetlinkError) {
        installed = nil
        rights = [:]
        var transaction = NFTablesTransaction()
        // The first makes sure that there is something to delete.
        transaction.addTable(Self.table, .netdev)
        transaction.deleteTable(Self.table, .netdev)
        try filter.carryOut(&transaction)
    }
}

/// The two families of addresses, with the names of their sets.
private enum AddressFamily: String, CaseIterable {
    case v4 = "4"
    case v6 = "6"

    var managed: String { "managed" + rawValue }
    var mine: String { "mine" + rawValue }
    var keyType: NFTablesTransaction.KeyType { self == .v4 ? .v4Address : .v6Address }
}

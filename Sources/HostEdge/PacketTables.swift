import Glibc
import LBaaS
import Netlink

/// The tables of the packet filter, one a family: what they should have, and how the kernel is brought to that. For one thread at a time.
struct PacketTables: ~Copyable {
    private let filter: NFTables
    private let monitor: NFTablesMonitor
    private let table: String
    private var sets = EdgeSets()
    /// Whether the kernel has what it should, as far as is known.
    private(set) var isInStep = false
    /// Whether all is known that is needed: before that nothing is repaired.
    private var isSettled = false

    private static let families: [NFTablesTransaction.Family] = [.ip, .ip6]
    /// A transaction that is larger is carried out in parts. Only a start has such ones, before anything leads here.
    private static let largestTransaction = 4 << 20

    /// - Throws: `system` where there are no sockets, `unsupported` where the kernel has no such tables.
    init(table: String = EdgeRules.table) throws(EdgeError) {
        (filter, monitor) = try Self.open(table)
        self.table = table
    }

    private static func open(_ table: String) throws(EdgeError) -> (NFTables, NFTablesMonitor) {
        do throws(NetlinkError) {
            let filter = try NFTables(buffer: 16 << 20)
            let monitor = try NFTablesMonitor(table: table, owner: filter)
            try filter.check { transaction in
                for family in families { EdgeRules.build(family, table: table + "_probe", in: &transaction) }
            }
            return (filter, monitor)
        } catch {
            if error.number == EPERM {
                throw EdgeError(.system, "cannot use the packet filter: \(error); the worker needs the capability CAP_NET_ADMIN")
            }
            throw EdgeError(
                .unsupported,
                "this kernel has no nf_tables for IPv4 and IPv6 with concatenated sets, connection tracking and masquerading (\(error)); load the "
                    + "modules nf_tables, nft_ct, nft_masq and nft_reject, or set edge = routes: then clients of services are not masqueraded, and "
                    + "ports without a service, source ranges and policies without endpoints are not guarded")
        }
    }

    /// The descriptor that is readable where somebody may have changed the packet filter.
    var descriptor: Int32 { monitor.descriptor }

    /// Takes elements in and out, and brings the kernel to it in one transaction.
    ///
    /// - Parameter keepsRest: whether what the kernel has besides is left for now: a start does not know yet what of it is needed.
    /// - Throws: what the kernel says; then it is tried again by `repair`.
    mutating func change(
        adding: Set<EdgeElement>, removing: Set<EdgeElement>, keepsRest: Bool = false
    ) throws(NetlinkError) {
        let difference = sets.change(adding: adding, removing: removing)
        if !keepsRest { isSettled = true }
        guard isInStep else {
            try synchronize(keepsRest: keepsRest)
            return
        }
        if difference.isEmpty { return }
        do {
            try carryOut(difference)
        } catch {
            isInStep = false
            // Somebody may have changed something that is not told yet.
            try synchronize(keepsRest: keepsRest)
        }
    }

    /// Brings the kernel to what it should have, where that is not known to be so.
    ///
    /// - Returns: whether anything had to be done.
    mutating func repair() throws(NetlinkError) -> Bool {
        if !isSettled { return false }
        if try monitor.take() { isInStep = false }
        if isInStep { return false }
        return try synchronize(keepsRest: false)
    }

    /// Compares, and carries out the difference.
    @discardableResult private mutating func synchronize(keepsRest: Bool) throws(NetlinkError) -> Bool {
        // What others do from now on is seen by the next repair.
        _ = try monitor.take()
        var difference = EdgeSets.Difference()
        var broken: [NFTablesTransaction.Family] = []
        for family in Self.families where try !isWhole(family) { broken.append(family) }
        for place in SetPlace.all {
            let wanted = sets.sets[place] ?? []
            var present: Set<PacketElement> = []
            if !broken.contains(place.family) {
                do {
                    present = try filter.elements(of: place.set.rawValue, table: table, place.family)
                } catch {
                    guard error.number == ENOENT else { throw error }
                    broken.append(place.family)
                }
            }
            difference.note(wanted, insteadOf: present, at: place)
        }
        for place in SetPlace.all where broken.contains(place.family) {
            difference.removed[place] = nil
            difference.added[place] = sets.sets[place].flatMap { $0.isEmpty ? nil : $0 }
        }
        let hasRest = !difference.removed.isEmpty
        if keepsRest { difference.removed = difference.removed.filter { $0.key.set.isReplaced } }
        if !difference.isEmpty || !broken.isEmpty { try carryOut(difference, building: broken) }
        isInStep = !(keepsRest && hasRest)
        return !difference.isEmpty || !broken.isEmpty
    }

    /// Whether a table is there with its chains and rules.
    private func isWhole(_ family: NFTablesTransaction.Family) throws(NetlinkError) -> Bool {
        guard try filter.note(ofTable: table, family) == EdgeRules.note else { return false }
        return try filter.ruleCounts(ofTable: table, family) == EdgeRules.ruleCounts
    }

    private func carryOut(_ difference: EdgeSets.Difference, building: [NFTablesTransaction.Family] = []) throws(NetlinkError) {
        var transaction = NFTablesTransaction()
        for family in building {
            // The first makes sure that there is something to delete. In one transaction, so that no packet is without the table.
            transaction.addTable(table, family)
            transaction.deleteTable(table, family)
            EdgeRules.build(family, table: table, in: &transaction)
        }
        // What goes first: a range that is made smaller would overlap itself.
        for place in SetPlace.all {
            if let elements = difference.removed[place] {
                transaction.remove(elements, from: place.set.rawValue, table: table, place.family)
            }
        }
        for place in SetPlace.all {
            guard let elements = difference.added[place] else { continue }
            // Where ranges begin and end must come in their order.
            for part in elements.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }).parts(of: 5_000) {
                transaction.add(part, to: place.set.rawValue, table: table, place.family)
                if transaction.byteCount > Self.largestTransaction {
                    try filter.carryOut(&transaction)
                    transaction = NFTablesTransaction()
                }
            }
        }
        try filter.carryOut(&transaction)
    }

    /// Removes the tables that an earlier worker left, where there are some that it made.
    ///
    /// - Returns: whether there were some.
    static func removeLeftover(table: String = EdgeRules.table) throws(NetlinkError) -> Bool {
        let filter = try NFTables()
        var isFound = false
        for family in families {
            do throws(NetlinkError) {
                guard let note = try filter.note(ofTable: table, family), note.starts(with: EdgeRules.note.prefix(7)) else { continue }
                var transaction = NFTablesTransaction()
                transaction.deleteTable(table, family)
                try filter.carryOut(&transaction)
                isFound = true
            } catch {
                // A kernel without such tables has none of them.
                guard error.code == .refused, error.number != EPERM else { throw error }
            }
        }
        return isFound
    }
}

extension EdgeSet {
    /// Whether an element can be in the way of another: what is not needed any more is never left in it.
    fileprivate var isReplaced: Bool { self == .ranges || self == .podcidr || self == .inside || self == .fwallow }
}

extension Array {
    /// The elements in parts of so many.
    fileprivate func parts(of count: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
    }
}

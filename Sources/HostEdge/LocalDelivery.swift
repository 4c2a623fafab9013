import Glibc
import HostSystem
import LBaaS
import Netlink

/// By what this host takes packets for addresses of services.
package enum AddressBinding: String, Sendable, CaseIterable {
    /// By local routes: one for a range, one for each other address.
    case routes
    /// By addresses of an interface of their own, one for each address that something runs on.
    case addresses
}

/// What the kernel has, by which this host takes packets for addresses of services: what it should have, and how it is brought to that. For
/// one thread at a time.
struct LocalDelivery: ~Copyable {
    /// By which our routes and addresses are known.
    static let origin: UInt8 = 0x4C

    /// One thing that the kernel has.
    private enum Entry: Hashable {
        case route(Route)
        case address(InterfaceAddress.Key)

        var binding: AddressBinding { if case .route = self { .routes } else { .addresses } }
    }

    /// A change of the kernel.
    private struct Step {
        let range: AddressRange
        let entry: Entry
        let isAdded: Bool
    }

    private let netlink: RouteNetlink
    private let log: Log
    private let binding: AddressBinding
    /// What is asked for.
    private var wanted: Set<AddressRange> = []
    /// How many load balancers run or drain on an address.
    private var uses: [IPAddress: Int] = [:]
    /// What there is of ours; nil where that is not known.
    private var present: [AddressRange: [Entry]]?
    /// The number of the loopback interface.
    private var loopback: Int32 = 1
    /// The number of the interface that addresses are bound to; nil where there is none.
    private var device: Int32?
    /// Whether it was looked once at what an earlier worker left, and all that is needed is known.
    private var isSettled = false
    /// What is to be looked at.
    private var changed: Set<AddressRange> = []
    private var refused: [AddressRange: String] = [:]
    /// The addresses that this host prefers as the source of what it sends to services, one a family.
    private var sources: [IPAddress] = []

    init(_ binding: AddressBinding, log: Log) throws(EdgeError) {
        netlink = try Self.open(binding)
        self.binding = binding
        self.log = log
    }

    private static func open(_ binding: AddressBinding) throws(EdgeError) -> RouteNetlink {
        do throws(NetlinkError) {
            let netlink = try RouteNetlink()
            // Said before anything is served.
            if binding == .addresses { _ = try ServiceDevice.find(in: netlink.links()) }
            return netlink
        } catch {
            if error.number == EEXIST { throw EdgeError(.system, error.message) }
            throw EdgeError(.system, "cannot use route netlink: \(error)")
        }
    }

    /// Takes ranges in and out.
    mutating func change(adding: some Sequence<AddressRange>, removing: some Sequence<AddressRange>) {
        for range in removing where wanted.remove(range) != nil { changed.insert(range) }
        for range in adding where wanted.insert(range).inserted { changed.insert(range) }
    }

    /// Takes it that all is known that is needed: what else there is of ours is removed.
    mutating func settle() {
        if isSettled { return }
        isSettled = true
        changed.formUnion(present?.keys.map { $0 } ?? [])
    }

    /// One more load balancer runs or drains on an address, or one less.
    mutating func use(_ address: IPAddress, by difference: Int) {
        let count = (uses[address] ?? 0) + difference
        uses[address] = count > 0 ? count : nil
        changed.insert(AddressRange(address))
    }

    /// Whether something runs or drains on an address.
    func isUsed(_ range: AddressRange) -> Bool { range.isSingle && uses[range.first] != nil }

    /// Takes the addresses that this host prefers as the source of what it sends to services.
    mutating func setSources(_ addresses: [IPAddress]) {
        if addresses == sources { return }
        sources = addresses
        changed.formUnion(wanted)
    }

    /// Looks again at everything.
    mutating func doubt() { present = nil }

    /// Looks again at everything where an address is there as far as is known, or, with nil, always: somebody has removed it.
    mutating func noticeLoss(of address: IPAddress?) {
        guard let address, let present else { return doubt() }
        if present[AddressRange(address)]?.contains(where: { $0.binding == .addresses }) ?? false { doubt() }
    }

    /// Whether there is nothing to do, as far as is known.
    var isInStep: Bool { present != nil && changed.isEmpty }

    /// Brings the kernel to what it should have.
    ///
    /// - Returns: how many routes and addresses had to be added or removed.
    @discardableResult mutating func synchronize() throws(NetlinkError) -> Int {
        if present == nil { try observe() }
        if changed.isEmpty { return 0 }
        if binding == .addresses, device == nil { device = try ServiceDevice.make(netlink) }
        var steps: [Step] = []
        for range in changed { steps += self.steps(of: range) }
        changed = []
        if !steps.isEmpty { try carryOut(steps) }
        if binding == .routes, isSettled, let device, !hasAddresses {
            try ServiceDevice.remove(device, netlink)
            self.device = nil
        }
        return steps.count
    }

    private var hasAddresses: Bool { present?.values.contains { $0.contains { $0.binding == .addresses } } ?? true }

    private func steps(of range: AddressRange) -> [Step] {
        let old = present?[range] ?? []
        let new = isWanted(range, isPresent: !old.isEmpty) ? [entry(of: range)].compactMap(\.self) : []
        var gone = old.filter { !new.contains($0) }
        var come = new.filter { !old.contains($0) }
        if !isSettled {
            // What an earlier worker left is kept, unless something of its kind takes its place. An address has a local route of the kernel's
            // own, which would be in the way of ours.
            gone = new.isEmpty ? [] : gone.filter { $0.binding == binding }
            if binding == .routes, old.contains(where: { $0.binding == .addresses }) { come = [] }
        }
        let (adding, removing) = (
            come.map { Step(range: range, entry: $0, isAdded: true) }, gone.map { Step(range: range, entry: $0, isAdded: false) }
        )
        return binding == .addresses ? adding + removing : removing + adding
    }

    /// An address is needed where something runs on it. One that is not asked for any more stays as long as something drains there.
    private func isWanted(_ range: AddressRange, isPresent: Bool) -> Bool {
        if !range.isSingle { return binding == .routes && wanted.contains(range) }
        return uses[range.first] != nil && (wanted.contains(range) || isPresent)
    }

    private func entry(of range: AddressRange) -> Entry? {
        switch binding {
        case .routes:
            let source = sources.first { $0.hasFamily(of: range.first) }
            return .route(
                Route(
                    localTo: NetworkAddress(range.first), prefixLength: UInt8(range.length), origin: Self.origin, interface: loopback,
                    source: source.map { NetworkAddress($0) }))
        case .addresses: return device.map { .address(InterfaceAddress.Key(interface: $0, address: NetworkAddress(range.first))) }
        }
    }

    private mutating func observe() throws(NetlinkError) {
        let links = try netlink.links()
        // The number of the loopback interface is 1 in every network namespace.
        loopback = links.first { $0.hardwareType == 772 }?.index ?? 1
        device = binding == .addresses ? try ServiceDevice.find(in: links) : (try? ServiceDevice.find(in: links)) ?? nil
        var found: [AddressRange: [Entry]] = [:]
        for route in try netlink.routes() where route.isOurs {
            guard let range = AddressRange("\(IPAddress(route.destination))/\(route.prefixLength)") else { continue }
            found[range, default: []].append(.route(route))
        }
        if let device {
            for key in try ServiceDevice.addresses(device, netlink) {
                found[AddressRange(IPAddress(key.address)), default: []].append(.address(key))
            }
        }
        present = found
        changed.formUnion(wanted)
        changed.formUnion(found.keys)
        changed.formUnion(uses.keys.map { AddressRange($0) })
    }

    private mutating func carryOut(_ steps: [Step]) throws(NetlinkError) {
        var batch = RouteBatch()
        for step in steps {
            switch (step.entry, step.isAdded) {
            case (.route(let route), true): batch.add(route)
            case (.route(let route), false): batch.delete(route)
            case (.address(let key), true): batch.add(InterfaceAddress(service: key))
            case (.address(let key), false): batch.delete(key)
            }
        }
        var failures: [Int: Int32] = [:]
        do throws(NetlinkError) {
            for failure in try netlink.perform(&batch) { failures[failure.index] = failure.number }
        } catch {
            present = nil
            throw error
        }
        for (index, step) in steps.enumerated() {
            // What is to go may have gone by itself.
            if let number = failures[index], step.isAdded || number != ESRCH && number != EADDRNOTAVAIL {
                note(number, step)
                continue
            }
            if step.isAdded {
                present?[step.range, default: []].append(step.entry)
                if refused.removeValue(forKey: step.range) != nil {
                    log.write(.info, "this host takes packets for an address of services now", [("address", "\(step.range)")])
                }
            } else {
                let rest = present?[step.range]?.filter { $0 != step.entry } ?? []
                present?[step.range] = rest.isEmpty ? nil : rest
            }
        }
    }

    private mutating func note(_ number: Int32, _ step: Step) {
        let reason =
            number == EEXIST ? "somebody else has a local route to it: remove it, or take another address" : HostSystem.errorText(number)
        if refused.updateValue(reason, forKey: step.range) != reason {
            log.write(
                .error,
                step.entry.binding == .routes
                    ? "a route to an address of services cannot be \(step.isAdded ? "added" : "removed"); it is tried again"
                    : "an address of services cannot be \(step.isAdded ? "bound" : "released"); it is tried again",
                [("address", "\(step.range)"), ("error", reason)])
        }
        // The next look at everything tries again: there is no reason why it should go sooner, and each look takes all routes.
    }

    /// Removes what an earlier worker left.
    ///
    /// - Returns: what it was, in words.
    static func removeLeftover() throws(NetlinkError) -> [String] {
        let netlink = try RouteNetlink()
        var removed: [String] = []
        var batch = RouteBatch()
        for route in try netlink.routes() where route.isOurs { batch.delete(route) }
        if batch.count > 0 { removed.append("\(batch.count) local routes") }
        if let failure = try netlink.perform(&batch).first(where: { $0.number != ESRCH }) {
            throw NetlinkError(.refused, "a route cannot be removed: \(failure)", number: failure.number)
        }
        // An interface of another one with its name is none of ours.
        if let device = (try? ServiceDevice.find(in: netlink.links())) ?? nil {
            let count = try ServiceDevice.addresses(device, netlink).count
            try ServiceDevice.remove(device, netlink)
            removed.append("the interface \(ServiceDevice.name) with \(count) addresses")
        }
        return removed
    }
}

extension Route {
    /// Whether it is marked as ours.
    fileprivate var isOurs: Bool { kind == .local && table == 255 && origin == LocalDelivery.origin }
}

extension InterfaceAddress {
    /// An address of services.
    fileprivate init(service key: Key) {
        // There is no other one of its prefix, and nobody to ask whether it is his.
        self.init(key: key, origin: LocalDelivery.origin, flags: Self.noDuplicateDetection | Self.noPrefixRoute)
    }
}

extension NetworkAddress {
    /// The same address.
    init(_ address: IPAddress) {
        switch address {
        case .v4(let bits): self = .v4(bits)
        case .v6(let high, let low): self = .v6(high: high, low: low)
        }
    }
}

extension IPAddress {
    /// The same address.
    init(_ address: NetworkAddress) {
        switch address {
        case .v4(let bits): self = .v4(bits)
        case .v6(let high, let low): self = .v6(high: high, low: low)
        }
    }
}

import LBaaS
import Netlink

/// The links and addresses of the host, as far as the kernel told.
struct HostNetwork {
    /// By which our addresses are known, in `IFA_PROTO`.
    static let origin: UInt8 = 251

    private var links: [Int32: Link] = [:]
    private var names: [String: Int32] = [:]
    private var entries: [NetworkAddress: [InterfaceAddress]] = [:]

    init(links: [Link] = [], addresses: [InterfaceAddress] = []) {
        for link in links { put(link) }
        for address in addresses { put(address) }
    }

    /// The interface of a name.
    func link(named name: String) -> Link? { names[name].flatMap { links[$0] } }

    /// The interface of a number.
    func link(_ index: Int32) -> Link? { links[index] }

    /// All that the host has of an address.
    func entries(of address: IPAddress) -> [InterfaceAddress] { entries[NetworkAddress(address)] ?? [] }

    /// The entry of a key.
    func entry(_ key: InterfaceAddress.Key) -> InterfaceAddress? { entries[key.address]?.first { $0.key == key } }

    /// The entry of an address that is ours.
    func own(_ address: IPAddress, interface: Int32) -> InterfaceAddress? {
        entries(of: address).first { $0.isOurs && $0.key.interface == interface }
    }

    /// An entry of an address that is not ours.
    func foreign(_ address: IPAddress) -> InterfaceAddress? { entries(of: address).first { !$0.isOurs } }

    /// All entries that are ours.
    var allOwn: [InterfaceAddress] { entries.values.joined().filter(\.isOurs) }

    /// All addresses that are not ours.
    var allForeign: [IPAddress: InterfaceAddress] {
        entries.values.joined().filter { !$0.isOurs }.reduce(into: [:]) { $0[IPAddress($1.key.address)] = $1 }
    }

    /// Takes what happened.
    mutating func apply(_ event: RouteEvent) {
        switch event {
        case .link(let link): put(link)
        case .linkRemoved(let index):
            if let old = links.removeValue(forKey: index), names[old.name] == index { names[old.name] = nil }
            // The kernel tells of each address, too, but not in any order.
            for address in entries.keys { remove(address) { $0.key.interface == index } }
        case .address(let entry): put(entry)
        case .addressRemoved(let entry): remove(entry.key)
        }
    }

    /// An address is gone: the kernel said so in answer to a request.
    mutating func remove(_ key: InterfaceAddress.Key) { remove(key.address) { $0.key == key } }

    /// An address is there, or something about it changed.
    mutating func put(_ entry: InterfaceAddress) {
        remove(entry.key)
        entries[entry.key.address, default: []].append(entry)
    }

    private mutating func put(_ link: Link) {
        if let old = links[link.index], names[old.name] == link.index { names[old.name] = nil }
        links[link.index] = link
        names[link.name] = link.index
    }

    private mutating func remove(_ address: NetworkAddress, where isGone: (InterfaceAddress) -> Bool) {
        guard var list = entries[address] else { return }
        list.removeAll(where: isGone)
        entries[address] = list.isEmpty ? nil : list
    }
}

extension InterfaceAddress {
    /// Whether it is marked as ours. Only whole addresses are.
    var isOurs: Bool { origin == HostNetwork.origin && key.prefixLength == key.address.bits }
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

    /// Whether it is an IPv6 address.
    var isV6: Bool { if case .v6 = self { true } else { false } }
}

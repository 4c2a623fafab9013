import LBaaS
import Netlink

/// The sets of the packet filter's table, in each family. The raw value is the name.
enum EdgeSet: String, CaseIterable {
    /// Ports with a service.
    case services
    /// Single addresses that this host takes packets for.
    case vips
    /// Ranges of such addresses.
    case ranges
    /// Services whose clients are masqueraded.
    case masq
    /// Services whose clients are masqueraded unless they are pods.
    case masqoff
    /// Addresses of pods.
    case podcidr
    /// Endpoints of this host that connect to themselves.
    case hairpin
    /// Services that drop their clients.
    case blackhole
    /// Services that not everybody may use.
    case fw
    /// Who may use them.
    case fwallow
    /// Marks of clients that are pods, or this host.
    case inside

    /// What its elements are.
    var key: PacketKey {
        switch self {
        case .services, .masq, .masqoff, .blackhole, .fw: PacketKey(.destination, .transport, .destinationPort)
        case .vips: PacketKey(.destination)
        case .ranges, .podcidr: PacketKey(.destination, isInterval: true)
        case .hairpin: PacketKey(.source, .destination)
        case .fwallow: PacketKey(.destination, .transport, .destinationPort, .source, isInterval: true)
        case .inside: PacketKey(.destination, .transport, .destinationPort, hasMark: true)
        }
    }
}

/// One set of one family.
struct SetPlace: Hashable {
    let family: NFTablesTransaction.Family
    let set: EdgeSet

    /// Every set, family by family.
    static let all = [NFTablesTransaction.Family.ip, .ip6].flatMap { family in
        EdgeSet.allCases.map { SetPlace(family: family, set: $0) }
    }
}

/// What the sets should have, kept up to date element by element. Pure.
struct EdgeSets {
    /// What differs in the sets: elements that come and that go.
    struct Difference {
        var added: [SetPlace: Set<PacketElement>] = [:]
        var removed: [SetPlace: Set<PacketElement>] = [:]

        var isEmpty: Bool { added.isEmpty && removed.isEmpty }

        mutating func note(_ new: Set<PacketElement>, insteadOf old: Set<PacketElement>, at place: SetPlace) {
            for element in new.subtracting(old) where removed[place]?.remove(element) == nil { added[place, default: []].insert(element) }
            for element in old.subtracting(new) where added[place]?.remove(element) == nil { removed[place, default: []].insert(element) }
            if added[place]?.isEmpty ?? false { added[place] = nil }
            if removed[place]?.isEmpty ?? false { removed[place] = nil }
        }
    }

    private(set) var sets: [SetPlace: Set<PacketElement>] = [:]
    /// Ranges as they are wanted, of which the kernel has those that no other one covers.
    private var ranges: [SetPlace: Set<AddressRange>] = [:]
    private var allowed: [Listener: Set<AddressRange>] = [:]

    /// Takes elements in and out.
    mutating func change(adding: some Sequence<EdgeElement>, removing: some Sequence<EdgeElement>) -> Difference {
        var difference = Difference()
        for element in removing { change(element, isAdded: false, &difference) }
        for element in adding { change(element, isAdded: true, &difference) }
        return difference
    }

    private mutating func change(_ element: EdgeElement, isAdded: Bool, _ difference: inout Difference) {
        switch element {
        case .service(let listener): change(.services, listener, isAdded, &difference)
        case .masquerade(let listener): change(.masq, listener, isAdded, &difference)
        case .masqueradeOutsiders(let listener): change(.masqoff, listener, isAdded, &difference)
        case .blackhole(let listener): change(.blackhole, listener, isAdded, &difference)
        case .firewall(let listener): change(.fw, listener, isAdded, &difference)
        case .inside(let listener, let mark): change(.inside, listener, mark: mark, isAdded, &difference)
        case .hairpin(let address):
            change(
                PacketElement(address.bytes + address.bytes), SetPlace(family: address.packetFamily, set: .hairpin), isAdded, &difference)
        case .address(let range) where range.isSingle:
            change(PacketElement(range.first.bytes), SetPlace(family: range.first.packetFamily, set: .vips), isAdded, &difference)
        case .address(let range): changeRange(range, .ranges, isAdded, &difference)
        case .podRange(let range): changeRange(range, .podcidr, isAdded, &difference)
        case .allow(let listener, let range): change(listener, allowing: range, isAdded, &difference)
        }
    }

    private mutating func change(
        _ set: EdgeSet, _ listener: Listener, mark: UInt32? = nil, _ isAdded: Bool, _ difference: inout Difference
    ) {
        guard let address = listener.address else { return }
        let element = PacketElement(listener.bytes(of: address), mark: mark)
        change(element, SetPlace(family: address.packetFamily, set: set), isAdded, &difference)
    }

    private mutating func change(_ element: PacketElement, _ place: SetPlace, _ isAdded: Bool, _ difference: inout Difference) {
        if isAdded {
            guard sets[place, default: []].insert(element).inserted else { return }
            difference.note([element], insteadOf: [], at: place)
        } else {
            guard sets[place, default: []].remove(element) != nil else { return }
            difference.note([], insteadOf: [element], at: place)
        }
    }

    private mutating func changeRange(_ range: AddressRange, _ set: EdgeSet, _ isAdded: Bool, _ difference: inout Difference) {
        let place = SetPlace(family: range.first.packetFamily, set: set)
        if isAdded { ranges[place, default: []].insert(range) } else { ranges[place]?.remove(range) }
        let new = Set((ranges[place] ?? []).outermost.bounds)
        difference.note(new, insteadOf: sets[place] ?? [], at: place)
        sets[place] = new
    }

    private mutating func change(_ listener: Listener, allowing range: AddressRange, _ isAdded: Bool, _ difference: inout Difference) {
        guard let address = listener.address else { return }
        let place = SetPlace(family: address.packetFamily, set: .fwallow)
        func elements(_ ranges: Set<AddressRange>) -> Set<PacketElement> {
            let key = listener.bytes(of: address)
            return Set(ranges.outermost.map { PacketElement(key + $0.first.bytes, last: key + $0.last.bytes) })
        }
        let old = allowed[listener] ?? []
        var new = old
        if isAdded { new.insert(range) } else { new.remove(range) }
        allowed[listener] = new.isEmpty ? nil : new
        let (before, after) = (elements(old), elements(new))
        difference.note(after, insteadOf: before, at: place)
        sets[place, default: []].subtract(before)
        sets[place, default: []].formUnion(after)
    }
}

extension Set<AddressRange> {
    /// Those that no other one covers, in the order of their addresses: two ranges of the same length or another are one in the other, or apart.
    fileprivate var outermost: [AddressRange] {
        filter { range in !contains { $0.length < range.length && $0.contains(range.first) } }.sorted {
            $0.first.bytes.lexicographicallyPrecedes($1.first.bytes)
        }
    }
}

extension [AddressRange] {
    /// The elements of a set of ranges of one field: where each begins, and where what is behind it does. Ranges that follow one another are
    /// one: where one ends, the next must not begin.
    fileprivate var bounds: [PacketElement] {
        var joined: [(first: [UInt8], behind: [UInt8]?)] = []
        for range in self {
            let behind = range.last.bytes.successor
            if let last = joined.last, last.behind == range.first.bytes {
                joined[joined.count - 1].behind = behind
            } else {
                joined.append((range.first.bytes, behind))
            }
        }
        return joined.flatMap { range in
            [PacketElement(range.first)] + (range.behind.map { [PacketElement($0, isEnd: true)] } ?? [])
        }
    }
}

extension [UInt8] {
    /// The number behind this one, in network order; nil where it is the last.
    fileprivate var successor: [UInt8]? {
        var bytes = self
        for index in bytes.indices.reversed() {
            bytes[index] &+= 1
            if bytes[index] != 0 { return bytes }
        }
        return nil
    }
}

extension AddressRange {
    /// Whether it is one address.
    var isSingle: Bool { length == first.bitCount }

    /// The last of the addresses.
    fileprivate var last: IPAddress {
        switch first {
        case .v4(let bits): .v4(length == 0 ? .max : bits | ~(~0 << (32 - UInt32(length))))
        case .v6(let high, let low):
            .v6(
                high: length == 0 ? .max : high | ~(~0 << UInt64(Swift.max(0, 64 - length))),
                low: length <= 64 ? .max : low | ~(~0 << UInt64(128 - length)))
        }
    }
}

extension IPAddress {
    /// Its bytes in network order.
    var bytes: [UInt8] {
        switch self {
        case .v4(let bits): bits.networkBytes
        case .v6(let high, let low): high.networkBytes + low.networkBytes
        }
    }

    /// The family of tables that its packets come to.
    var packetFamily: NFTablesTransaction.Family { bitCount == 128 ? .ip6 : .ip }
}

extension FixedWidthInteger {
    fileprivate var networkBytes: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }
}

extension Listener {
    /// The key of a set of listeners, each field filled up to four bytes.
    fileprivate func bytes(of address: IPAddress) -> [UInt8] {
        address.bytes + [transport.number, 0, 0, 0] + port.networkBytes + [0, 0]
    }
}

extension LBaaS.Transport {
    /// Its number in a packet of IP.
    var number: UInt8 {
        switch self {
        case .tcp: 6
        case .udp: 17
        case .sctp: 132
        }
    }
}

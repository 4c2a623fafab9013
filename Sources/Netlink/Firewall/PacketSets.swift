/// Sets of keys, and chains that packets of IPv4 or IPv6 come to. What is added may be there already, if it is the same.
extension NFTablesTransaction {
    /// Where packets come to a chain of a table of IPv4 or IPv6.
    public enum Place: UInt32, Sendable {
        /// Packets that came in, before they are routed.
        case prerouting = 0
        /// Packets that came in and are for this host.
        case input = 1
        /// Packets that came in and go out again.
        case forward = 2
        /// Packets that this host sends.
        case output = 3
        /// Packets that go out.
        case postrouting = 4
    }

    /// Adds a table with bytes that the kernel keeps for who made it.
    public mutating func addTable(_ name: String, _ family: Family, note: [UInt8]) {
        append(.newTable, family, flags: MessageHeader.creates, "the table \(name)") { message in
            message.put(1, text: name)
            message.put(6, bytes: unsafe note.span.bytes)
        }
    }

    /// Adds a chain.
    ///
    /// - Parameters:
    ///   - place: where it gets packets; nil for one that rules jump to.
    ///   - translates: whether it is a chain that translates addresses.
    public mutating func addChain(
        _ name: String, table: String, _ family: Family, at place: Place?, priority: Int32 = 0, translates: Bool = false
    ) {
        append(.newChain, family, flags: MessageHeader.creates, "the chain \(name)") { message in
            message.put(1, text: table)
            message.put(3, text: name)
            guard let place else { return }
            message.nest(4) { hook in
                hook.put(1, bigEndian: place.rawValue)
                hook.put(2, bigEndian: UInt32(bitPattern: priority))
            }
            message.put(7, text: translates ? "nat" : "filter")
        }
    }

    /// Adds a set of keys.
    public mutating func addSet(_ name: String, table: String, _ family: Family, _ key: PacketKey) {
        let id = UInt32(count + 1)
        append(.newSet, family, flags: MessageHeader.creates, "the set \(name)") { message in
            message.put(1, text: table)
            message.put(2, text: name)
            if key.flags != 0 { message.put(3, bigEndian: key.flags) }
            message.put(4, bigEndian: key.type(family))
            message.put(5, bigEndian: UInt32(key.size(family)))
            if key.hasMark {
                message.put(6, bigEndian: 19 as UInt32)  // a mark
                message.put(7, bigEndian: 4 as UInt32)
            }
            // The kernel cannot guess the fields of ranges.
            if key.isInterval, key.fields.count > 1 {
                message.nest(9) { description in
                    description.nest(2) { list in
                        for field in key.fields { list.nest(1) { $0.put(1, bigEndian: UInt32(field.size(family))) } }
                    }
                }
            }
            message.put(10, bigEndian: id)
            if key.hasMark { message.put(13, bytes: unsafe Self.byteOrders.span.bytes) }
        }
    }

    /// By which nft knows that marks are in the order of the host, and keys are not: type, length and value each.
    private static let byteOrders: [UInt8] = [0, 4, 2, 0, 0, 0, 1, 4, 1, 0, 0, 0]

    /// Puts elements into a set.
    public mutating func add(_ elements: some Collection<PacketElement>, to set: String, table: String, _ family: Family) {
        append(elements, .newElements, flags: MessageHeader.creates, "elements of the set \(set)", set, table, family)
    }

    /// Takes elements out of a set. Where one is not there, all of the transaction fails.
    public mutating func remove(_ elements: some Collection<PacketElement>, from set: String, table: String, _ family: Family) {
        append(elements, .deleteElements, flags: 0, "to remove elements of the set \(set)", set, table, family)
    }

    private mutating func append(
        _ elements: some Collection<PacketElement>, _ message: NFTablesMessage, flags: UInt16, _ name: String, _ set: String,
        _ table: String, _ family: Family
    ) {
        var rest = elements[...]
        while !rest.isEmpty {
            // An attribute has 65,535 bytes at most, and the largest element 120.
            let part = rest.prefix(500)
            rest = rest.dropFirst(500)
            append(message, family, flags: flags, name) { message in
                message.put(1, text: table)
                message.put(2, text: set)
                message.nest(3) { list in
                    for element in part { list.nest(1) { element.write(to: &$0) } }
                }
            }
        }
    }
}

extension PacketElement {
    /// Writes the attributes.
    fileprivate func write(to entry: inout MessageWriter) {
        entry.nest(1) { $0.put(1, bytes: unsafe key.span.bytes) }
        if let mark {
            entry.nest(2) { $0.put(1, mark) }
        }
        if isEnd { entry.put(3, bigEndian: 1 as UInt32) }  // NFT_SET_ELEM_INTERVAL_END
        if let last {
            entry.nest(10) { $0.put(1, bytes: unsafe last.span.bytes) }
        }
    }

    /// Reads the attributes; nil where there is no key, as with an element that stands for all others.
    fileprivate init?(_ entry: RawSpan) throws(NetlinkError) {
        var (key, last): ([UInt8]?, [UInt8]?) = (nil, nil)
        var isEnd = false
        var mark: UInt32?
        try entry.forEachAttribute { type, value throws(NetlinkError) in
            switch type {
            case 1: key = try Self.value(value)
            case 2: mark = try Self.mark(value)
            case 3: isEnd = try value.bigEndian(UInt32.self) & 1 != 0
            case 10: last = try Self.value(value)
            default: break
            }
        }
        guard let key else { return nil }
        self.init(key, last: last, isEnd: isEnd, mark: mark)
    }

    private static func value(_ data: RawSpan) throws(NetlinkError) -> [UInt8]? {
        var found: [UInt8]?
        try data.forEachAttribute { type, value throws(NetlinkError) in if type == 1 { found = value.copy() } }
        return found
    }

    private static func mark(_ data: RawSpan) throws(NetlinkError) -> UInt32? {
        var found: UInt32?
        try data.forEachAttribute { type, value throws(NetlinkError) in if type == 1 { found = try value.number(UInt32.self) } }
        return found
    }
}

// What there is.
extension NFTables {
    /// The bytes that a table was made with, none where it was made with none; nil where there is no such table.
    public func note(ofTable name: String, _ family: NFTablesTransaction.Family) throws(NetlinkError) -> [UInt8]? {
        var found: [UInt8]?
        try list("the list of tables", .getTable, answeredBy: .newTable, family) { _ in
        } each: { attributes throws(NetlinkError) in
            var (table, note) = ("", [UInt8]())
            try attributes.forEachAttribute { type, value throws(NetlinkError) in
                if type == 1 { table = value.text() }
                if type == 6 { note = value.copy() }
            }
            if table == name { found = note }
        } restart: {
            found = nil
        }
        return found
    }

    /// How many rules each chain of a table has; those without rules are left out.
    public func ruleCounts(ofTable name: String, _ family: NFTablesTransaction.Family) throws(NetlinkError) -> [String: Int] {
        var counts: [String: Int] = [:]
        try list("the rules of the table \(name)", .getRule, answeredBy: .newRule, family) {
            $0.put(1, text: name)
        } each: {
            attributes throws(NetlinkError) in
            var (table, chain) = ("", "")
            try attributes.forEachAttribute { type, value throws(NetlinkError) in
                if type == 1 { table = value.text() }
                if type == 2 { chain = value.text() }
            }
            if table == name { counts[chain, default: 0] += 1 }
        } restart: {
            counts = [:]
        }
        return counts
    }

    /// The elements of a set.
    ///
    /// - Throws: `refused` with `ENOENT` where there is no such set.
    public func elements(
        of set: String, table: String, _ family: NFTablesTransaction.Family
    ) throws(NetlinkError) -> Set<PacketElement> {
        var elements: Set<PacketElement> = []
        try list("the elements of the set \(set)", .getElements, answeredBy: .newElements, family) { message in
            message.put(1, text: table)
            message.put(2, text: set)
        } each: { attributes throws(NetlinkError) in
            try attributes.forEachAttribute { type, value throws(NetlinkError) in
                guard type == 3 else { return }
                try value.forEachAttribute { _, entry throws(NetlinkError) in
                    if let element = try PacketElement(entry) { elements.insert(element) }
                }
            }
        } restart: {
            elements = []
        }
        return elements
    }

    /// - Parameter each: gets the attributes of each message of the list.
    private func list(
        _ name: String, _ request: NFTablesMessage, answeredBy answer: NFTablesMessage, _ family: NFTablesTransaction.Family,
        _ write: (inout MessageWriter) -> Void, each: (RawSpan) throws(NetlinkError) -> Void, restart: () -> Void
    ) throws(NetlinkError) {
        try exchange.dump(name, answeredBy: answer.type) { requests, flags in
            requests.append(type: request.type, flags: flags) { message in
                message.append(family.rawValue, 0, 0)
                write(&message)
            }
        } each: { payload throws(NetlinkError) in
            guard payload.byteCount >= 4 else { throw .malformed("a message of \(payload.byteCount) bytes") }
            try each(payload.extracting(4...))
        } restart: {
            restart()
        }
    }
}

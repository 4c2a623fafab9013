/// Tables, chains and sets. What is added may be there already, if it is the same.
extension NFTablesTransaction {
    /// Where packets come to a chain of a `netdev` table.
    public enum Hook: UInt32, Sendable {
        /// Packets that come in through a device, before anything else looks at them.
        case ingress = 0
        /// Packets that go out through a device, behind everything else, those of packet sockets among them. Linux 5.16 and later.
        case egress = 1
    }

    /// What the elements of a set are.
    public enum KeyType: UInt32, Sendable {
        // The numbers are those by which nft shows the elements.
        case v4Address = 7
        case v6Address = 8

        /// The size in bytes.
        var size: UInt32 { self == .v4Address ? 4 : 16 }
    }

    /// Adds a table.
    ///
    /// - Parameter name: 255 bytes at most.
    public mutating func addTable(_ name: String, _ family: Family) {
        append(.newTable, family, flags: MessageHeader.creates, "the table \(name)") { $0.put(1, text: name) }
    }

    /// Deletes a table with all that is in it.
    public mutating func deleteTable(_ name: String, _ family: Family) {
        append(.deleteTable, family, "to delete the table \(name)") { $0.put(1, text: name) }
    }

    /// Adds a chain that gets the packets of one device. Before Linux 6.16 the device must be there, and the chain goes with it; later kernels
    /// keep it for a device of that name.
    ///
    /// - Parameters:
    ///   - name: 127 bytes at most.
    ///   - device: the name of an interface.
    public mutating func addChain(_ name: String, table: String, hook: Hook, device: String, priority: Int32 = 0) {
        append(.newChain, .netdev, flags: MessageHeader.creates, "the chain \(name) on \(device)") { message in
            message.put(1, text: table)
            message.put(3, text: name)
            message.nest(4) { place in
                place.put(1, bigEndian: hook.rawValue)
                place.put(2, bigEndian: UInt32(bitPattern: priority))
                place.put(3, text: device)
            }
            message.put(7, text: "filter")
        }
    }

    /// Deletes the rules of a chain.
    public mutating func flushChain(_ name: String, table: String, _ family: Family) {
        append(.deleteRule, family, "to flush the chain \(name)") { message in
            message.put(1, text: table)
            message.put(2, text: name)
        }
    }

    /// Adds a set.
    ///
    /// - Parameters:
    ///   - name: 255 bytes at most.
    ///   - expires: whether its elements go by themselves after a time of their own.
    public mutating func addSet(_ name: String, table: String, _ family: Family, _ type: KeyType, expires: Bool) {
        // A number by which operations of the same transaction may name it; nobody does, but kernels want it.
        let id = UInt32(count + 1)
        append(.newSet, family, flags: MessageHeader.creates, "the set \(name)") { message in
            message.put(1, text: table)
            message.put(2, text: name)
            if expires { message.put(3, bigEndian: 0x10 as UInt32) }  // NFT_SET_TIMEOUT
            message.put(4, bigEndian: type.rawValue)
            message.put(5, bigEndian: type.size)
            message.put(10, bigEndian: id)
        }
    }

    /// Takes all elements out of a set.
    public mutating func flushSet(_ name: String, table: String, _ family: Family) {
        append(.deleteElements, family, "to flush the set \(name)") { message in
            message.put(1, text: table)
            message.put(2, text: name)
        }
    }

    /// Puts elements into a set.
    ///
    /// An element that is there already keeps its time; to give it another, flush the set in the same transaction.
    ///
    /// - Parameters:
    ///   - elements: of the set's type.
    ///   - timeout: after which the kernel takes them out again, in milliseconds and at least 1; nil for never.
    public mutating func addElements(_ elements: [NetworkAddress], set: String, table: String, _ family: Family, timeout: UInt64? = nil) {
        // What one message holds, with room to spare: an attribute has 65,535 bytes at most, and an element 40.
        for first in stride(from: 0, to: elements.count, by: 1000) {
            append(.newElements, family, flags: MessageHeader.creates, "elements of the set \(set)") { message in
                message.put(1, text: table)
                message.put(2, text: set)
                message.nest(3) { list in
                    for element in elements[first..<min(first + 1000, elements.count)] {
                        list.nest(1) { entry in
                            entry.nest(1) { $0.put(1, element) }
                            if let timeout { entry.put(4, bigEndian: max(1, timeout)) }
                        }
                    }
                }
            }
        }
    }
}

/// Watches the packet filter of a network namespace, that of the thread that makes it, for what others do to one table. For one thread at
/// a time.
public final class NFTablesMonitor {
    /// The descriptor to wait for: there may be events where it is readable. It belongs to this object.
    public let descriptor: Int32
    private let table: String
    private let ownPort: UInt32
    private var received: Events

    /// Watches from now on.
    ///
    /// - Parameters:
    ///   - table: the name of the table, of any family.
    ///   - owner: what this one does to the table is no event.
    /// - Throws: `system` where there is no socket to be had.
    public convenience init(table: String, owner: NFTables) throws(NetlinkError) {
        let socket = try NetlinkSocket.open(.netfilter, groups: [7], receiveBuffer: 4 << 20, sendBuffer: 65536)  // NFNLGRP_NFTABLES
        self.init(transport: socket, descriptor: socket.descriptor, table: table, ownPort: owner.port)
    }

    /// Watches over something else than a socket of its own.
    package init(transport: any Transport, descriptor: Int32, table: String, ownPort: UInt32) {
        self.descriptor = descriptor
        self.table = table
        self.ownPort = ownPort
        received = Events(transport: transport)
    }

    /// Takes the events that are there, without waiting.
    ///
    /// - Returns: whether somebody else changed the table since the last call, or may have: where events were lost, it counts as changed.
    ///   What the kernel does by itself is not told: elements whose time is over, chains that go with their device.
    /// - Throws: `system` where the socket failed.
    public func take() throws(NetlinkError) -> Bool {
        var isChanged = false
        let isWhole = try received.take { header, payload throws(NetlinkError) in
            guard header.type >> 8 == UInt16(NFTablesMessage.subsystem), header.port != 0, header.port != ownPort, payload.byteCount >= 4
            else { return }
            // The first attribute of all messages that are about a table is its name, but of those about a generation.
            guard UInt8(truncatingIfNeeded: header.type) != Self.newGeneration else { return }
            try payload.extracting(4...).forEachAttribute { type, value throws(NetlinkError) in
                if type == 1, value.text() == table { isChanged = true }
            }
        }
        return isChanged || !isWhole
    }

    /// `NFT_MSG_NEWGEN`.
    private static let newGeneration: UInt8 = 15
}

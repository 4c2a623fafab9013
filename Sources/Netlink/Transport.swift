/// The edge to the system: bytes go to the kernel, and datagrams come.
package protocol Transport {
    /// How many bytes go into one send at most.
    var sendRoom: Int { get }
    /// How many bytes of the kernel's memory there are for what was not received yet.
    var receiveRoom: Int { get }

    /// Sends messages. The kernel has carried them out when this returns.
    func send(_ bytes: RawSpan) throws(NetlinkError)

    /// Waits for a datagram.
    ///
    /// - Parameters:
    ///   - buffer: gets as much of it as there is room for.
    ///   - deadline: when not to wait any longer; nil to take only what is there already.
    /// - Returns: nil where there is none until the deadline.
    /// - Throws: `lost` where the kernel had to drop some.
    func receive(into buffer: inout [UInt8], until deadline: ContinuousClock.Instant?) throws(NetlinkError) -> Datagram?
}

/// A datagram that was received.
package struct Datagram {
    /// Its length, which may be more than was in the buffer's room.
    package let count: Int
    /// The port it was sent from; 0 is the kernel.
    package let sender: UInt32

    package init(count: Int, sender: UInt32) {
        self.count = count
        self.sender = sender
    }
}

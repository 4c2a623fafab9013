/// Talks with the kernel's packet filter, nf_tables.
///
/// For one thread at a time. It speaks to the network namespace that the thread was in which made it.
public final class NFTables {
    let exchange: Exchange

    /// The port of the socket, by which events tell who caused them; 0 where it has none.
    let port: UInt32

    /// Opens a socket.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for an answer of the kernel.
    ///   - buffer: bytes of the largest transaction, as far as this process may have such buffers.
    /// - Throws: `system` where there is no socket to be had.
    public convenience init(timeout: Duration = .seconds(5), buffer: Int32 = 1 << 20) throws(NetlinkError) {
        let socket = try NetlinkSocket.open(.netfilter, receiveBuffer: 1 << 20, sendBuffer: buffer)
        self.init(transport: socket, port: socket.port, timeout: timeout)
    }

    /// Talks over something else than a socket of its own.
    package init(transport: any Transport, port: UInt32, timeout: Duration) {
        exchange = Exchange(transport: transport, timeout: timeout)
        self.port = port
    }

    /// Has a transaction carried out: all of it, or nothing.
    ///
    /// - Parameter transaction: keeps its operations; it may be carried out again.
    /// - Throws: `refused` with the number of the first operation that the kernel refuses; `system`, `timedOut`, `lost` or `malformed` where
    ///   the outcome is not known.
    public func carryOut(_ transaction: inout NFTablesTransaction) throws(NetlinkError) {
        guard let failure = try transaction.carryOut(over: exchange).first else { return }
        let name = transaction.name(of: failure.index)
        throw .refusal(of: name, failure.number, failure.message)
    }

    /// Has the kernel check a transaction, and carry out nothing of it.
    ///
    /// - Throws: `refused` with the number of the first operation that the kernel would refuse; what stands in the way.
    public func check(_ build: (inout NFTablesTransaction) -> Void) throws(NetlinkError) {
        var transaction = NFTablesTransaction()
        build(&transaction)
        let whole = transaction.count
        // One that is refused always, for no table has an empty name. So nothing of all this is carried out.
        transaction.addRule([], chain: "", table: "", .netdev)
        guard let failure = try transaction.carryOut(over: exchange).first, failure.index <= whole else { return }
        let name = transaction.name(of: failure.index)
        throw .refusal(of: name, failure.number, failure.message)
    }
}

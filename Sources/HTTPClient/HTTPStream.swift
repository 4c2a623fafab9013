package import CCurl
package import HostSystem

/// An answer that is read as it comes.
///
/// It is safe to share: one thread uses it; the others only call `wake`.
package final class HTTPStream: @unchecked Sendable {
    private let group: HTTPTransferGroup

    /// The request and what came of its answer. It is prepared before `open`.
    package let transfer: HTTPTransfer
    /// How the transfer ended; nil while it goes on.
    package private(set) var end: CURLcode?

    /// A stream without a connection; nil where there is no memory for one.
    package init?(_ options: HTTPClientOptions) {
        guard let transfer = HTTPTransfer(options), let group = HTTPTransferGroup() else { return nil }
        self.transfer = transfer
        self.group = group
    }

    /// Begins the request that was prepared, over a new connection.
    package func open() {
        close()
        group.open(transfer)
    }

    /// Closes the connection.
    package func close() {
        group.close(transfer)
        end = nil
    }

    /// Reads what is there into the body of the transfer.
    package func advance() {
        if let ended = group.advance().last { end = ended.code }
    }

    /// Waits until there may be something to read, or a time has come, or somebody calls `wake`.
    ///
    /// - Parameter descriptors: ends the wait as well where one of them can be read, or has an error.
    package func wait(until deadline: Deadline, watching descriptors: [Int32] = []) {
        group.wait(until: deadline, watching: descriptors)
    }

    /// Ends a wait, the present one or the next.
    package func wake() { group.wake() }
}

/// Talks with the kernel through generic netlink: one socket and what belongs to it.
///
/// For one thread at a time. It speaks to the network namespace that the thread was in which made it.
public final class GenericNetlink {
    private let exchange: Exchange
    private var families: [String: Family] = [:]

    /// Opens a socket.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for the kernel's next word.
    ///   - requestsPerSend: how many requests of a batch go to the kernel in one send at most. Fewer do where the buffers are too small.
    ///   - receiveBuffer: bytes to ask the kernel for, for answers that were not received yet; it gives twice as much to who has `CAP_NET_ADMIN`,
    ///     and no more than twice `net.core.rmem_max` to others.
    ///   - sendBuffer: bytes to ask the kernel for, for a send; likewise, with `net.core.wmem_max`.
    /// - Throws: `system` where there is no socket to be had.
    public convenience init(
        timeout: Duration = .seconds(5), requestsPerSend: Int = 1024, receiveBuffer: Int32 = 4 << 20, sendBuffer: Int32 = 1 << 20
    ) throws(NetlinkError) {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: receiveBuffer, sendBuffer: sendBuffer)
        self.init(transport: socket, timeout: timeout, requestsPerSend: requestsPerSend)
    }

    /// Talks over something else than a socket of its own.
    package init(transport: any Transport, timeout: Duration, requestsPerSend: Int = 1024) {
        exchange = Exchange(transport: transport, timeout: timeout, requestsPerSend: requestsPerSend)
    }

    /// The family of a name. It is asked for once; the kernel numbers it anew where its module is taken out and loaded again.
    ///
    /// Where the kernel does not know the name, it has modprobe load the module that brings it: that takes as long as modprobe does.
    ///
    /// - Throws: `unknownFamily` where there is none.
    public func family(_ name: String) throws(NetlinkError) -> Family {
        if let family = families[name] { return family }
        var id: UInt16?
        var version: UInt8 = 1
        do {
            try ask(.controller, command: ControllerCommand.getFamily) { request in
                request.put(ControllerAttribute.familyName, text: name)
            } answer: { _, attributes throws(NetlinkError) in
                try attributes.forEachAttribute { type, value throws(NetlinkError) in
                    switch type {
                    case ControllerAttribute.familyID: id = try value.number(UInt16.self)
                    case ControllerAttribute.version: version = UInt8(truncatingIfNeeded: try value.number(UInt32.self))
                    default: break
                    }
                }
            }
        } catch {
            guard error.code == .refused else { throw error }
            throw NetlinkError(
                .unknownFamily,
                "the kernel does not know the generic-netlink family \(name) (\(errorText(error.number))): load the module that brings it",
                number: error.number)
        }
        guard let id else { throw .malformed("family \(name) has no number") }
        let family = Family(id: id, version: version)
        families[name] = family
        return family
    }

    /// Makes one request.
    ///
    /// - Parameters:
    ///   - write: writes the attributes.
    ///   - answer: gets each message that the kernel answers with: its command and its attributes.
    /// - Throws: `refused` with the kernel's error number; what stands in the way; what `answer` throws.
    public func ask(
        _ family: Family, command: UInt8, write: (inout MessageWriter) -> Void = { _ in },
        answer: (_ command: UInt8, _ attributes: RawSpan) throws(NetlinkError) -> Void = { _, _ in }
    ) throws(NetlinkError) {
        var batch = Batch(family, capacity: 256)
        batch.append(command: command, write)
        try exchange.ask(&batch.requests, "command \(command)", answeredBy: family.id) { _, payload throws(NetlinkError) in
            try payload.withGenericMessage(answer)
        }
    }

    /// Has requests carried out, in their order, in as few sends as the buffers allow. Only the last of each send is acknowledged.
    ///
    /// What is not among the failures was carried out. One case is not told by the kernel: a command that ends with `EINTR` is neither
    /// acknowledged nor reported (`netlink_rcv_skb`). A command that can end so should be the last of a batch, where it is an interruption.
    ///
    /// - Parameters:
    ///   - batch: is numbered and keeps its requests; it may be sent again.
    ///   - answer: gets each message that the kernel answers a request with: the request's index, and the command and the attributes of the
    ///     message. If it throws, the send is finished without it.
    /// - Returns: the requests that were refused, in their order.
    /// - Throws: where the outcome of some is not known.
    public func carryOut(
        _ batch: inout Batch,
        answer: (_ index: Int, _ command: UInt8, _ attributes: RawSpan) throws(NetlinkError) -> Void = { _, _, _ in }
    ) throws(BatchInterruption) -> [Batch.Failure] {
        try exchange.carryOut(&batch.requests, answeredBy: batch.family.id) { index, _, payload throws(NetlinkError) in
            try payload.withGenericMessage { command, attributes throws(NetlinkError) in try answer(index, command, attributes) }
        }
    }

    /// Has the kernel list what it has.
    ///
    /// Where that changes while it is listed, or an answer is lost, the list is not whole: then all is listed again.
    ///
    /// - Parameters:
    ///   - attempts: how many times it is listed at most, 1 or more.
    ///   - write: writes the attributes of the request; called for each attempt.
    ///   - each: gets each message of the list: its command and its attributes. If it throws, the list is read to its end without it.
    ///   - restart: called before all is listed again: what `each` was given before does not count.
    /// - Throws: `refused` with the kernel's error number; `changing` where no list was whole; what stands in the way; what `each` throws.
    public func dump(
        _ family: Family, command: UInt8, attempts: Int = 10, write: (inout MessageWriter) -> Void = { _ in },
        each: (_ command: UInt8, _ attributes: RawSpan) throws(NetlinkError) -> Void, restart: () -> Void
    ) throws(NetlinkError) {
        try exchange.dump("command \(command)", attempts: attempts, answeredBy: family.id) { requests, flags in
            requests.append(family, command: command, flags: flags, write)
        } each: { payload throws(NetlinkError) in
            try payload.withGenericMessage(each)
        } restart: {
            restart()
        }
    }
}

/// `CTRL_CMD_…` of linux/genetlink.h.
private enum ControllerCommand {
    static let getFamily: UInt8 = 3
}

/// `CTRL_ATTR_…` of linux/genetlink.h.
private enum ControllerAttribute {
    static let familyID: UInt16 = 1
    static let familyName: UInt16 = 2
    static let version: UInt16 = 3
}

/// Talks with the kernel through generic netlink: one socket and what belongs to it.
///
/// For one thread at a time. It speaks to the network namespace that the thread was in which made it.
public final class GenericNetlink {
    /// The kernel's memory for an answer that was not received yet, in bytes. It counts the memory that holds it, not its length: 768 for an
    /// error on Linux 6.1, 832 on 6.18 (`SO_MEMINFO`), and a page and its management at most for another answer (`NLMSG_DEFAULT_SIZE`).
    static let memoryOfAnswer = 4608

    let transport: any Transport
    let requestsPerSend: Int
    var inbox: Inbox
    private var sequence: UInt32 = 1
    private var families: [String: Family] = [:]
    private var isInUse = false

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
        let socket = try NetlinkSocket.open(receiveBuffer: receiveBuffer, sendBuffer: sendBuffer)
        self.init(transport: socket, timeout: timeout, requestsPerSend: requestsPerSend)
    }

    /// Talks over something else than a socket of its own.
    package init(transport: any Transport, timeout: Duration, requestsPerSend: Int = 1024) {
        self.transport = transport
        self.requestsPerSend = max(1, min(requestsPerSend, transport.receiveRoom / Self.memoryOfAnswer))
        inbox = Inbox(transport: transport, timeout: timeout)
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
        let failures: [Batch.Failure]
        do throws(BatchInterruption) {
            failures = try carryOut(&batch) { _, command, attributes throws(NetlinkError) in try answer(command, attributes) }
        } catch {
            throw error.reason
        }
        if let failure = failures.first { throw .refusal(of: command, failure.number, failure.message) }
    }

    /// Numbers for so many requests, which were not used before.
    func number(_ count: Int) -> Awaited {
        defer { sequence &+= UInt32(truncatingIfNeeded: count) }
        return Awaited(sequence: sequence, count: count)
    }

    /// The number that the next request gets.
    var nextSequence: UInt32 { sequence }

    /// Refuses to be used while it is in use: answers that one waits for would be lost to the other.
    func begin() throws(NetlinkError) {
        guard !isInUse else {
            throw NetlinkError(.inUse, "the kernel is asked while an answer of it is read: finish the first, or use a second socket")
        }
        isInUse = true
    }

    func end() { isInUse = false }
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

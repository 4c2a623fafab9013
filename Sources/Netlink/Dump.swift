extension GenericNetlink {
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
        try begin()
        defer { end() }
        for attempt in 1...max(attempts, 1) {
            if attempt > 1 { restart() }
            var batch = Batch(family, capacity: 256)
            batch.append(command: command, flags: MessageHeader.isDump, write)
            if try list(&batch, command: command, each: each) { return }
        }
        throw NetlinkError(
            .changing,
            "what command \(command) lists changed while it was listed, or was lost on the way, \(attempts) times: try again later")
    }

    /// Lists once; false where the list is not whole.
    private func list(
        _ batch: inout Batch, command: UInt8, each: (UInt8, RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) -> Bool {
        if let failure = batch.tooLong().first { throw .refusal(of: command, failure.number, nil) }
        let portion = batch.portion(after: .init(), count: 1, bytes: .max, sequence: nextSequence, acknowledged: false)
        let awaited = number(1)
        try batch.withBytes(portion.bytes) { bytes throws(NetlinkError) in try transport.send(bytes) }
        let family = batch.family
        var isWhole = true
        var isDone = false
        var failure: NetlinkError?
        // To the end in any case: the kernel begins no other list before this one is read.
        while !isDone {
            do {
                try inbox.receive(awaited) { _, header, payload throws(NetlinkError) in
                    if header.flags & MessageHeader.isInterrupted != 0 { isWhole = false }
                    switch header.type {
                    case MessageHeader.done, MessageHeader.error:
                        isDone = true
                        let verdict = try KernelVerdict(payload, header: header)
                        if verdict.number != 0 { failure = failure ?? .refusal(of: command, verdict.number, verdict.message) }
                    case family.id where isWhole && failure == nil:
                        do throws(NetlinkError) { try payload.withGenericMessage(each) } catch { failure = error }
                    default: break
                    }
                }
            } catch {
                switch error.code {
                case .lost: isWhole = false
                case .malformed: failure = failure ?? error
                default: throw failure ?? error
                }
            }
        }
        if let failure { throw failure }
        return isWhole
    }
}

/// Requests and answers over one socket: what generic netlink, route netlink and nf_tables have in common.
///
/// For one thread at a time.
final class Exchange {
    /// The kernel's memory for an answer that was not received yet, in bytes. It counts the memory that holds it, not its length: 768 for an
    /// error on Linux 6.1, 832 on 6.18 (`SO_MEMINFO`), and a page and its management at most for another answer (`NLMSG_DEFAULT_SIZE`).
    static let memoryOfAnswer = 4608

    private let transport: any Transport
    private let requestsPerSend: Int
    private var inbox: Inbox
    private var sequence: UInt32 = 1
    private var isInUse = false

    init(transport: any Transport, timeout: Duration, requestsPerSend: Int = 1024) {
        self.transport = transport
        self.requestsPerSend = max(1, min(requestsPerSend, transport.receiveRoom / Self.memoryOfAnswer))
        inbox = Inbox(transport: transport, timeout: timeout)
    }

    /// Has requests carried out, in their order, in as few sends as the buffers allow. Only the last of each send is acknowledged.
    ///
    /// - Parameters:
    ///   - requests: are numbered and kept; they may be sent again.
    ///   - type: the type of the messages that answer a request; nil for every type.
    ///   - answer: gets each message that the kernel answers a request with: the request's index, its header and its payload. If it throws,
    ///     the send is finished without it.
    /// - Returns: the requests that were refused, in their order.
    /// - Throws: where the outcome of some is not known.
    func carryOut(
        _ requests: inout RequestList, answeredBy type: UInt16? = nil,
        answer: (_ index: Int, _ header: MessageHeader, _ payload: RawSpan) throws(NetlinkError) -> Void = { _, _, _ in }
    ) throws(BatchInterruption) -> [Batch.Failure] {
        var progress = BatchProgress(failures: requests.tooLong(), count: requests.count)
        do throws(NetlinkError) {
            try begin()
            defer { end() }
            var portion = RequestList.Portion()
            while portion.requests.upperBound < requests.count {
                portion = requests.portion(after: portion, count: requestsPerSend, bytes: transport.sendRoom, sequence: sequence)
                let awaited = number(portion.requests.count)
                try requests.withBytes(portion.bytes) { bytes throws(NetlinkError) in try transport.send(bytes) }
                progress.sent(portion.requests)
                try finish(awaited, answeredBy: type, progress: &progress, answer: answer)
            }
        } catch {
            throw progress.interruption(error)
        }
        return progress.sortedFailures
    }

    /// Makes one request, and reads its answers.
    ///
    /// - Parameter name: what the request is called in an error, such as "command 3".
    func ask(
        _ requests: inout RequestList, _ name: @autoclosure () -> String, answeredBy type: UInt16? = nil,
        answer: (_ header: MessageHeader, _ payload: RawSpan) throws(NetlinkError) -> Void = { _, _ in }
    ) throws(NetlinkError) {
        let failures: [Batch.Failure]
        do throws(BatchInterruption) {
            failures = try carryOut(&requests, answeredBy: type) { _, header, payload throws(NetlinkError) in try answer(header, payload) }
        } catch {
            throw error.reason
        }
        if let failure = failures.first { throw .refusal(of: name(), failure.number, failure.message) }
    }

    /// Receives what the kernel has to say about a send, as far as the acknowledgement of its last request.
    private func finish(
        _ awaited: Awaited, answeredBy type: UInt16?, progress: inout BatchProgress,
        answer: (Int, MessageHeader, RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) {
        var thrown: NetlinkError?
        while !progress.isAcknowledged {
            do {
                try inbox.receive(awaited) { index, header, payload throws(NetlinkError) in
                    if header.type == MessageHeader.error {
                        progress.concluded(index, try KernelVerdict(payload, header: header))
                    } else if type.map({ $0 == header.type }) ?? (header.type >= MessageHeader.firstOfFamily) {
                        progress.answered(index)
                        guard thrown == nil else { return }
                        do throws(NetlinkError) { try answer(progress.first + index, header, payload) } catch { thrown = error }
                    }
                }
            } catch {
                guard error.code == .lost || error.code == .malformed else { throw error }
                progress.lost(error)
            }
        }
        if let reason = thrown ?? progress.loss { throw reason }
    }

    /// Has the kernel list what it has.
    ///
    /// Where that changes while it is listed, or an answer is lost, the list is not whole: then all is listed again.
    ///
    /// - Parameters:
    ///   - name: what the request is called in an error, such as "command 3".
    ///   - attempts: how many times it is listed at most, 1 or more.
    ///   - type: the type of the messages of the list.
    ///   - request: appends the request, with the flags that it is given; called for each attempt.
    ///   - each: gets the payload of each message of the list. If it throws, the list is read to its end without it.
    ///   - restart: called before all is listed again: what `each` was given before does not count.
    /// - Throws: `refused` with the kernel's error number; `changing` where no list was whole; what stands in the way; what `each` throws.
    func dump(
        _ name: @autoclosure () -> String, attempts: Int = 10, answeredBy type: UInt16,
        request: (_ list: inout RequestList, _ flags: UInt16) -> Void,
        each: (_ payload: RawSpan) throws(NetlinkError) -> Void, restart: () -> Void
    ) throws(NetlinkError) {
        try begin()
        defer { end() }
        for attempt in 1...max(attempts, 1) {
            if attempt > 1 { restart() }
            var requests = RequestList(capacity: 256)
            request(&requests, MessageHeader.isDump)
            if try list(&requests, name(), answeredBy: type, each: each) { return }
        }
        throw NetlinkError(
            .changing, "what \(name()) lists changed while it was listed, or was lost on the way, \(attempts) times: try again later")
    }

    /// Lists once; false where the list is not whole.
    private func list(
        _ requests: inout RequestList, _ name: @autoclosure () -> String, answeredBy type: UInt16,
        each: (RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) -> Bool {
        if let failure = requests.tooLong().first { throw .refusal(of: name(), failure.number, nil) }
        let portion = requests.portion(after: .init(), count: 1, bytes: .max, sequence: sequence, acknowledged: false)
        let awaited = number(1)
        try requests.withBytes(portion.bytes) { bytes throws(NetlinkError) in try transport.send(bytes) }
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
                        if verdict.number != 0 { failure = failure ?? .refusal(of: name(), verdict.number, verdict.message) }
                    case type where isWhole && failure == nil:
                        do throws(NetlinkError) { try each(payload) } catch { failure = error }
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

    /// Has requests carried out that are one transaction: all of them, or none. They go to the kernel in one send.
    ///
    /// - Parameter acknowledged: the request that is acknowledged, counted from 0, and the byte that it begins at. An error about the first
    ///   request is about the whole transaction, and ends it.
    /// - Returns: the requests that were refused, in their order; none where all was carried out.
    /// - Throws: where the outcome is not known.
    func transact(_ requests: inout RequestList, acknowledged: (index: Int, byte: Int)) throws(NetlinkError) -> [Batch.Failure] {
        var failures = requests.tooLong()
        guard failures.isEmpty else { return failures }
        try begin()
        defer { end() }
        let portion = requests.portion(after: .init(), count: .max, bytes: .max, sequence: sequence, acknowledged: false)
        requests.acknowledge(acknowledged.byte)
        let awaited = number(portion.requests.count)
        try requests.withBytes(portion.bytes) { bytes throws(NetlinkError) in try transport.send(bytes) }
        var isDone = false
        while !isDone {
            try inbox.receive(awaited) { index, header, payload throws(NetlinkError) in
                guard header.type == MessageHeader.error else { return }
                let verdict = try KernelVerdict(payload, header: header)
                if verdict.number != 0 { failures.append(.init(index: index, number: verdict.number, message: verdict.message)) }
                if index == acknowledged.index || index == 0 && verdict.number != 0 { isDone = true }
            }
        }
        return failures.sorted { $0.index < $1.index }
    }

    /// Numbers for so many requests, which were not used before.
    private func number(_ count: Int) -> Awaited {
        defer { sequence &+= UInt32(truncatingIfNeeded: count) }
        return Awaited(sequence: sequence, count: count)
    }

    /// Refuses to be used while it is in use: answers that one waits for would be lost to the other.
    private func begin() throws(NetlinkError) {
        guard !isInUse else {
            throw NetlinkError(.inUse, "the kernel is asked while an answer of it is read: finish the first, or use a second socket")
        }
        isInUse = true
    }

    private func end() { isInUse = false }
}

/// What is known of a batch that could not be finished.
///
/// Of the requests in neither `unknown` nor `unsent` the outcome is known: those in `failures` were refused, the others carried out.
public struct BatchInterruption: Error, Sendable, CustomStringConvertible {
    /// What stood in the way.
    public let reason: NetlinkError
    /// The requests that were refused, in their order; what lies in `unknown` or `unsent` as well is known all the same.
    public let failures: [Batch.Failure]
    /// The requests that the kernel was given, and may have carried out or not.
    public let unknown: Range<Int>
    /// The requests that the kernel was not given.
    public let unsent: Range<Int>

    /// What stood in the way, and what it left open.
    public var description: String {
        "\(reason) (of the requests, \(unknown.count) were perhaps carried out, and \(unsent.count) were not sent)"
    }
}

extension GenericNetlink {
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
        var progress = BatchProgress(failures: batch.tooLong(), count: batch.count)
        do throws(NetlinkError) {
            try begin()
            defer { end() }
            var portion = Batch.Portion()
            while portion.requests.upperBound < batch.count {
                portion = batch.portion(after: portion, count: requestsPerSend, bytes: transport.sendRoom, sequence: nextSequence)
                let awaited = number(portion.requests.count)
                try batch.withBytes(portion.bytes) { bytes throws(NetlinkError) in try transport.send(bytes) }
                progress.sent(portion.requests)
                try finish(awaited, family: batch.family, progress: &progress, answer: answer)
            }
        } catch {
            throw progress.interruption(error)
        }
        return progress.sortedFailures
    }

    /// Receives what the kernel has to say about a send, as far as the acknowledgement of its last request.
    private func finish(
        _ awaited: Awaited, family: Family, progress: inout BatchProgress,
        answer: (Int, UInt8, RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) {
        var thrown: NetlinkError?
        while !progress.isAcknowledged {
            do {
                try inbox.receive(awaited) { index, header, payload throws(NetlinkError) in
                    if header.type == MessageHeader.error {
                        progress.concluded(index, try KernelVerdict(payload, header: header))
                    } else if header.type == family.id {
                        progress.answered(index)
                        guard thrown == nil else { return }
                        do throws(NetlinkError) {
                            try payload.withGenericMessage { command, attributes throws(NetlinkError) in
                                try answer(progress.first + index, command, attributes)
                            }
                        } catch {
                            thrown = error
                        }
                    }
                }
            } catch {
                guard error.code == .lost || error.code == .malformed else { throw error }
                progress.lost(error)
            }
        }
        if let reason = thrown ?? progress.loss { throw reason }
    }
}

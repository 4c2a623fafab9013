import Glibc

/// Messages to the kernel, which go to it together and in their order.
@usableFromInline struct RequestList: ~Copyable {
    @usableFromInline var writer: MessageWriter
    /// How many messages there are.
    @usableFromInline var count = 0

    /// No message yet.
    ///
    /// - Parameter capacity: room in bytes; there is more where it is not enough.
    init(capacity: Int) { writer = MessageWriter(capacity: capacity) }

    /// How many bytes they have.
    var byteCount: Int { writer.count }

    /// Appends a message.
    ///
    /// - Parameters:
    ///   - type: its type.
    ///   - flags: `NLM_F_…` besides `NLM_F_REQUEST`.
    ///   - write: writes what follows `nlmsghdr`.
    @inlinable mutating func append(type: UInt16, flags: UInt16, _ write: (inout MessageWriter) -> Void) {
        writer.begin(type: type, flags: flags | MessageHeader.isRequest)
        write(&writer)
        writer.end()
        count += 1
    }

    /// Forgets the messages, and keeps the memory for others.
    mutating func removeAll() {
        writer.removeAll()
        count = 0
    }

    /// Messages that go into one send.
    struct Portion {
        /// Which they are, counted from 0.
        var requests = 0..<0
        /// Where in the memory they are.
        var bytes = 0..<0
        /// Where in the memory the last of them begins.
        var last = 0
    }

    /// The next messages that go into one send. They are numbered, and one of them at most is to be acknowledged: errors come without that.
    ///
    /// - Parameters:
    ///   - count: how many messages at most.
    ///   - bytes: how many bytes at most, as far as that leaves one message.
    ///   - sequence: the number of the first.
    ///   - acknowledged: whether the last is to be acknowledged.
    mutating func portion(after previous: Portion, count: Int, bytes: Int, sequence: UInt32, acknowledged: Bool = true) -> Portion {
        let firstRequest = previous.requests.upperBound
        let firstByte = previous.bytes.upperBound
        var request = firstRequest
        var byte = firstByte
        var last = firstByte
        while request < self.count, request - firstRequest < count {
            let header = writer.header(at: byte)
            if byte > firstByte, byte + header.length - firstByte > bytes { break }
            writer.store(header.flags & ~MessageHeader.wantsAcknowledgement, at: byte + 6)
            writer.store(sequence &+ UInt32(truncatingIfNeeded: request - firstRequest), at: byte + 8)
            last = byte
            byte += header.length
            request += 1
        }
        if acknowledged, request > firstRequest { acknowledge(last) }
        return Portion(requests: firstRequest..<request, bytes: firstByte..<byte, last: last)
    }

    /// Has the message that begins at this byte acknowledged.
    mutating func acknowledge(_ byte: Int) {
        writer.store(writer.header(at: byte).flags | MessageHeader.wantsAcknowledgement, at: byte + 6)
    }

    /// The messages that were too long to be written.
    func tooLong() -> [Batch.Failure] {
        var failures: [Batch.Failure] = []
        guard writer.hasOmitted else { return failures }
        var byte = 0
        for index in 0..<count {
            let header = writer.header(at: byte)
            if header.type == MessageHeader.noOperation { failures.append(Batch.Failure(index: index, number: EMSGSIZE, message: nil)) }
            byte += header.length
        }
        return failures
    }

    /// The bytes of some messages.
    func withBytes(_ range: Range<Int>, _ body: (RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) {
        try writer.withBytes(range, body)
    }
}

import Glibc

/// A family of generic netlink, as the kernel numbers it while it runs.
public struct Family: Hashable, Sendable {
    /// The type of its messages.
    public let id: UInt16
    /// The version of its messages.
    public let version: UInt8

    /// A family of this number and version.
    public init(id: UInt16, version: UInt8) {
        self.id = id
        self.version = version
    }

    /// The family that knows the others, `nlctrl`.
    public static let controller = Family(id: 16, version: 2)
}

/// Requests to one family, which go to the kernel together and in their order.
///
/// The kernel carries out each of them for itself: where it refuses one, it goes on with the next.
public struct Batch: ~Copyable {
    /// Whom the requests are for.
    public let family: Family
    @usableFromInline var writer: MessageWriter
    @usableFromInline var written = 0

    /// No request yet.
    ///
    /// - Parameter capacity: room in bytes; there is more where it is not enough.
    public init(_ family: Family, capacity: Int = 65536) {
        self.family = family
        writer = MessageWriter(capacity: capacity)
    }

    /// How many requests there are.
    public var count: Int { written }

    /// Whether there is no request.
    public var isEmpty: Bool { written == 0 }

    /// Appends a request.
    ///
    /// - Parameters:
    ///   - command: what the family is to do.
    ///   - write: writes the attributes.
    @inlinable public mutating func append(command: UInt8, _ write: (inout MessageWriter) -> Void = { _ in }) {
        append(command: command, flags: 0, write)
    }

    /// Forgets the requests, and keeps the memory for others.
    public mutating func removeAll() {
        writer.removeAll()
        written = 0
    }
}

extension Batch {
    /// Why a request was not carried out.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// Which request it is, counted from 0.
        public let index: Int
        /// The kernel's error number, such as `ENOENT`; `EMSGSIZE` for one that is too long to be sent (an attribute may have 65,531 bytes, a
        /// request 65,532).
        public let number: Int32
        /// What the kernel says about it, where it does.
        public let message: String?

        /// What the number means, and what the kernel says.
        public var description: String { errorText(number, message) }
    }
}

extension Batch {
    /// Appends a request with flags besides `NLM_F_REQUEST`.
    @inlinable mutating func append(command: UInt8, flags: UInt16, _ write: (inout MessageWriter) -> Void) {
        writer.begin(type: family.id, flags: flags | MessageHeader.isRequest)
        writer.append(command, family.version, 0)
        write(&writer)
        writer.end()
        written += 1
    }

    /// Requests that go into one send.
    struct Portion {
        /// Which they are, counted from 0.
        var requests = 0..<0
        /// Where in the memory they are.
        var bytes = 0..<0
    }

    /// The next requests that go into one send. They are numbered, and the last of them is to be acknowledged: errors come unasked for.
    ///
    /// - Parameters:
    ///   - count: how many requests at most.
    ///   - bytes: how many bytes at most, as far as that leaves one request.
    ///   - sequence: the number of the first.
    ///   - acknowledged: whether the last is.
    mutating func portion(after previous: Portion, count: Int, bytes: Int, sequence: UInt32, acknowledged: Bool = true) -> Portion {
        let firstRequest = previous.requests.upperBound
        let firstByte = previous.bytes.upperBound
        var request = firstRequest
        var byte = firstByte
        var last = firstByte
        while request < written, request - firstRequest < count {
            let header = writer.header(at: byte)
            if byte > firstByte, byte + header.length - firstByte > bytes { break }
            writer.store(header.flags & ~MessageHeader.wantsAcknowledgement, at: byte + 6)
            writer.store(sequence &+ UInt32(truncatingIfNeeded: request - firstRequest), at: byte + 8)
            last = byte
            byte += header.length
            request += 1
        }
        if acknowledged, request > firstRequest {
            writer.store(writer.header(at: last).flags | MessageHeader.wantsAcknowledgement, at: last + 6)
        }
        return Portion(requests: firstRequest..<request, bytes: firstByte..<byte)
    }

    /// The requests that were too long to be written.
    func tooLong() -> [Failure] {
        var failures: [Failure] = []
        guard writer.hasOmitted else { return failures }
        var byte = 0
        for index in 0..<written {
            let header = writer.header(at: byte)
            if header.type == MessageHeader.noOperation { failures.append(Failure(index: index, number: EMSGSIZE, message: nil)) }
            byte += header.length
        }
        return failures
    }

    /// The bytes of some requests.
    func withBytes(_ range: Range<Int>, _ body: (RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) {
        try writer.withBytes(range, body)
    }
}

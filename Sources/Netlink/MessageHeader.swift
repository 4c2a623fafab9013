/// The sixteen bytes that a netlink message begins with, `struct nlmsghdr`.
@usableFromInline struct MessageHeader {
    /// The length of the whole message in bytes.
    let length: Int
    /// What it is: the number of a family, or one of the kernel's own below 16.
    let type: UInt16
    /// `NLM_F_…`.
    let flags: UInt16
    /// The number of the request that it is or that it answers.
    let sequence: UInt32
    /// The port of the socket that the request came from which it answers, or which an event is a consequence of; 0 where there is none.
    let port: UInt32

    /// Its size in bytes.
    @usableFromInline static let size = 16
    /// The type of a message that says nothing, `NLMSG_NOOP`.
    @usableFromInline static let noOperation: UInt16 = 1

    /// The least type of a message of a family; those below it are the kernel's own (`NLMSG_MIN_TYPE`).
    static let firstOfFamily: UInt16 = 16
    /// The type of a message with a request's verdict, `NLMSG_ERROR`.
    static let error: UInt16 = 2
    /// The type of the message at the end of a list, `NLMSG_DONE`.
    static let done: UInt16 = 3
    /// `NLM_F_REQUEST`: every message to the kernel has it.
    @usableFromInline static let isRequest: UInt16 = 0x1
    /// `NLM_F_ACK`: an answer is wanted where there is no error, too.
    static let wantsAcknowledgement: UInt16 = 0x4

    /// `NLM_F_REPLACE`: what is there already is replaced.
    static let replaces: UInt16 = 0x100
    /// `NLM_F_EXCL`: it is an error where it is there already.
    static let isExclusive: UInt16 = 0x200
    /// `NLM_F_CREATE`: it is made where it is not there.
    static let creates: UInt16 = 0x400
    /// `NLM_F_APPEND`: it is put behind what is there.
    static let appends: UInt16 = 0x800
    /// `NLM_F_DUMP`: a list is wanted.
    static let isDump: UInt16 = 0x300
    /// `NLM_F_DUMP_INTR`: what is listed changed meanwhile.
    static let isInterrupted: UInt16 = 0x10
    /// `NLM_F_CAPPED`: of the request that a verdict is about there is the header only.
    static let isCapped: UInt16 = 0x100
    /// `NLM_F_ACK_TLVS`: attributes explain the verdict.
    static let hasWords: UInt16 = 0x200

    /// Reads the header that the bytes begin with, of which there are 16 at least.
    init(_ bytes: RawSpan) {
        length = Int(unsafe bytes.unsafeLoadUnaligned(as: UInt32.self))
        type = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt16.self)
        flags = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 6, as: UInt16.self)
        sequence = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt32.self)
        port = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 12, as: UInt32.self)
    }
}

extension RawSpan {
    /// Hands on each message of a datagram with what follows its header.
    func forEachMessage(_ body: (MessageHeader, RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) {
        var offset = 0
        while offset < byteCount {
            let rest = extracting(offset...)
            guard rest.byteCount >= MessageHeader.size else {
                throw .malformed("\(rest.byteCount) bytes behind the last message of a datagram")
            }
            let header = MessageHeader(rest)
            guard header.length >= MessageHeader.size, header.length <= rest.byteCount else {
                throw .malformed("a message of \(header.length) bytes where \(rest.byteCount) are left of the datagram")
            }
            try body(header, rest.extracting(MessageHeader.size..<header.length))
            offset += (header.length + 3) & ~3
        }
    }

    /// Takes the header of generic netlink, `struct genlmsghdr`, from the payload of a message.
    func withGenericMessage(_ body: (_ command: UInt8, _ attributes: RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) {
        guard byteCount >= 4 else { throw .malformed("\(byteCount) bytes where a command is expected") }
        try body(unsafe unsafeLoad(as: UInt8.self), extracting(4...))
    }
}

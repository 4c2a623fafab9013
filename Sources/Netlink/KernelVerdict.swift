/// What became of a request: the payload of an `NLMSG_ERROR` message, `struct nlmsgerr`, or of the `NLMSG_DONE` at the end of a list.
struct KernelVerdict {
    /// The error number; 0 where the request was carried out.
    let number: Int32
    /// What the kernel says about it, where it does.
    let message: String?

    init(_ payload: RawSpan, header: MessageHeader) throws(NetlinkError) {
        let isDone = header.type == MessageHeader.done
        guard payload.byteCount >= (isDone ? 4 : 4 + MessageHeader.size) else {
            throw .malformed("a verdict of \(payload.byteCount) bytes")
        }
        // Error numbers come negative.
        number = Int32(truncatingIfNeeded: (unsafe payload.unsafeLoadUnaligned(as: Int32.self)).magnitude)
        message = header.flags & MessageHeader.hasWords == 0 ? nil : Self.words(payload, from: isDone ? 4 : Self.end(payload, header))
    }

    /// Where the request that the verdict is about ends: its header alone is repeated, or all of it.
    private static func end(_ payload: RawSpan, _ header: MessageHeader) -> Int {
        let isCapped = header.flags & MessageHeader.isCapped != 0
        let request = MessageHeader(payload.extracting(4...))
        return 4 + (isCapped ? MessageHeader.size : (max(request.length, MessageHeader.size) + 3) & ~3)
    }

    /// The text among the attributes. It only explains the number, so nothing is refused where it cannot be read.
    private static func words(_ payload: RawSpan, from start: Int) -> String? {
        guard start < payload.byteCount else { return nil }
        var text: String?
        try? payload.extracting(start...).forEachAttribute { type, value throws(NetlinkError) in
            if type == 1 { text = value.text() }  // NLMSGERR_ATTR_MSG
        }
        return text
    }
}

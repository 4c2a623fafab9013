/// Netlink messages in the making, one behind the other in one piece of memory, which is used again.
///
/// Not libnl's `nl_msg`: that holds one message in memory of its own, and so it takes a system call and several allocations for each. Here
/// a thousand messages go to the kernel in one call, and none of them costs an allocation. libnl still makes and keeps the socket.
///
/// Messages and attributes begin at multiples of four bytes; numbers are in the byte order of the host, unless said otherwise.
/// An attribute or a message that is longer than its length field tells is not sent: see `Batch.Failure`.
@safe public struct MessageWriter: ~Copyable {
    /// What is written, and room for more: the first `count` bytes count. An array would see at each of some twenty stores for a message
    /// whether it is the only one to hold its memory.
    @usableFromInline var bytes: UnsafeMutableRawBufferPointer
    @usableFromInline var count = 0
    @usableFromInline var start = 0
    @usableFromInline var isTooLong = false
    /// Whether a message is not there because it was too long.
    @usableFromInline var hasOmitted = false

    /// No message yet.
    ///
    /// - Parameter capacity: bytes; there is more where they are not enough.
    init(capacity: Int) {
        unsafe bytes = .allocate(byteCount: max(capacity, 64), alignment: 8)
        // The system gives memory when it is written to, a page at a time. It is to be there before the first send.
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { unsafe bytes.deallocate() }

    /// The header of the message that begins here.
    func header(at byte: Int) -> MessageHeader { MessageHeader(unsafe bytes.bytes.extracting(byte..<count)) }

    /// Part of what is written.
    func withBytes<Result>(_ range: Range<Int>, _ body: (RawSpan) throws(NetlinkError) -> Result) throws(NetlinkError) -> Result {
        try body(unsafe bytes.bytes.extracting(..<count).extracting(range))
    }

    /// Appends an attribute of one byte.
    @inlinable public mutating func put(_ attribute: UInt16, _ value: UInt8) { putWord(attribute, value) }

    /// Appends an attribute of two bytes.
    @inlinable public mutating func put(_ attribute: UInt16, _ value: UInt16) { putWord(attribute, value) }

    /// Appends an attribute of four bytes.
    @inlinable public mutating func put(_ attribute: UInt16, _ value: UInt32) { putWord(attribute, value) }

    /// Appends an attribute of eight bytes.
    @inlinable public mutating func put(_ attribute: UInt16, _ value: UInt64) {
        let offset = begin(attribute, count: 8)
        store(value, at: offset)
    }

    /// Appends an attribute of eight bytes in network order.
    @inlinable public mutating func put(_ attribute: UInt16, bigEndian value: UInt64) { put(attribute, value.bigEndian) }

    /// Appends an attribute of two bytes in network order, such as a port.
    @inlinable public mutating func put(_ attribute: UInt16, bigEndian value: UInt16) { putWord(attribute, value.bigEndian) }

    /// Appends an attribute of four bytes in network order, such as an IPv4 address.
    @inlinable public mutating func put(_ attribute: UInt16, bigEndian value: UInt32) { putWord(attribute, value.bigEndian) }

    /// Appends an attribute of sixteen bytes in network order, such as an IPv6 address.
    @inlinable public mutating func put(_ attribute: UInt16, bigEndian high: UInt64, _ low: UInt64) {
        let offset = begin(attribute, count: 16)
        store(high.bigEndian, at: offset)
        store(low.bigEndian, at: offset + 8)
    }

    /// Appends an attribute of bytes.
    @inlinable public mutating func put(_ attribute: UInt16, bytes value: RawSpan) {
        let offset = begin(attribute, count: value.byteCount)
        copy(value, to: offset)
    }

    /// Appends an attribute of text, with the NUL that ends it. The kernel takes what is behind a NUL inside the text for nothing.
    @inlinable public mutating func put(_ attribute: UInt16, text: String) {
        let value = text.utf8Span
        let offset = begin(attribute, count: value.count + 1)
        copy(unsafe value.span.bytes, to: offset)
    }

    /// Appends an attribute that consists of attributes.
    @inlinable public mutating func nest(_ attribute: UInt16, _ write: (inout MessageWriter) -> Void) {
        let offset = claim(4)
        // NLA_F_NESTED: kernels that check strictly want it, all others leave it out of account.
        store(attribute | 0x8000, at: offset + 2)
        write(&self)
        storeLength(count - offset, at: offset)
    }

    /// Begins a message: `nlmsghdr` without its length, which `end` knows, and without sequence number and port, 0 for the kernel.
    @inlinable mutating func begin(type: UInt16, flags: UInt16) {
        isTooLong = false
        start = claim(MessageHeader.size)
        store(type, at: start + 4)
        store(flags, at: start + 6)
        store(0 as UInt64, at: start + 8)
    }

    /// Appends four bytes outside of any attribute.
    @inlinable mutating func append(_ first: UInt8, _ second: UInt8, _ rest: UInt16) {
        let offset = claim(4)
        store(first, at: offset)
        store(second, at: offset + 1)
        store(rest, at: offset + 2)
    }

    /// Appends four bytes outside of any attribute, in the order of the host.
    @inlinable mutating func append(_ word: UInt32) {
        let offset = claim(4)
        store(word, at: offset)
    }

    /// Ends the message. One that is too long becomes one that says nothing, so that the others keep their places.
    @inlinable mutating func end() {
        if isTooLong || count - start > 0xFFFF {
            hasOmitted = true
            count = start + MessageHeader.size
            store(MessageHeader.noOperation, at: start + 4)
        }
        store(UInt32(truncatingIfNeeded: count - start), at: start)
    }

    /// Forgets what is written, and keeps the memory.
    mutating func removeAll() {
        count = 0
        hasOmitted = false
    }

    /// Appends an attribute of one, two or four bytes; the kernel wants the bytes behind a short one to be 0.
    @inlinable @inline(__always) mutating func putWord<Value: FixedWidthInteger & BitwiseCopyable>(_ attribute: UInt16, _ value: Value) {
        let length = UInt16(truncatingIfNeeded: 4 + MemoryLayout<Value>.size)
        let offset = claim(8)
        if MemoryLayout<Value>.size < 4 { store(0 as UInt32, at: offset + 4) }
        store(Attribute(length: length, type: attribute, value: value), at: offset)
    }

    /// Appends an attribute without its value, for which there is room then; returns where that begins. Bytes behind it are 0.
    @inlinable @inline(__always) mutating func begin(_ attribute: UInt16, count size: Int) -> Int {
        let aligned = (size + 3) & ~3
        let offset = claim(4 + aligned)
        if aligned > 0 { store(0 as UInt32, at: offset + aligned) }
        storeLength(4 + size, at: offset)
        store(attribute, at: offset + 2)
        return offset + 4
    }

    @inlinable @inline(__always) mutating func storeLength(_ length: Int, at offset: Int) {
        if length > 0xFFFF { isTooLong = true }
        store(UInt16(truncatingIfNeeded: length), at: offset)
    }

    /// Makes room for so many bytes; returns where they begin.
    @inlinable @inline(__always) mutating func claim(_ size: Int) -> Int {
        let offset = count
        if unsafe size > bytes.count - offset { grow(by: size) }
        count = offset + size
        return offset
    }

    @usableFromInline mutating func grow(by size: Int) {
        let larger = unsafe UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + max(bytes.count, size), alignment: 8)
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        unsafe bytes.deallocate()
        unsafe bytes = larger
    }

    /// Writes where there is room, which `claim` made.
    @inlinable @inline(__always) mutating func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        unsafe precondition(offset >= 0 && offset &+ MemoryLayout<Value>.size <= bytes.count)
        unsafe bytes.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    @inlinable mutating func copy(_ value: RawSpan, to offset: Int) {
        unsafe precondition(offset >= 0 && offset &+ value.byteCount <= bytes.count)
        unsafe value.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + source.count]).copyMemory(from: source)
        }
    }
}

/// An attribute as it lies in memory: `struct nlattr` and a value of a word at most.
@usableFromInline struct Attribute<Value: BitwiseCopyable>: BitwiseCopyable {
    @usableFromInline let length: UInt16
    @usableFromInline let type: UInt16
    @usableFromInline let value: Value

    @inlinable init(length: UInt16, type: UInt16, value: Value) {
        self.length = length
        self.type = type
        self.value = value
    }
}

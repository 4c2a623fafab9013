extension NetlinkError {
    /// What the kernel said cannot be read, or is not what was expected.
    ///
    /// - Parameter what: what is there, such as "an attribute of 3 bytes".
    public static func malformed(_ what: String) -> NetlinkError {
        NetlinkError(.malformed, "the kernel's answer cannot be read: \(what)")
    }
}

/// Attributes as they are read: bytes of the receive buffer, which nothing is copied from before it is asked for.
extension RawSpan {
    /// Hands on the type and the value of each attribute, in their order, where these bytes consist of attributes.
    ///
    /// - Throws: where the bytes are no attributes, and what `body` throws.
    @inlinable public func forEachAttribute(
        _ body: (_ type: UInt16, _ value: RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) {
        var offset = 0
        while offset < byteCount {
            let left = byteCount - offset
            guard left >= 4 else { throw .stray(left) }
            let length = Int(unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
            // The two highest bits are flags, NLA_F_NESTED and NLA_F_NET_BYTEORDER.
            let type = unsafe unsafeLoadUnaligned(fromByteOffset: offset + 2, as: UInt16.self) & 0x3FFF
            guard length >= 4, length <= left else { throw .wrongLength(length, type: type, left: left) }
            try body(type, extracting(offset + 4..<offset + length))
            offset += (length + 3) & ~3
        }
    }

    /// The value as a number in the byte order of the host.
    ///
    /// - Throws: where it has another size.
    @inlinable public func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws(NetlinkError) -> Value {
        guard byteCount == MemoryLayout<Value>.size else { throw .wrongSize(byteCount, wanted: MemoryLayout<Value>.size) }
        return unsafe unsafeLoadUnaligned(as: Value.self)
    }

    /// The value as a number in network order.
    ///
    /// - Throws: where it has another size.
    @inlinable public func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws(NetlinkError) -> Value {
        Value(bigEndian: try number(type))
    }

    /// A number in network order somewhere in the value, which may be longer, such as the four bytes of an IPv4 address in a field of sixteen.
    ///
    /// - Parameter offset: 0 or more, in bytes.
    /// - Throws: where the value is too short.
    @inlinable public func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, at offset: Int
    ) throws(NetlinkError) -> Value {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, byteCount >= size, offset <= byteCount - size else { throw .wrongSize(byteCount, wanted: size) }
        return Value(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// The value as text, as far as its first NUL. What is not UTF-8 is replaced, as Swift does.
    public func text() -> String {
        var end = 0
        while end < byteCount, unsafe unsafeLoad(fromByteOffset: end, as: UInt8.self) != 0 { end += 1 }
        return unsafe extracting(..<end).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// A copy of the value.
    public func copy() -> [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

/// Kept apart from the readers, which are inlined.
extension NetlinkError {
    @usableFromInline static func stray(_ count: Int) -> NetlinkError { malformed("\(count) bytes behind the last attribute") }

    @usableFromInline static func wrongLength(_ length: Int, type: UInt16, left: Int) -> NetlinkError {
        malformed("attribute \(type) of \(length) bytes where \(left) are left")
    }

    @usableFromInline static func wrongSize(_ size: Int, wanted: Int) -> NetlinkError {
        malformed("a value of \(size) bytes where \(wanted) are expected")
    }
}

public import Glibc

/// Text in the making, as bytes.
///
/// What is written for each job is made of pieces of a few bytes, and Array's `append(contentsOf:)` costs far more than copying them.
/// What is unsafe here is the memory; no pointer to it leaves.
@safe public struct ByteWriter: ~Copyable {
    @usableFromInline var memory: UnsafeMutableRawBufferPointer
    @usableFromInline var count = 0

    /// An empty text with room for so many bytes; it grows where they are not enough.
    public init(capacity: Int) { unsafe memory = .allocate(byteCount: max(capacity, 64), alignment: 1) }

    deinit { unsafe memory.deallocate() }

    /// What is written.
    public var bytes: [UInt8] { unsafe Array(UnsafeRawBufferPointer(rebasing: memory[..<count])) }

    /// Appends text of the program.
    @inlinable public mutating func append(_ text: StaticString) { unsafe append(text.utf8Start, count: text.utf8CodeUnitCount) }

    /// Appends text.
    @inlinable public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            if let start = utf8.baseAddress { unsafe append(start, count: utf8.count) }
        }
    }

    /// Appends bytes.
    @inlinable public mutating func append(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { buffer in
            if let start = buffer.baseAddress { unsafe append(start, count: buffer.count) }
        }
    }

    /// Appends a byte.
    @inlinable public mutating func append(byte: UInt8) {
        room(for: 1)
        unsafe memory[count] = byte
        count += 1
    }

    /// Appends the digits of a number.
    public mutating func append(decimal number: UInt64) {
        room(for: 20)
        if number < 1000 { return append(small: UInt32(truncatingIfNeeded: number)) }
        let start = count
        var rest = number
        while rest > 0 {
            appendDigit(UInt32(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        unsafe memory[start..<count].reverse()
    }

    /// Appends the digits of a number below 1000, for which there is room. Most numbers are a part of an address or a weight.
    @inline(__always) private mutating func append(small number: UInt32) {
        if number >= 100 { appendDigit(number / 100) }
        if number >= 10 { appendDigit(number / 10 % 10) }
        appendDigit(number % 10)
    }

    /// Appends the text of an IPv4 address.
    mutating func append(ipv4 bits: UInt32) {
        room(for: 15)
        append(small: bits >> 24)
        append(held: UInt8(ascii: "."))
        append(small: bits >> 16 & 255)
        append(held: UInt8(ascii: "."))
        append(small: bits >> 8 & 255)
        append(held: UInt8(ascii: "."))
        append(small: bits & 255)
    }

    /// Appends text between quotes, if nothing in it must be escaped in JSON.
    ///
    /// - Returns: whether it was appended.
    public mutating func append(quoted text: String) -> Bool {
        var text = text
        return text.withUTF8 { utf8 in
            let (start, length) = (count, utf8.count)
            room(for: length + 2)
            append(held: UInt8(ascii: "\""))
            var index = 0
            // Eight bytes at a time: a bit of each is set where it is below 0x20, a quote or a backslash, or behind one such.
            while index + 8 <= length, let base = utf8.baseAddress {
                let word = unsafe UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let special = Self.zeros(word ^ 0x2222_2222_2222_2222) | Self.zeros(word ^ 0x5C5C_5C5C_5C5C_5C5C)
                if (special | (word &- 0x2020_2020_2020_2020) & ~word) & 0x8080_8080_8080_8080 != 0 { break }
                unsafe memory.storeBytes(of: word, toByteOffset: count, as: UInt64.self)
                (count, index) = (count + 8, index + 8)
            }
            for index in index..<length {
                let byte = unsafe utf8[index]
                if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    count = start
                    return false
                }
                append(held: byte)
            }
            append(held: UInt8(ascii: "\""))
            return true
        }
    }

    /// A word with the high bit of each byte set that is zero; perhaps also of bytes above one.
    @inline(__always) private static func zeros(_ word: UInt64) -> UInt64 { (word &- 0x0101_0101_0101_0101) & ~word }

    /// Appends a byte, for which there is room.
    @inline(__always) private mutating func append(held byte: UInt8) {
        unsafe memory[count] = byte
        count += 1
    }

    /// Appends a digit, for which there is room.
    @inline(__always) private mutating func appendDigit(_ digit: UInt32) {
        unsafe memory[count] = UInt8(truncatingIfNeeded: digit) + UInt8(ascii: "0")
        count += 1
    }

    @inlinable mutating func append(_ start: UnsafeRawPointer, count added: Int) {
        room(for: added)
        if let base = unsafe memory.baseAddress { unsafe memcpy(base + count, start, added) }
        count += added
    }

    @inlinable mutating func room(for added: Int) {
        let capacity = unsafe memory.count
        if count + added > capacity { grow(for: added) }
    }

    @usableFromInline mutating func grow(for added: Int) {
        let larger = unsafe UnsafeMutableRawBufferPointer.allocate(byteCount: max(memory.count * 2, count + added), alignment: 1)
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        unsafe memory.deallocate()
        unsafe memory = larger
    }
}

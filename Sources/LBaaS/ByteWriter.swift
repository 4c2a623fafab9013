public import Glibc

/// Text in the making, as bytes.
///
/// What is written for each job is made of pieces of a few bytes, and Array's `append(contentsOf:)` costs far more than copying them.
/// What is unsafe here is the memory; no pointer to it leaves.
@safe public struct ByteWriter: ~Copyable {
    @usableFromInline var memory: UnsafeMutableRawBufferPointer
    @usableFromInline var count = 0

    /// An empty text with room for so many bytes; it grows where they are not enough.
    public init(capacity: Int) { unsafe memory = Self.resized(nil, to: max(capacity, 64)) }

    deinit { unsafe free(memory.baseAddress) }

    /// What is written.
    public var bytes: [UInt8] { unsafe Array(UnsafeRawBufferPointer(rebasing: memory[..<count])) }

    /// Appends text of the program.
    @inlinable public mutating func append(_ text: StaticString) { unsafe append(text.utf8Start, count: text.utf8CodeUnitCount) }

    /// Appends text.
    @inlinable public mutating func append(_ text: String) {
        unsafe text.withBytes { utf8 in
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
        var length = 4
        var rest = number / 10_000
        while rest > 0 { (length, rest) = (length + 1, rest / 10) }
        rest = number
        for place in stride(from: count + length - 1, through: count, by: -1) {
            unsafe memory[place] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        }
        count += length
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
        unsafe text.withBytes { utf8 in
            guard let start = utf8.baseAddress else {
                append("\"\"")
                return true
            }
            guard unsafe Self.isPlain(start, utf8.count) else { return false }
            room(for: utf8.count + 2)
            append(held: UInt8(ascii: "\""))
            unsafe append(start, count: utf8.count)
            append(held: UInt8(ascii: "\""))
            return true
        }
    }

    /// Whether nothing in so many bytes must be escaped in JSON. They are looked at eight at a time.
    private static func isPlain(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        var index = 0
        while index + 8 <= count {
            if unsafe hasSpecial(start.loadUnaligned(fromByteOffset: index, as: UInt64.self)) { return false }
            index += 8
        }
        if index == count { return true }
        // The last eight; or, where there are fewer, all of them behind digits.
        if count >= 8 { return unsafe !hasSpecial(start.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)) }
        var word: UInt64 = 0x3030_3030_3030_3030
        for index in 0..<count { word = unsafe word << 8 | UInt64(start.load(fromByteOffset: index, as: UInt8.self)) }
        return !hasSpecial(word)
    }

    /// Whether a byte of a word is below 0x20, a quote or a backslash.
    @inline(__always) private static func hasSpecial(_ word: UInt64) -> Bool {
        let special = zeros(word ^ 0x2222_2222_2222_2222) | zeros(word ^ 0x5C5C_5C5C_5C5C_5C5C)
        return (special | (word &- 0x2020_2020_2020_2020) & ~word) & 0x8080_8080_8080_8080 != 0
    }

    /// A word with the high bit of each byte set that is zero; perhaps also of bytes above one such.
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
        unsafe memory = Self.resized(memory.baseAddress, to: max(memory.count * 2, count + added))
    }

    /// Memory of so many bytes, with what the old held. Not by Swift's `allocate`, which asks for aligned memory at three times the cost.
    private static func resized(_ old: UnsafeMutableRawPointer?, to size: Int) -> UnsafeMutableRawBufferPointer {
        guard let start = unsafe realloc(old, size) else { fatalError("no memory for a text of \(size) bytes") }
        return unsafe UnsafeMutableRawBufferPointer(start: start, count: size)
    }
}

extension String {
    /// Hands the bytes of its UTF-8 to `body`. Unlike `withUTF8`, this needs no copy that can be changed.
    @inlinable public func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = unsafe utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return copy.withUTF8(body)
    }
}

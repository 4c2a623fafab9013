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

    /// What is written, as text; it takes as much memory as it needs.
    public var text: String { unsafe String(decoding: UnsafeRawBufferPointer(rebasing: memory[..<count]), as: UTF8.self) }

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
        room(for: 24)
        if number < 1000 { return append(small: Int(truncatingIfNeeded: number)) }
        if number < 1_000_000 {
            let thousands = Int(truncatingIfNeeded: number) / 1000
            append(small: thousands)
            return append(digits: Self.threeDigits[Int(truncatingIfNeeded: number) - thousands * 1000], count: 3)
        }
        append(decimal: number / 1000)
        append(digits: Self.threeDigits[Int(number % 1000)], count: 3)
    }

    /// The digits of the numbers below 1000, with zeros before them: the first is the least significant byte.
    private static let threeDigits = InlineArray<1000, UInt32> { number in
        let digits = (UInt32(number) / 100, UInt32(number) / 10 % 10, UInt32(number) % 10)
        return 0x30_3030 | digits.0 | digits.1 << 8 | digits.2 << 16
    }

    /// Appends the digits of a number below 1000. Most numbers are a part of an address or a weight. There is room for four bytes.
    @inline(__always) private mutating func append(small number: Int) {
        let zeros = number >= 100 ? 0 : number >= 10 ? 1 : 2
        append(digits: Self.threeDigits[number] &>> UInt32(zeros &* 8), count: 3 &- zeros)
    }

    /// Appends so many bytes of a word, the least significant first. There is room for four bytes.
    @inline(__always) private mutating func append(digits: UInt32, count added: Int) {
        unsafe memory.storeBytes(of: digits.littleEndian, toByteOffset: count, as: UInt32.self)
        count &+= added
    }

    /// Appends a number of thousandths as a decimal fraction.
    mutating func append(thousandths number: UInt64) {
        append(decimal: number / 1000)
        room(for: 8)
        append(held: UInt8(ascii: "."))
        append(digits: Self.threeDigits[Int(number % 1000)], count: 3)
    }

    /// Appends the text of an IPv4 address.
    mutating func append(ipv4 bits: UInt32) {
        room(for: 16)
        append(small: Int(bits >> 24))
        append(held: UInt8(ascii: "."))
        append(small: Int(bits >> 16 & 255))
        append(held: UInt8(ascii: "."))
        append(small: Int(bits >> 8 & 255))
        append(held: UInt8(ascii: "."))
        append(small: Int(bits & 255))
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
        // The last eight; or, where there are fewer, two words that overlap; or all of them behind digits.
        if count >= 8 { return unsafe !hasSpecial(start.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)) }
        if count >= 4 {
            let first = unsafe start.loadUnaligned(as: UInt32.self)
            let last = unsafe start.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            return !hasSpecial(UInt64(first) | UInt64(last) << 32)
        }
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

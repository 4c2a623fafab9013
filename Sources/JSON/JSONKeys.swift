/// Texts of ASCII, 32 bytes at most each, among which strings are looked for.
public struct JSONKeys: Sendable {
    /// A text as it is compared.
    @usableFromInline struct Key: Sendable {
        /// Its length in bytes.
        @usableFromInline let count: Int
        /// Its bytes, with zeros behind.
        @usableFromInline var words = InlineArray<4, UInt64>(repeating: 0)

        init(_ text: String) {
            count = text.utf8.count
            precondition(count <= 32)
            for (index, byte) in text.utf8.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        }
    }

    /// The texts.
    public let texts: [String]
    @usableFromInline let keys: [Key]

    /// Texts of ASCII, 32 bytes at most each.
    public init(_ texts: [String]) {
        self.texts = texts
        keys = texts.map { Key($0) }
    }

    /// The place of a string among the texts; nil where it is none of them.
    ///
    /// - Parameter expected: where to begin to look, at most as many as there are texts.
    @inlinable @inline(__always) public func place(of string: JSONValue, expected: Int = 0) -> Int? {
        let characters = unsafe string.characters
        let length = characters.count
        // Words are read in one piece: behind the characters of a string there are bytes enough of the tokenizer's.
        guard length <= 32, let start = characters.baseAddress else { return nil }
        let first = unsafe Self.word(0, of: start, length)
        // Mostly it is the one that is expected, and short.
        if length <= 8, expected < keys.count, keys[expected].words[0] == first, keys[expected].count == length { return expected }
        return unsafe place(of: start, length, first, expected)
    }

    @usableFromInline func place(of start: UnsafeRawPointer, _ length: Int, _ first: UInt64, _ expected: Int) -> Int? {
        let keys = keys.span
        var index = expected
        for _ in keys.indices {
            if index == keys.count { index = 0 }
            if keys[index].words[0] == first, keys[index].count == length {
                if unsafe length <= 8 || Self.hasRest(of: start, length, keys[index]) { return index }
            }
            index += 1
        }
        return nil
    }

    private static func hasRest(of start: UnsafeRawPointer, _ length: Int, _ key: Key) -> Bool {
        var index = 1
        while index * 8 < length {
            guard unsafe key.words[index] == word(index, of: start, length) else { return false }
            index += 1
        }
        return true
    }

    /// Eight bytes of so many, the first the least significant, with zeros for those that are not there.
    @inlinable static func word(_ index: Int, of start: UnsafeRawPointer, _ length: Int) -> UInt64 {
        let word = unsafe UInt64(littleEndian: start.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        let left = length - index * 8
        return left >= 8 ? word : word & ~(UInt64.max &<< UInt64(left &* 8))
    }

    /// The first of the texts that a string is mistyped for; nil where there is none.
    @usableFromInline func nearMiss(of string: JSONValue) -> String? { texts.first { string.isNearMiss(of: $0) } }
}

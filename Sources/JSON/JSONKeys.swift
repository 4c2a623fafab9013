/// Texts of ASCII, 32 bytes at most each, among which strings are looked for.
public struct JSONKeys: Sendable {
    /// A text as it is compared.
    private struct Key: Sendable {
        /// Its length in bytes.
        let count: Int
        /// Its bytes, with zeros behind.
        var words = InlineArray<4, UInt64>(repeating: 0)

        init(_ text: String) {
            count = text.utf8.count
            precondition(count <= 32)
            for (index, byte) in text.utf8.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        }
    }

    /// The texts.
    public let texts: [String]
    private let keys: [Key]

    /// Texts of ASCII, 32 bytes at most each.
    public init(_ texts: [String]) {
        self.texts = texts
        keys = texts.map { Key($0) }
    }

    /// The place of a string among the texts; nil where it is none of them.
    public func place(of string: JSONValue) -> Int? {
        let length = string.characterCount
        guard length <= 32 else { return nil }
        let first = string.word(0, of: length)
        let keys = keys.span
        for index in keys.indices where keys[index].count == length && keys[index].words[0] == first {
            if length <= 8 || hasRest(of: string, length, keys[index]) { return index }
        }
        return nil
    }

    private func hasRest(of string: JSONValue, _ length: Int, _ key: Key) -> Bool {
        var index = 1
        while index * 8 < length {
            guard key.words[index] == string.word(index, of: length) else { return false }
            index += 1
        }
        return true
    }
}

extension JSONValue {
    /// Eight bytes of a string's characters, the first the least significant, with zeros for those that it has not.
    ///
    /// They are read in one piece: behind the characters of a string there are bytes enough of the tokenizer's.
    fileprivate func word(_ index: Int, of length: Int) -> UInt64 {
        guard let start = unsafe characters.baseAddress else { return 0 }
        let word = unsafe UInt64(littleEndian: start.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        let left = length - index * 8
        return left >= 8 ? word : word & ~(UInt64.max &<< UInt64(left &* 8))
    }
}

/// Names that are mistyped for one another.
enum NearMiss {
    /// More separators than this, one name is not taken for the other.
    private static let mostSeparators = 3

    /// Whether a name is another one mistyped: in another case, with other separators, or with one letter missing or too many.
    ///
    /// - Parameter known: of ASCII. One letter of it may be wrong where it has at least four.
    @safe static func isNear(_ name: UnsafeRawBufferPointer, _ known: UnsafeRawBufferPointer) -> Bool {
        if abs(name.count - known.count) > mostSeparators + 1 { return false }
        return unsafe Comparison(name: name, known: known).matches(0, 0, mayDiffer: known.count >= 4)
    }

    @safe private struct Comparison {
        let name: UnsafeRawBufferPointer
        let known: UnsafeRawBufferPointer

        /// Whether what follows these places is the same.
        func matches(_ first: Int, _ second: Int, mayDiffer: Bool) -> Bool {
            var (first, second) = (first, second)
            while true {
                unsafe Self.skipSeparators(of: name, &first)
                unsafe Self.skipSeparators(of: known, &second)
                let (isEnd, isKnownEnd) = unsafe (first == name.count, second == known.count)
                if isEnd && isKnownEnd { return true }
                if !isEnd, !isKnownEnd, unsafe Self.lowercased(name[first]) == Self.lowercased(known[second]) {
                    (first, second) = (first + 1, second + 1)
                    continue
                }
                if !mayDiffer { return false }
                return !isEnd && matches(first + 1, second, mayDiffer: false)
                    || !isKnownEnd && matches(first, second + 1, mayDiffer: false)
            }
        }

        private static func skipSeparators(of text: UnsafeRawBufferPointer, _ place: inout Int) {
            while place < text.count, unsafe [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: " ")].contains(text[place]) {
                place += 1
            }
        }

        private static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 32 : byte }
    }
}

extension JSONValue {
    /// Whether the characters of a string are a text of ASCII mistyped.
    func isNearMiss(of text: String) -> Bool {
        var text = text
        return text.withUTF8 { known in unsafe NearMiss.isNear(characters, UnsafeRawBufferPointer(known)) }
    }
}

// Splitting of text that another program wrote, at its bytes. Swift's characters are slow to find, and one that begins with a separator, such as
// a line end after a carriage return or a blank before a combining mark, is not equal to the separator.

extension StringProtocol where SubSequence == Substring {
    /// The parts between separators of one byte.
    ///
    /// - Parameters:
    ///   - separator: a character of ASCII.
    ///   - maxSplits: how often it is split at most.
    ///   - omittingEmptySubsequences: whether parts without a byte are left out.
    package func parts(
        at separator: Unicode.Scalar, maxSplits: Int = .max, omittingEmptySubsequences: Bool = true
    ) -> [Substring] {
        let byte = UInt8(ascii: separator)
        return self[...].utf8.split(separator: byte, maxSplits: maxSplits, omittingEmptySubsequences: omittingEmptySubsequences)
            .map { Substring($0) }
    }

    /// What is before the first separator, and what is after it; nil where there is none.
    ///
    /// - Parameter separator: a character of ASCII.
    package func cut(at separator: Unicode.Scalar) -> (before: Substring, after: Substring)? {
        let bytes = self[...].utf8
        guard let place = bytes.firstIndex(of: UInt8(ascii: separator)) else { return nil }
        return (Substring(bytes[..<place]), Substring(bytes[bytes.index(after: place)...]))
    }

    /// What is behind a beginning; nil where it begins otherwise.
    package func rest(after beginning: String) -> Substring? {
        let bytes = self[...].utf8
        return bytes.starts(with: beginning.utf8) ? Substring(bytes.dropFirst(beginning.utf8.count)) : nil
    }

    /// The text without these characters of ASCII at its beginning.
    package func dropping(_ characters: Unicode.Scalar...) -> Substring {
        let bytes = characters.map { UInt8(ascii: $0) }
        return Substring(self[...].utf8.drop { bytes.contains($0) })
    }
}

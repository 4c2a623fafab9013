extension Sequence<UInt8> {
    /// Two digits for each byte, in lower case.
    package var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}

extension [UInt8] {
    /// Reads two hexadecimal digits for each byte, in ASCII, of either case; nil for anything else.
    package init?(hexadecimal digits: some Collection<UInt8>) {
        let halves = digits.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard halves.count == digits.count, halves.count.isMultiple(of: 2) else { return nil }
        self = stride(from: 0, to: halves.count, by: 2).map { UInt8(halves[$0] << 4 | halves[$0 + 1]) }
    }
}

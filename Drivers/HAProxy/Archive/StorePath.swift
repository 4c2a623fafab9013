/// Where something is in an object store, as the path of a URL.
///
/// Names are of Swift's form: the first part is the container, the rest names the object.
enum StorePath {
    /// Parts of a path that a client gave with slashes; nil where one of them means another place, or there is none.
    static func parts(_ path: String) -> [String]? {
        var parts = path.utf8.split(separator: slash, omittingEmptySubsequences: false)[...]
        while parts.first?.isEmpty == true { parts.removeFirst() }
        while parts.last?.isEmpty == true { parts.removeLast() }
        let texts = parts.map { String(Substring($0)) }
        let isPlain = texts.allSatisfy { text in
            !["", ".", ".."].contains(text) && !text.utf8.contains { $0 < 0x20 || $0 == 0x7F }
        }
        return isPlain && !texts.isEmpty ? texts : nil
    }

    /// An id as one part of an object's name. No two ids have one part.
    ///
    /// What would make it more than one part, or another place, or is refused by Swift, is written as `%` and its two digits; and so is `%`.
    static func part(_ id: String) -> String {
        let isPlace = id == "." || id == ".."
        return escaped(id) { $0 < 0x20 || $0 == 0x7F || $0 == slash || $0 == percent || isPlace }
    }

    /// Parts as the path of a URL, without a slash before the first: every byte that could mean something there as `%` and its two digits.
    static func urlPath(_ parts: [String]) -> String {
        parts.map { escaped($0) { !isUnreserved($0) } }.joined(separator: "/")
    }

    private static let slash = UInt8(ascii: "/")
    private static let percent = UInt8(ascii: "%")
    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func escaped(_ text: String, where isEscaped: (UInt8) -> Bool) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isEscaped(byte) { bytes += [percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]] } else { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The characters that RFC 3986 calls unreserved.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~".utf8.contains(byte)
        }
    }
}

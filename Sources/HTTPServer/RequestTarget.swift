/// The target of a request (RFC 9112, 3.2), read strictly.
///
/// The path is split first and decoded afterwards, so that `%2F` is a part of a name. What could mean another path to somebody else is
/// refused: dot segments, NUL, escapes that are none, bytes that are not UTF-8. Other control characters may be in a name, escaped: an id that a
/// job has brought can have them, and must be within reach.
struct RequestTarget: Equatable {
    /// The path as it came.
    let path: String
    /// The segments of the path, decoded. The path `/` has one, which is empty.
    let segments: [String]
    let query: [(name: String, value: String)]
    /// What is behind the question mark, as it came; nil where there is none.
    let queryText: String?
    /// The host and port of an absolute target, `http://host/path`.
    let authority: String?

    /// The target of `OPTIONS *`.
    static let server = RequestTarget(path: "*", segments: [], query: [], queryText: nil, authority: nil)

    private init(
        path: String, segments: [String], query: [(name: String, value: String)], queryText: String?, authority: String?
    ) {
        self.path = path
        self.segments = segments
        self.query = query
        self.queryText = queryText
        self.authority = authority
    }

    /// Reads a target. `*` is `server`, which only OPTIONS has.
    static func read(_ bytes: [UInt8]) throws(HTTPFault) -> RequestTarget {
        var rest = bytes[...]
        if rest.count == 1 && rest.first == UInt8(ascii: "*") { return .server }
        var authority: String?
        if rest.first != UInt8(ascii: "/") {
            guard let start = startOfAuthority(rest) else {
                throw .malformed("the target of a request is a path that begins with /")
            }
            rest = rest[start...]
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            authority = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[end...]
            if rest.isEmpty { throw .malformed("the target of a request has a path") }
        }
        let mark = rest.firstIndex(of: UInt8(ascii: "?"))
        let path = rest[..<(mark ?? rest.endIndex)]
        var segments: [String] = []
        for segment in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            let text = try decode(segment, plusIsSpace: false)
            if text == "." || text == ".." { throw .malformed("the path of a request has no segments . and ..") }
            segments.append(text)
        }
        var query: [(name: String, value: String)] = []
        if let mark {
            for pair in rest[(mark + 1)...].split(separator: UInt8(ascii: "&")) {
                let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
                let name = try decode(pair[..<equals], plusIsSpace: true)
                query.append((name, try decode(pair[equals...].dropFirst(), plusIsSpace: true)))
            }
        }
        return RequestTarget(
            path: String(decoding: path, as: UTF8.self), segments: segments, query: query,
            queryText: mark.map { String(decoding: rest[($0 + 1)...], as: UTF8.self) }, authority: authority)
    }

    static func == (left: RequestTarget, right: RequestTarget) -> Bool {
        left.path == right.path && left.segments == right.segments && left.authority == right.authority
            && left.query.elementsEqual(right.query, by: ==)
    }

    /// Where the authority of `http://…` or `https://…` begins.
    private static func startOfAuthority(_ target: ArraySlice<UInt8>) -> Int? {
        for scheme in ["http://", "https://"] where target.prefix(scheme.utf8.count).map(lowercase).elementsEqual(scheme.utf8) {
            return target.startIndex + scheme.utf8.count
        }
        return nil
    }

    private static func decode(_ part: ArraySlice<UInt8>, plusIsSpace: Bool) throws(HTTPFault) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(part.count)
        var place = part.startIndex
        while place < part.endIndex {
            var byte = part[place]
            if byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "#") {
                throw .malformed("the target of a request has a character that must be escaped")
            }
            if byte == UInt8(ascii: "%") {
                guard place + 2 < part.endIndex, let high = hexDigit(part[place + 1]), let low = hexDigit(part[place + 2])
                else { throw .malformed("the target of a request has a % without two hexadecimal digits behind it") }
                byte = high << 4 | low
                if byte == 0 { throw .malformed("the target of a request has an escaped NUL") }
                place += 2
            } else if plusIsSpace && byte == UInt8(ascii: "+") {
                byte = 0x20
            }
            bytes.append(byte)
            place += 1
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed("the target of a request is not UTF-8") }
        return text
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

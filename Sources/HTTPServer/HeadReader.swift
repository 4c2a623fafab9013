import CMicrohttpd

/// The head of a request that keeps the rules.
struct RequestHead: Sendable {
    var headers: HTTPHeaders
    /// The value of `Host`; nil where a request of HTTP/1.0 has none.
    var host: String?
    /// The bytes of the body; nil where it is chunked.
    var length: Int?
    /// Whether the client waits for a word before it sends the body.
    var expectsContinue = false
}

/// Takes the header fields from the library, and refuses what the library lets pass: what two programs could read in two ways.
///
/// libmicrohttpd 0.9 parses a head in place: it ends each line by writing NUL over CR and LF. So the place of each text tells how the line
/// ended, and whether all of it is in the text. A bare LF, a folded field and a NUL leave other distances. Where another version of
/// the library is at work the places are not looked at.
struct HeadReader {
    private var headers: HTTPHeaders
    private var fault: HTTPFault?
    private var hosts: [String] = []
    private var lengths: [String] = []
    private var codings: [String] = []
    private var expectation: String?
    /// Where the next line must begin.
    private var next: UInt

    static let knowsLayout = unsafe String(cString: MHD_get_version()).hasPrefix("0.9.")

    /// - Parameters:
    ///   - next: the address of the first field.
    ///   - size: the bytes of the head.
    init(next: UInt, size: Int) {
        self.next = next
        headers = HTTPHeaders(capacity: size)
    }

    /// Takes a field.
    mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let (start, middle) = (UInt(bitPattern: name.baseAddress), UInt(bitPattern: value.baseAddress))
        if start != next || middle <= start + UInt(name.count) { addFault("a line of the head does not end with CR LF, or is folded") }
        next = middle + UInt(value.count) + 2
        if unsafe name.isEmpty || !name.allSatisfy(isTokenByte) { addFault("the name of a header field is not a token", always: true) }
        if unsafe !value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) {
            addFault("the value of a header field has a control character", always: true)
        }
        unsafe headers.add(name, value)
        switch name.count {
        case 4 where unsafe equal(name, "host"): unsafe hosts.append(text(value))
        case 6 where unsafe equal(name, "expect"): unsafe expectation = text(value)
        case 14 where unsafe equal(name, "content-length"): unsafe lengths.append(text(value))
        case 17 where unsafe equal(name, "transfer-encoding"): unsafe codings.append(text(value))
        default: break
        }
    }

    private mutating func addFault(_ detail: String, always: Bool = false) {
        if fault == nil && (always || Self.knowsLayout) { fault = .malformed(detail) }
    }

    /// The head.
    ///
    /// - Parameters:
    ///   - end: the address behind the head.
    ///   - isOld: whether the version is HTTP/1.0.
    mutating func finish(end: UInt, isOld: Bool) throws(HTTPFault) -> RequestHead {
        if next + 2 != end { addFault("a line of the head does not end with CR LF, or is folded") }
        if let fault { throw fault }
        if hosts.count > 1 || (hosts.isEmpty && !isOld) { throw .malformed("a request has one Host") }
        if lengths.count > 1 { throw .malformed("a request has one Content-Length") }
        if !codings.isEmpty {
            if !lengths.isEmpty { throw .malformed("a request has Content-Length or Transfer-Encoding, not both") }
            if isOld { throw .malformed("a request of HTTP/1.0 has no Transfer-Encoding") }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                throw HTTPFault(status: 501, detail: "the only Transfer-Encoding that is understood is chunked", endsConnection: true)
            }
        }
        var head = RequestHead(headers: headers, host: hosts.first)
        if let text = lengths.first {
            guard let length = Int(text), length >= 0, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
                throw .malformed("Content-Length is a number of bytes")
            }
            head.length = length
        } else {
            head.length = codings.isEmpty ? 0 : nil
        }
        if let expectation {
            guard expectation.lowercased() == "100-continue" else {
                throw HTTPFault(status: 417, detail: "the only expectation that is understood is 100-continue", endsConnection: true)
            }
            head.expectsContinue = !isOld
        }
        return head
    }
}

private func text(_ bytes: UnsafeRawBufferPointer) -> String { unsafe String(decoding: bytes, as: UTF8.self) }

private func equal(_ bytes: UnsafeRawBufferPointer, _ small: StaticString) -> Bool {
    for place in 0..<bytes.count where unsafe lowercase(bytes[place]) != small.utf8Start[place] { return false }
    return true
}

/// Whether a byte may be in the name of a field (RFC 9110, 5.6.2).
private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x5E...0x7A, 0x7C, 0x7E, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E: true
    default: false
    }
}

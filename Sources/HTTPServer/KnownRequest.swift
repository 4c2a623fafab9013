import CMicrohttpd

/// A request that was let in, for the next one of the same bytes on its connection: a client that reads again and again sends the same head
/// each time, and it is read, matched and judged once.
final class KnownRequest: Sendable {
    /// What its target says.
    let target: RequestTarget
    let head: RequestHead
    let match: HTTPRoutes.Match
    let request: HTTPRequest
    /// Its target as it came.
    let targetBytes: [UInt8]
    /// Its head as the library leaves it: parsed in place.
    private let headBytes: [UInt8]
    /// The bytes of the head before the first field.
    private let lineSize: Int

    /// - Parameter bytes: the head, from the method to the end of the empty line. It keeps the rules of `HeadReader`.
    init(
        target: RequestTarget, of targetBytes: [UInt8], _ head: RequestHead, _ match: HTTPRoutes.Match, _ request: HTTPRequest,
        bytes: UnsafeRawBufferPointer, lineSize: Int
    ) {
        (self.target, self.targetBytes, self.head, self.match, self.request) = (target, targetBytes, head, match, request)
        self.lineSize = lineSize
        headBytes = unsafe Array(bytes)
    }

    /// Whether these are the bytes of its target.
    func hasTarget(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool { unsafe isSame(UnsafeRawBufferPointer(bytes), targetBytes) }

    /// Whether a head is the same: it has the same bytes, and the library has read the same fields there.
    func hasHead(_ bytes: UnsafeRawBufferPointer, of handle: ConnectionHandle) -> Bool {
        guard HeadReader.knowsLayout, unsafe isSame(bytes, headBytes) else { return false }
        var comparison = HeadComparison(head.headers, next: UInt(bitPattern: bytes.baseAddress) + UInt(lineSize))
        let count = unsafe withUnsafeMutablePointer(to: &comparison) { comparison in
            unsafe MHD_get_connection_values_n(handle.pointer, .HEADER_KIND, compareHeader, comparison)
        }
        return Int(count) == head.headers.count && comparison.isSame
    }

    private func isSame(_ bytes: UnsafeRawBufferPointer, _ others: [UInt8]) -> Bool {
        guard bytes.count == others.count else { return false }
        return unsafe others.withUnsafeBytes { others in
            guard let one = bytes.baseAddress, let other = others.baseAddress else { return true }
            return unsafe memcmp(one, other, bytes.count) == 0
        }
    }
}

/// Whether the fields of a head are where those of another are, which had no fault.
struct HeadComparison {
    private let headers: HTTPHeaders
    private var place = 0
    /// Where the next field must begin.
    private var next: UInt
    private(set) var isSame = true

    init(_ headers: HTTPHeaders, next: UInt) { (self.headers, self.next) = (headers, next) }

    /// Takes a field.
    mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let start = UInt(bitPattern: name.baseAddress)
        guard isSame, place < headers.count, start == next, headers.sizes(at: place) == (name.count, value.count) else {
            isSame = false
            return
        }
        place += 1
        next = UInt(bitPattern: value.baseAddress) + UInt(value.count) + 2
    }
}

import CCurl
import Glibc
import LBaaS

/// A request and what its answer may cost, as libcurl's callbacks see it. Used by one thread.
final class HTTPExchange {
    /// The most bytes of an answer, headers and body, that are taken.
    private static let longestAnswer = 1 << 16

    private let endpoints: ArchiveEndpoints
    /// Whether the server is allowed by its name, so that its address does not matter.
    private let isNamed: Bool
    private let length: Int
    private let patience: Duration
    private var received = 0
    private var sentAt: ContinuousClock.Instant?
    /// Why it was ended, or not begun.
    private(set) var failure: String?
    /// Whether it was not begun because its address is not allowed.
    private(set) var isRefused = false

    /// - Parameters:
    ///   - length: how many bytes the body of the request has.
    ///   - patience: how long the answer may take once the body is sent.
    init(_ endpoints: ArchiveEndpoints, isNamed: Bool, length: Int, patience: Duration) {
        (self.endpoints, self.isNamed, self.length, self.patience) = (endpoints, isNamed, length, patience)
    }

    /// Takes so many bytes of the answer; false where there are too many.
    func take(_ count: Int) -> Bool {
        received += count
        if received <= Self.longestAnswer { return true }
        failure = "its answer has more than \(Self.longestAnswer) bytes"
        return false
    }

    /// Whether the answer takes too long, now that so many bytes of the body are sent.
    func isLate(sent: Int) -> Bool {
        if sent < length { return false }
        let start = sentAt ?? .now
        sentAt = start
        if .now - start < patience { return false }
        failure = "it took more than \(patience.components.seconds) s to answer"
        return true
    }

    /// Whether a connection to an address is allowed.
    func allows(_ destination: UnsafePointer<curl_sockaddr>) -> Bool {
        if isNamed { return true }
        guard let (address, port) = unsafe place(of: destination) else {
            (failure, isRefused) = ("it has an address that is neither IPv4 nor IPv6", true)
            return false
        }
        guard let refusal = endpoints.refusal(of: address, port: port) else { return true }
        (failure, isRefused) = (refusal, true)
        return false
    }
}

/// The address and port of where libcurl connects to; nil where the family has none. Behind `addr` it leaves room for an address of any
/// family.
private func place(of destination: UnsafePointer<curl_sockaddr>) -> (IPAddress, UInt16)? {
    guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
    let name = unsafe UnsafeRawPointer(destination) + offset
    // Both families have the port behind the family.
    let port = unsafe UInt16(bigEndian: name.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    switch unsafe destination.pointee.family {
    case AF_INET:
        return unsafe (.v4(UInt32(bigEndian: name.loadUnaligned(fromByteOffset: 4, as: UInt32.self))), port)
    case AF_INET6:
        let high = unsafe UInt64(bigEndian: name.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        let low = unsafe UInt64(bigEndian: name.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        return (.v6(high: high, low: low), port)
    default: return nil
    }
}

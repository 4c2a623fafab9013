import Glibc
package import LBaaS
import Synchronization

/// The addresses of this host's interfaces, asked for at most once a second.
package final class HostAddresses: Sendable {
    private struct Known {
        var addresses: Set<IPAddress> = []
        var askedAt: Duration?
    }

    private let known = Mutex(Known())

    /// Addresses that nobody asked for yet.
    package init() {}

    /// The addresses of all interfaces; none where the system does not tell.
    package func all() -> Set<IPAddress> {
        known.withLock { known in
            let now = Clock.bootTime()
            if known.askedAt.map({ now - $0 > .seconds(1) }) ?? true {
                known.addresses = Self.ask()
                known.askedAt = now
            }
            return known.addresses
        }
    }

    private static func ask() -> Set<IPAddress> {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var addresses: Set<IPAddress> = []
        var next = unsafe first
        while let entry = unsafe next?.pointee {
            if let address = unsafe entry.ifa_addr.flatMap({ unsafe IPAddress($0) }) { addresses.insert(address) }
            unsafe next = entry.ifa_next
        }
        return addresses
    }
}

extension IPAddress {
    /// The address of a socket address; nil where it is of another family.
    fileprivate init?(_ address: UnsafeMutablePointer<sockaddr>) {
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let bits = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            self = .v4(UInt32(bigEndian: bits))
        case AF_INET6:
            let bytes = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self).sin6_addr
            let (high, low) = unsafe withUnsafeBytes(of: bytes) {
                unsafe ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            self = .v6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
        default: return nil
        }
    }
}

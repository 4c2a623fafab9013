import Glibc
import LBaaS

extension IPAddress {
    /// The address that a socket address holds; nil where it is of another family.
    init?(_ name: sockaddr_storage) {
        switch Int32(name.ss_family) {
        case AF_INET:
            self = unsafe withUnsafeBytes(of: name) { .v4(unsafe UInt32(bigEndian: $0.load(as: sockaddr_in.self).sin_addr.s_addr)) }
        case AF_INET6:
            // The address stands behind the family, the port and the flow.
            self = unsafe withUnsafeBytes(of: name) { bytes in
                let high = unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                let low = unsafe bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                return .v6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
            }
        default: return nil
        }
    }

    /// The family that sockets for it are of.
    var socketFamily: Int32 { if case .v4 = self { AF_INET } else { AF_INET6 } }

    /// The address of the same family by which a host reaches itself.
    var loopback: IPAddress { if case .v4 = self { .v4(0x7F00_0001) } else { .v6(high: 0, low: 1) } }

    /// The address that stands for every address of the same family.
    var unspecified: IPAddress { if case .v4 = self { .v4(0) } else { .v6(high: 0, low: 0) } }
}

/// Hands an address and a port on as C has them, for as long as the call lasts.
@unsafe func withSocketAddress<Result>(
    _ address: IPAddress, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    switch address {
    case .v4(let bits):
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = bits.bigEndian
        return unsafe withBytes(of: name, body)
    case .v6(let high, let low):
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        unsafe withUnsafeMutableBytes(of: &name.sin6_addr) { bytes in
            unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return unsafe withBytes(of: name, body)
    }
}

@unsafe private func withBytes<Name, Result>(of name: Name, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    unsafe withUnsafePointer(to: name) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(MemoryLayout<Name>.size)) }
    }
}

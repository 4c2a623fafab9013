import Glibc
import HostSystem
import LBaaS

/// Whether a load balancer can listen, found out before haproxy tries.
///
/// A haproxy that cannot listen on a place while it loads a configuration asks the one that runs to stop listening everywhere, and goes
/// on trying for two seconds in which nobody is served. A haproxy of another owner is not even noticed where it, too, shares ports.
struct PortCheck {
    let port: UInt16
    let base: BaseConfiguration
    /// Whether the haproxy that runs listens on a part of the place, or on a place of which this is a part.
    let isShared: Bool
    /// Whether the address is a virtual IP, which another host may have.
    let isVirtual: Bool

    /// Why a load balancer cannot listen; nil where it can, or where only haproxy can tell.
    ///
    /// - Parameters:
    ///   - isShared: whether the haproxy that runs listens on a part of the place, or on a place of which this is a part.
    ///   - isVirtual: whether its address is a virtual IP.
    static func refusal(
        of loadBalancer: LoadBalancer, with base: BaseConfiguration, isShared: Bool = false, isVirtual: Bool = false
    ) -> String? {
        let check = PortCheck(port: loadBalancer.port, base: base, isShared: isShared, isVirtual: isVirtual)
        if let address = loadBalancer.address { return check.trial(address) }
        return check.trial(.v4(0)) ?? (base.hasIPv6 ? check.trial(.v6(high: 0, low: 0)) : nil)
    }

    /// Why nobody can listen on an address for TCP on any host, in words that follow a colon; nil where one can.
    static func refusal(of address: IPAddress) -> String? {
        switch address {
        case .v4(let bits) where bits >> 28 == 0xE: "nobody can listen on the multicast address \(address)"
        case .v4(.max): "nobody can listen on the broadcast address \(address)"
        case .v6(let high, _) where high >> 56 == 0xFF: "nobody can listen on the multicast address \(address)"
        case .v6(let high, _) where high >> 54 == 0x3FA:
            "\(address) is a link-local address, of which each interface has its own, and no interface can be given; take another address"
        case .v4, .v6: nil
        }
    }

    /// Whether this host has IPv6.
    static var hasIPv6: Bool {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }

    private func trial(_ address: IPAddress) -> String? {
        let error =
            switch address {
            case .v4(let bits): bindV4(bits)
            case .v6(let high, let low): bindV6(high, low)
            }
        switch error {
        case 0: return nil
        // The haproxy that systemd starts has other rights and limits than the worker.
        case EACCES, EPERM, EMFILE, ENFILE: if !base.hasRightsOfWorker { return nil }
        // It may be the haproxy that runs, which then shares its ports with nobody or not with this user.
        case EADDRINUSE where isShared: if !base.hasRightsOfWorker || base.sharesNoPorts { return nil }
        default: break
        }
        let place = Endpoint(host: .address(address), port: port)
        return "cannot bind socket (\(errorText(error))) for [\(place)]\(advice(error, address))"
    }

    private func advice(_ error: Int32, _ address: IPAddress) -> String {
        switch error {
        case EACCES where port < 1024:
            return "; a port below 1024 needs CAP_NET_BIND_SERVICE: turn on the drop-in "
                + "lbaas-worker-ports.conf and restart the worker"
        case EADDRNOTAVAIL:
            let family = if case .v6 = address { "ipv6" } else { "ipv4" }
            return "; this host does not have the address: make it a virtual IP, or set net.\(family).ip_nonlocal_bind = 1"
        default: return ""
        }
    }

    private func bindV4(_ bits: UInt32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = bits.bigEndian
        return bind(AF_INET, &address)
    }

    private func bindV6(_ high: UInt64, _ low: UInt64) -> Int32 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        let words = (high.bigEndian, low.bigEndian)
        unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { target in
            unsafe withUnsafeBytes(of: words) { unsafe target.copyMemory(from: $0) }
        }
        return bind(AF_INET6, &address, isV6Only: high == 0 && low == 0)
    }

    /// Binds a socket with the options that haproxy sets, and closes it again; 0 or an errno. SO_REUSEPORT only beside our own haproxy: it
    /// would share the port with a haproxy of another owner.
    private func bind<Address>(_ family: Int32, _ address: inout Address, isV6Only: Bool = false) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { return errno }
        defer { close(descriptor) }
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        if isShared {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        if isVirtual {
            // Valid for a socket of IPv6 too.
            unsafe setsockopt(descriptor, Int32(IPPROTO_IP), IP_FREEBIND, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        if isV6Only {
            unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        let code = unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe bytes.withMemoryRebound(to: sockaddr.self) { unsafe Glibc.bind(descriptor, $0.baseAddress, socklen_t(bytes.count)) }
        }
        return code == 0 ? 0 : errno
    }
}

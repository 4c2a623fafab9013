import Glibc
import HostSystem

/// The file of a Unix socket that this process has made.
struct SocketPath: Sendable {
    let path: String
    private let device: UInt
    private let inode: UInt

    init?(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        self.path = path
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }

    /// Removes it, unless another is in its place.
    func remove() {
        guard let now = SocketPath(path), now.device == device, now.inode == inode else { return }
        unsafe unlink(path)
    }
}

/// Makes sockets that listen.
enum ListeningSocket {
    private static let backlog: Int32 = 512
    private static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

    /// A Unix socket.
    static func unix(_ options: UnixListener) throws(HTTPServerError) -> Descriptor {
        let path = options.path
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room, !path.utf8.isEmpty, !path.utf8.contains(0) else {
            throw HTTPServerError("the socket \(path): its path must have 1 to \(room - 1) bytes")
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        try removeStale(path, &address)
        let socket = Descriptor(owning: Glibc.socket(AF_UNIX, kind, 0))
        guard socket.number >= 0, unsafe withSocketAddress(&address, { unsafe bind(socket.number, $0, $1) }) == 0 else {
            throw HTTPServerError("the socket \(path)", code: errno)
        }
        let made = SocketPath(path)
        // Nobody can connect until it listens.
        let owner = (options.user ?? .max, options.group ?? .max)
        guard unsafe chmod(path, options.mode) == 0,
            unsafe options.user == nil && options.group == nil || lchown(path, owner.0, owner.1) == 0,
            listen(socket.number, backlog) == 0
        else {
            let code = errno
            made?.remove()
            throw HTTPServerError("the socket \(path)", code: code)
        }
        return socket
    }

    /// Removes a socket that nobody listens on.
    private static func removeStale(_ path: String, _ address: inout sockaddr_un) throws(HTTPServerError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw HTTPServerError("the socket \(path): there is a file that is no socket: remove it, or choose another path")
        }
        let probe = Descriptor(owning: Glibc.socket(AF_UNIX, kind, 0))
        guard unsafe withSocketAddress(&address, { unsafe connect(probe.number, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw HTTPServerError("the socket \(path): another process listens on it")
        }
        unsafe unlink(path)
    }

    /// A TCP socket; one of IPv6 is not for IPv4.
    static func tcp(_ text: String, _ port: UInt16) throws(HTTPServerError) -> Descriptor {
        let name = "\(text) port \(port)"
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        v4.sin_family = sa_family_t(AF_INET)
        v4.sin_port = port.bigEndian
        v6.sin6_family = sa_family_t(AF_INET6)
        v6.sin6_port = port.bigEndian
        let isV4 = unsafe inet_pton(AF_INET, text, &v4.sin_addr) == 1
        guard unsafe isV4 || inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 else {
            throw HTTPServerError("\(text) is not an IPv4 or IPv6 address to listen on")
        }
        let socket = Descriptor(owning: Glibc.socket(isV4 ? AF_INET : AF_INET6, kind, 0))
        if socket.number < 0 { throw HTTPServerError(name, code: errno) }
        set(SOL_SOCKET, SO_REUSEADDR, of: socket)
        if !isV4 { set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, of: socket) }
        let code =
            unsafe isV4
            ? withSocketAddress(&v4) { unsafe bind(socket.number, $0, $1) } : withSocketAddress(&v6) { unsafe bind(socket.number, $0, $1) }
        guard code == 0, listen(socket.number, backlog) == 0 else { throw HTTPServerError(name, code: errno) }
        return socket
    }

    private static func set(_ level: Int32, _ option: Int32, of socket: borrowing Descriptor) {
        var yes: Int32 = 1
        unsafe setsockopt(socket.number, level, option, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func withSocketAddress<Address>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(MemoryLayout<Address>.size)) }
        }
    }

    /// The port that a socket has.
    static func port(of number: Int32) -> UInt16 {
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        unsafe withUnsafeMutablePointer(to: &address) {
            _ = unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(number, $0, &size) }
        }
        // Both families have the port in the same place.
        return UInt16(bigEndian: address.sin6_port)
    }
}

/// The address and port of the other side as text; an IPv4 address that IPv6 stands for is written as IPv4.
func addressText(_ address: UnsafePointer<sockaddr>?) -> (address: String, port: UInt16) {
    guard let address = unsafe address else { return ("", 0) }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let port: UInt16
    switch unsafe Int32(address.pointee.sa_family) {
    case AF_INET:
        var v4 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
        port = UInt16(bigEndian: v4.sin_port)
        _ = unsafe inet_ntop(AF_INET, &v4.sin_addr, &text, socklen_t(text.count))
    case AF_INET6:
        var v6 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
        port = UInt16(bigEndian: v6.sin6_port)
        _ = unsafe inet_ntop(AF_INET6, &v6.sin6_addr, &text, socklen_t(text.count))
    default: return ("", 0)
    }
    return (String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self), port)
}

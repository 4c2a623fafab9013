import CLinux
import Glibc
import HostSystem
import LBaaS

/// A socket that never blocks.
struct Socket: ~Copyable {
    private let descriptor: Descriptor

    /// Its number.
    var number: Int32 { descriptor.number }

    private init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Opens a socket of a family, a kind and a protocol number.
    static func open(_ family: Int32, _ kind: __socket_type, _ number: Int32 = 0) throws(SystemFailure) -> Socket {
        let flags = SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = Descriptor(owning: socket(family, Int32(kind.rawValue | flags), number))
        if descriptor.number < 0 { throw SystemFailure("cannot open a socket") }
        return Socket(descriptor)
    }

    /// Opens a socket for a way to a node.
    ///
    /// A TCP connection of it ends with RST and not with FIN. Otherwise this side, which always ends first, would keep each for a minute
    /// (TIME_WAIT): 600,000 of them at 10,000 checks a second, more than the system has ports for one node, or keeps at all.
    ///
    /// - Parameter source: the address of this side; nil where the system shall choose.
    static func open(_ kind: __socket_type, to address: IPAddress, from source: IPAddress?) throws(SystemFailure) -> Socket {
        let socket = try open(address.socketFamily, kind)
        if kind == SOCK_STREAM { socket.set(SOL_SOCKET, SO_LINGER, to: linger(l_onoff: 1, l_linger: 0)) }
        if let source {
            // The port is chosen when connecting: so many as there are ports go to each node, and not to all together.
            socket.set(SOL_IP, IP_BIND_ADDRESS_NO_PORT, to: Int32(1))
            try socket.bind(to: source)
        }
        return socket
    }

    /// Gives the descriptor away, for somebody else to close.
    consuming func release() -> Int32 { descriptor.release() }

    /// Gives it an address of this side.
    func bind(to address: IPAddress) throws(SystemFailure) {
        let code = unsafe withSocketAddress(address, port: 0) { unsafe Glibc.bind(number, $0, $1) }
        if code != 0 { throw SystemFailure("cannot use the source address \(address)") }
    }

    /// Begins to connect.
    ///
    /// - Returns: true where it is done already.
    func connect(to address: IPAddress, port: UInt16) throws(SystemFailure) -> Bool {
        let code = unsafe withSocketAddress(address, port: port) { unsafe Glibc.connect(number, $0, $1) }
        if code == 0 { return true }
        guard errno == EINPROGRESS else { throw SystemFailure("", errno == EADDRNOTAVAIL ? EAGAIN : errno) }
        return false
    }

    /// What has gone wrong since this was asked last; 0 for nothing.
    var pendingError: Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno
    }

    /// Sets an option. It is left as it is where the system does not have it.
    @discardableResult
    func set<Value: BitwiseCopyable>(_ level: Int32, _ option: Int32, to value: Value) -> Bool {
        var value = value
        return unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Value>.size)) == 0
    }

    /// Sends a datagram to where the socket is connected.
    func send(_ bytes: [UInt8]) throws(SystemFailure) {
        if unsafe Glibc.send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL)) < 0 { throw SystemFailure("") }
    }

    /// Sends a datagram to an address.
    func send(_ bytes: [UInt8], to address: IPAddress) throws(SystemFailure) {
        let count = unsafe withSocketAddress(address, port: 0) { name, size in
            unsafe sendto(number, bytes, bytes.count, Int32(MSG_NOSIGNAL), name, size)
        }
        if count < 0 { throw SystemFailure("") }
    }

    /// Receives a datagram that is there; what does not fit is lost.
    ///
    /// - Returns: how many bytes it has, and whose it is; nil where there is none.
    func receive(into buffer: inout [UInt8]) throws(SystemFailure) -> (count: Int, sender: IPAddress?)? {
        var sender = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe withUnsafeMutableBytes(of: &sender) { name in
                unsafe recvfrom(number, bytes.baseAddress, bytes.count, 0, name.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
            }
        }
        if count >= 0 { return (count, IPAddress(sender)) }
        if errno == EAGAIN || errno == EINTR { return nil }
        throw SystemFailure("")
    }
}

import CNetlink
import Glibc

/// The parts of the kernel that are talked with.
enum NetlinkProtocol: Int32 {
    case route = 0
    case netfilter = 12
    case generic = 16

    fileprivate var name: String {
        switch self {
        case .route: "route netlink"
        case .netfilter: "netfilter's netlink"
        case .generic: "generic netlink"
        }
    }
}

/// A netlink socket. Owns libnl's `nl_sock`, and frees it.
///
/// It belongs to the network namespace of the thread that opens it.
@safe final class NetlinkSocket: Transport {
    /// How many bytes go into one send at most.
    let sendRoom: Int
    /// How many bytes of the kernel's memory there are for what was not received yet.
    let receiveRoom: Int

    /// Its port, which is in the messages of the kernel about what came from it.
    var port: UInt32 { unsafe nl_socket_get_local_port(handle) }

    private let handle: OpaquePointer
    /// Its number, for those that wait for it.
    let descriptor: Int32
    /// The datagram that was received with the one before, and its bytes.
    private var early: Datagram?
    private var earlyBytes: [UInt8] = []

    private init(handle: OpaquePointer) {
        unsafe self.handle = handle
        descriptor = unsafe nl_socket_get_fd(handle)
        // The kernel keeps 32 bytes of the buffer for itself (`netlink_sendmsg`).
        sendRoom = Self.granted(SO_SNDBUF, descriptor) - 32
        receiveRoom = Self.granted(SO_RCVBUF, descriptor)
    }

    deinit { unsafe nl_socket_free(handle) }

    /// Opens a socket.
    ///
    /// - Parameters:
    ///   - groups: the groups of events that it receives.
    ///   - receiveBuffer: bytes; see `GenericNetlink`.
    ///   - sendBuffer: bytes; see `GenericNetlink`.
    static func open(
        _ family: NetlinkProtocol, groups: [Int32] = [], receiveBuffer: Int32, sendBuffer: Int32
    ) throws(NetlinkError) -> NetlinkSocket {
        guard let handle = unsafe nl_socket_alloc() else { throw NetlinkError(.system, "no memory for a netlink socket") }
        var code = unsafe nl_connect(handle, family.rawValue)
        for group in groups where code == 0 { code = unsafe nl_socket_add_membership(handle, group) }
        guard code == 0 else {
            unsafe nl_socket_free(handle)
            // What RestrictAddressFamilies= of a unit does to a socket.
            let advice =
                "; the unit needs AF_NETLINK: turn on the drop-in lbaas-worker-ipvs.conf for ipvs, lbaas-worker-vip.conf for virtual IPs"
            let reason = unsafe String(cString: nl_geterror(code)) + (code == -NLE_AF_NOSUPPORT ? advice : "")
            throw NetlinkError(.system, "cannot open a socket to \(family.name): \(reason)")
        }
        // What an unprivileged process gets is limited by net.core.rmem_max and wmem_max; CAP_NET_ADMIN gets all it asks for.
        unsafe nl_socket_set_buffer_size(handle, receiveBuffer, sendBuffer)
        let descriptor = unsafe nl_socket_get_fd(handle)
        set(SOL_SOCKET, SO_RCVBUFFORCE, to: receiveBuffer, descriptor)
        set(SOL_SOCKET, SO_SNDBUFFORCE, to: sendBuffer, descriptor)
        // Errors without the request that they are about, and with words where the kernel has some. Kernels before 4.12 have neither.
        set(SOL_NETLINK, NETLINK_CAP_ACK, to: 1, descriptor)
        set(SOL_NETLINK, NETLINK_EXT_ACK, to: 1, descriptor)
        return unsafe NetlinkSocket(handle: handle)
    }

    func send(_ bytes: RawSpan) throws(NetlinkError) {
        while true {
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                unsafe nl_sendto(handle, UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count)
            }
            if sent >= 0 { return }
            // The kernel has carried out nothing then: it either takes all, or none.
            if errno == EINTR { continue }
            throw NetlinkError(.system, "cannot send \(bytes.byteCount) bytes to the kernel", because: errno)
        }
    }

    func receive(into buffer: inout [UInt8], until deadline: ContinuousClock.Instant?) throws(NetlinkError) -> Datagram? {
        if let datagram = early {
            early = nil
            swap(&buffer, &earlyBytes)
            return datagram
        }
        while true {
            if let datagram = take(into: &buffer) { return datagram }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                guard let deadline, try wait(until: deadline) else { return nil }
            case ENOBUFS: throw NetlinkError(.lost, "the kernel had more to say than the receive buffer holds", number: ENOBUFS)
            default: throw NetlinkError(.system, "cannot receive from the kernel", because: errno)
            }
        }
    }

    /// Takes what is there already, up to two datagrams: the kernel makes the next part of a list while it hands on the one before, and so a
    /// short list and its end come with one system call. Nil where that does not work.
    private func take(into buffer: inout [UInt8]) -> Datagram? {
        if earlyBytes.count != buffer.count { earlyBytes = [UInt8](repeating: 0, count: buffer.count) }
        let received = unsafe buffer.withUnsafeMutableBytes { first in
            unsafe earlyBytes.withUnsafeMutableBytes { second in
                unsafe netlink_receive_two(descriptor, first.baseAddress, second.baseAddress, first.count)
            }
        }
        if received.count < 1 { return nil }
        if received.count > 1 { early = Datagram(count: received.length.1, sender: received.sender.1) }
        return Datagram(count: received.length.0, sender: received.sender.0)
    }

    /// Waits until there may be something to receive; false where the time is up.
    private func wait(until deadline: ContinuousClock.Instant) throws(NetlinkError) -> Bool {
        let left = deadline - .now
        guard left > .zero else { return false }
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let milliseconds = min(left / .milliseconds(1), 1_000_000).rounded(.up)
        if unsafe poll(&event, 1, Int32(milliseconds)) < 0, errno != EINTR {
            throw NetlinkError(.system, "cannot wait for the kernel", because: errno)
        }
        return true
    }

    private static func set(_ level: Int32, _ option: Int32, to value: Int32, _ descriptor: Int32) {
        var value = value
        unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// What the kernel gave of a buffer, in bytes: twice what was asked for, where that is allowed.
    private static func granted(_ option: Int32, _ descriptor: Int32) -> Int {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &size)
        return Int(value)
    }
}

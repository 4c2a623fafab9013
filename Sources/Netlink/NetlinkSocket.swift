import CNetlink
import Glibc

/// A socket to generic netlink. Owns libnl's `nl_sock`, and frees it.
///
/// It belongs to the network namespace of the thread that opens it.
@safe final class NetlinkSocket: Transport {
    /// How many bytes go into one send at most. The kernel keeps 32 bytes of the buffer for itself (`netlink_sendmsg`).
    var sendRoom: Int { granted(SO_SNDBUF) - 32 }
    /// How many bytes of the kernel's memory there are for what was not received yet.
    var receiveRoom: Int { granted(SO_RCVBUF) }

    private let handle: OpaquePointer
    private let descriptor: Int32

    private init(handle: OpaquePointer) {
        unsafe self.handle = handle
        descriptor = unsafe nl_socket_get_fd(handle)
    }

    deinit { unsafe nl_socket_free(handle) }

    /// Opens a socket.
    ///
    /// - Parameters:
    ///   - receiveBuffer: bytes; see `GenericNetlink`.
    ///   - sendBuffer: bytes; see `GenericNetlink`.
    static func open(receiveBuffer: Int32, sendBuffer: Int32) throws(NetlinkError) -> NetlinkSocket {
        guard let handle = unsafe nl_socket_alloc() else { throw NetlinkError(.system, "no memory for a netlink socket") }
        let code = unsafe genl_connect(handle)
        guard code == 0 else {
            unsafe nl_socket_free(handle)
            throw NetlinkError(.system, "cannot open a socket to generic netlink: \(unsafe String(cString: nl_geterror(code)))")
        }
        let socket = unsafe NetlinkSocket(handle: handle)
        // What an unprivileged process gets is limited by net.core.rmem_max and wmem_max; CAP_NET_ADMIN gets all it asks for.
        unsafe nl_socket_set_buffer_size(handle, receiveBuffer, sendBuffer)
        _ = socket.set(SOL_SOCKET, SO_RCVBUFFORCE, to: receiveBuffer)
        _ = socket.set(SOL_SOCKET, SO_SNDBUFFORCE, to: sendBuffer)
        // Errors without the request that they are about, and with words where the kernel has some. Kernels before 4.12 have neither.
        _ = socket.set(SOL_NETLINK, NETLINK_CAP_ACK, to: 1)
        _ = socket.set(SOL_NETLINK, NETLINK_EXT_ACK, to: 1)
        return socket
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

    func receive(into buffer: inout [UInt8], until deadline: ContinuousClock.Instant) throws(NetlinkError) -> Datagram? {
        while true {
            var sender = sockaddr_nl()
            let count = receive(into: &buffer, from: &sender)
            if count >= 0 { return Datagram(count: count, sender: sender.nl_pid) }
            switch errno {
            case EINTR: continue
            case EAGAIN: if try !wait(until: deadline) { return nil }
            case ENOBUFS: throw NetlinkError(.lost, "the kernel had more to say than the receive buffer holds", number: ENOBUFS)
            default: throw NetlinkError(.system, "cannot receive from the kernel", because: errno)
            }
        }
    }

    /// Receives what is there already; less than 0 where that does not work.
    private func receive(into buffer: inout [UInt8], from sender: inout sockaddr_nl) -> Int {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_TRUNC)
        var size = socklen_t(MemoryLayout<sockaddr_nl>.size)
        return unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe withUnsafeMutableBytes(of: &sender) { address in
                unsafe recvfrom(
                    descriptor, bytes.baseAddress, bytes.count, flags, address.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
            }
        }
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

    private func set(_ level: Int32, _ option: Int32, to value: Int32) -> Bool {
        var value = value
        return unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    /// What the kernel gave of a buffer, in bytes: twice what was asked for, where that is allowed.
    private func granted(_ option: Int32) -> Int {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &size)
        return Int(value)
    }
}

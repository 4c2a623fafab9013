import Glibc
package import HostSystem

/// Why a connection could not be made, or was lost.
package struct ConnectionFailure: Error {
    package let reason: String
    /// Whether what answers does not keep to the protocol: then it is not connected to again at once.
    var isViolation = false

    init(reason: String) { self.reason = reason }

    /// What answers does not keep to the protocol.
    init(_ violation: String) {
        reason = violation
        isViolation = true
    }
}

/// Connects to a server by TCP, to the first of its addresses that accepts.
///
/// Looking up its name cannot be given a limit.
///
/// - Parameter limit: the longest wait for each of its addresses.
/// - Throws: why none accepts.
package func openConnection(to server: JobServer, within limit: Duration) throws(ConnectionFailure) -> Descriptor {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(server.host, String(server.port), &hints, &found)
    guard code == 0 else { throw ConnectionFailure(reason: unsafe "\(server.host): \(String(cString: gai_strerror(code)))") }
    defer { unsafe freeaddrinfo(found) }
    var reason = "\(server.host) has no address"
    var next = unsafe found
    while let address = unsafe next {
        let socket = unsafe Descriptor(
            owning: socket(
                address.pointee.ai_family, address.pointee.ai_socktype | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0))
        let failure = unsafe connect(socket, to: address.pointee, within: limit)
        if failure == 0 { return socket }
        reason = errorText(failure)
        unsafe next = address.pointee.ai_next
    }
    throw ConnectionFailure(reason: reason)
}

/// Connects a socket that does not block.
///
/// - Returns: 0, or a code of `errno.h`.
private func connect(_ socket: borrowing Descriptor, to address: addrinfo, within limit: Duration) -> Int32 {
    if socket.number < 0 { return errno }
    if unsafe connect(socket.number, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
    if errno != EINPROGRESS { return errno }
    if poll([socket.number: POLLOUT], until: Deadline(in: limit)) == [0] { return ETIMEDOUT }
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(socket.number, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 ? failure : errno
}

import Glibc
package import LBaaS

/// Why a socket has nothing to offer: a code of `errno.h`.
package struct SocketError: Error, Equatable, CustomStringConvertible {
    package let code: Int32

    /// Nobody takes connections there.
    package static let refused = SocketError(code: ECONNREFUSED)
    /// The other side, or somebody in its name, has no such connection.
    package static let reset = SocketError(code: ECONNRESET)
    /// Somebody else has that address and port.
    package static let inUse = SocketError(code: EADDRINUSE)
    /// Nothing came in the time that was given.
    package static let silence = SocketError(code: ETIMEDOUT)

    static var last: SocketError { SocketError(code: errno) }

    package var description: String { String(cString: strerror(code)) }
}

/// A socket of the namespace that it was made in. It never blocks longer than it is told to.
package final class Socket: Sendable {
    /// Its number.
    package let descriptor: Int32

    package init(_ transport: Transport, for address: IPAddress) throws(SocketError) {
        let kind = transport == .udp ? SOCK_DGRAM : SOCK_STREAM
        let number = transport == .sctp ? Int32(IPPROTO_SCTP) : 0
        descriptor = socket(address.socketFamily, Int32(kind.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), number)
        if descriptor < 0 { throw .last }
    }

    /// Takes over a descriptor.
    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Gives it an address and a port of this side; 0 is any port.
    package func bind(to address: IPAddress, port: UInt16) throws(SocketError) {
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        if withSocketAddress(address, port, { Glibc.bind(descriptor, $0, $1) }) != 0 { throw .last }
    }

    /// Takes connections from now on, and lets so many wait.
    package func listen(backlog: Int32 = 64) throws(SocketError) {
        if Glibc.listen(descriptor, backlog) != 0 { throw .last }
    }

    /// Its port of this side.
    package var port: UInt16 {
        // Both families have the port behind the family.
        withName(of: getsockname) { $0.load(fromByteOffset: 2, as: UInt16.self).bigEndian }
    }

    /// The IPv4 address of the other side of a connection.
    package var peer: IPAddress { withName(of: getpeername) { .v4($0.load(fromByteOffset: 4, as: UInt32.self).bigEndian) } }

    private func withName<Value>(
        of side: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32, _ body: (UnsafeRawPointer) -> Value
    ) -> Value {
        var name = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = side(descriptor, $0, &size) }
            return body($0)
        }
    }

    /// A connection that somebody made; nil where there is none.
    package func accept() -> Socket? {
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { return nil }
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
        return Socket(descriptor: accepted)
    }

    /// Connects; of a datagram socket this says nothing yet about the other side.
    package func connect(to address: IPAddress, port: UInt16, within seconds: Double) throws(SocketError) {
        if withSocketAddress(address, port, { Glibc.connect(descriptor, $0, $1) }) == 0 { return }
        guard errno == EINPROGRESS else { throw .last }
        try wait(for: POLLOUT, until: Deadline(seconds: seconds))
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        if code != 0 { throw SocketError(code: code) }
    }

    /// Sends a text that is short enough to be taken at once.
    package func send(_ text: String) throws(SocketError) {
        let count = Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
        if count != text.utf8.count { throw count < 0 ? .last : SocketError(code: EMSGSIZE) }
    }

    /// Says that no more will be sent.
    package func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// What came, as soon as something did; an empty text at the end of a connection.
    package func receive(until deadline: Deadline) throws(SocketError) -> String {
        try wait(for: POLLIN, until: deadline)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 { throw .last }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Answers one datagram that came to whoever sent it.
    package func answerDatagram(_ answer: (String) -> String) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var sender = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &sender) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let count = recvfrom(descriptor, &buffer, buffer.count, 0, address, &size)
                guard count >= 0 else { return }
                let text = answer(String(decoding: buffer[..<count], as: UTF8.self))
                _ = sendto(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL), address, size)
            }
        }
    }

    private func wait(for event: Int32, until deadline: Deadline) throws(SocketError) {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        while true {
            let count = poll(&entry, 1, deadline.milliseconds)
            if count > 0 { return }
            if count == 0 { throw .silence }
            if errno != EINTR { throw .last }
        }
    }
}

/// Whether a host answers at an address, where nobody listens on its port 9: it refuses the connection.
package func isReached(_ address: IPAddress, within seconds: Double) throws -> Bool {
    let socket = try Socket(.tcp, for: address)
    do {
        try socket.connect(to: address, port: 9, within: seconds)
        throw Failure("somebody listens on port 9 of \(address)")
    } catch let error as SocketError {
        return error == .refused
    }
}

extension IPAddress {
    /// The address of its family that stands for every one.
    package var any: IPAddress { if case .v4 = self { .v4(0) } else { .v6(high: 0, low: 0) } }

    fileprivate var socketFamily: Int32 { if case .v4 = self { AF_INET } else { AF_INET6 } }
}

private func withSocketAddress<Result>(_ address: IPAddress, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result)
    -> Result
{
    switch address {
    case .v4(let bits):
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = bits.bigEndian
        return withBytes(of: name, body)
    case .v6(let high, let low):
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &name.sin6_addr) {
            $0.storeBytes(of: high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return withBytes(of: name, body)
    }
}

private func withBytes<Name, Result>(of name: Name, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Name>.size)) }
    }
}

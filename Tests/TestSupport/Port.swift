import Glibc
import Synchronization

/// A TCP socket on loopback, on which nothing takes longer than it should.
package final class LoopbackSocket: Sendable {
    /// Its number.
    package let descriptor: Int32

    private init(_ family: Int32 = AF_INET, seconds: Int = 60) throws {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { throw systemError("socket") }
        limit(to: seconds)
    }

    /// Takes over a descriptor.
    private init(descriptor: Int32, seconds: Int) {
        self.descriptor = descriptor
        limit(to: seconds)
    }

    deinit { close(descriptor) }

    private func limit(to seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// A socket that is bound to a port, by default one that the system chooses; it refuses connections until `listens`.
    ///
    /// - Parameter seconds: the longest wait for a connection; by default as long as it takes.
    package static func bound(port: UInt16 = 0, listens: Bool = false, seconds: Int = 0) throws -> LoopbackSocket {
        // accept heeds the time for reading, too.
        let socket = try LoopbackSocket(seconds: seconds)
        var yes: Int32 = 1
        setsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let code = withAddress(host: 1, port: port) { bind(socket.descriptor, $0, $1) }
        guard code == 0, !listens || listen(socket.descriptor, 256) == 0 else { throw systemError("bind to \(port)") }
        return socket
    }

    /// A connection to a port, from 127.0.0.`source`, on which reading and writing take no longer than `seconds`.
    package static func connected(to port: UInt16, source: UInt8 = 1, seconds: Int = 60) throws -> LoopbackSocket {
        let socket = try LoopbackSocket(seconds: seconds)
        if source != 1, withAddress(host: source, port: 0, { bind(socket.descriptor, $0, $1) }) != 0 { throw systemError("bind") }
        guard withAddress(host: 1, port: port, { connect(socket.descriptor, $0, $1) }) == 0 else { throw systemError("connect to \(port)") }
        return socket
    }

    /// A connection to a Unix socket.
    package static func connected(toPath path: String) throws -> LoopbackSocket {
        let socket = try LoopbackSocket(AF_UNIX)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isShort = withUnsafeMutableBytes(of: &address.sun_path) { room in
            room.copyBytes(from: path.utf8.prefix(room.count - 1))
            return path.utf8.count < room.count
        }
        guard isShort, withBytes(of: &address, { connect(socket.descriptor, $0, $1) }) == 0 else { throw systemError("connect to \(path)") }
        return socket
    }

    /// A connection to a port of ::1.
    package static func connectedV6(to port: UInt16) throws -> LoopbackSocket {
        let socket = try LoopbackSocket(AF_INET6)
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6addr_loopback
        if withBytes(of: &address, { connect(socket.descriptor, $0, $1) }) != 0 { throw systemError("connect to \(port)") }
        return socket
    }

    /// The port of this side.
    package var port: UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The next connection to it, on which reading and writing take no longer than `seconds`; nil where it was shut, or none came in time.
    package func accepted(seconds: Int = 600) -> LoopbackSocket? {
        let descriptor = accept(self.descriptor, nil, nil)
        return descriptor < 0 ? nil : LoopbackSocket(descriptor: descriptor, seconds: seconds)
    }

    /// Wakes whoever waits on it.
    package func shut() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func withAddress(host: UInt8, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
        return withBytes(of: &address, body)
    }

    private static func withBytes<Address>(of address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
        }
    }
}

extension LoopbackSocket {
    /// Sends text.
    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends bytes.
    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 { throw systemError("send") }
            rest = rest.dropFirst(count)
        }
    }

    /// What there is to read; empty where the other side has closed.
    package func receive(_ most: Int = 65_536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 { throw systemError("recv") }
        return Array(buffer[..<count])
    }

    /// Reads to the end of a line.
    package func line() throws -> String {
        var bytes: [UInt8] = []
        while bytes.last != 0x0A {
            let byte = try receive(1)
            if byte.isEmpty { throw Failure("the connection was closed behind \(String(decoding: bytes, as: UTF8.self))") }
            bytes += byte
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    /// Sends a line and answers the line that comes back.
    package func ask(_ text: String) throws -> String {
        try send(text + "\n")
        return try line()
    }

    /// Sends a line, and reads lines until one is the last.
    package func ask(_ text: String, isLast: (String) -> Bool) throws -> [String] {
        var lines = [try ask(text)]
        while let last = lines.last, !isLast(last) { lines.append(try line()) }
        return lines
    }

    /// Reads until the other side closes.
    package func rest() throws -> String {
        var bytes: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }
}

/// A port on which nobody listened a moment ago, and which neither another test nor the system gives away.
package func freePort() throws -> UInt16 {
    while true {
        let port = UInt16(10_000 + nextPort.add(1, ordering: .relaxed).oldValue % 20_000)
        if (try? LoopbackSocket.bound(port: port)) != nil { return port }
    }
}

private let nextPort = Atomic<Int>(.random(in: 0..<20_000))

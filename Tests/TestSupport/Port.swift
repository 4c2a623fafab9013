import Glibc

/// A TCP socket on loopback.
public struct LoopbackSocket: ~Copyable {
    private let descriptor: Int32

    private init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { throw systemError("socket") }
    }

    deinit { close(descriptor) }

    /// A socket with a port that the system chose; it refuses connections until `listens`.
    public static func bound(listens: Bool = false) throws -> LoopbackSocket {
        let socket = try LoopbackSocket()
        let code = withAddress(port: 0) { bind(socket.descriptor, $0, $1) }
        guard code == 0, !listens || listen(socket.descriptor, 16) == 0 else { throw systemError("bind") }
        return socket
    }

    /// A connection, on which reading and writing take no longer than `seconds`.
    public static func connected(to port: UInt16, seconds: Int = 2) throws -> LoopbackSocket {
        let socket = try LoopbackSocket()
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket.descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        guard withAddress(port: port, { connect(socket.descriptor, $0, $1) }) == 0 else { throw systemError("connect to \(port)") }
        return socket
    }

    /// Its descriptor, which whoever asked has to close now.
    public consuming func detach() -> Int32 {
        let detached = descriptor
        discard self
        return detached
    }

    /// The port of this side.
    public var port: UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Sends text.
    public func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw systemError("send") }
    }

    /// What comes until the other side closes.
    public func receiveAll() throws -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 { throw systemError("recv") }
            if count == 0 { return String(decoding: received, as: UTF8.self) }
            received += buffer[..<count]
        }
    }

    /// Sends a line, and reads lines until one is the last.
    public func ask(_ line: String, isLast: (Substring) -> Bool) throws -> [Substring] {
        try send(line + "\n")
        var answer = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw count == 0 ? Failure("the connection was closed") : systemError("recv") }
            answer += String(decoding: buffer[..<count], as: UTF8.self)
            let lines = answer.split(separator: "\n", omittingEmptySubsequences: false)
            if answer.hasSuffix("\n"), let last = lines.dropLast().last, isLast(last) { return Array(lines.dropLast()) }
        }
    }

    private static func withAddress(port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

/// A port on which nobody listened a moment ago.
public func freePort() throws -> UInt16 { try LoopbackSocket.bound().port }

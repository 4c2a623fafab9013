import Glibc
import Synchronization

/// Why something that a test needs does not work.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    static func system(_ what: String) -> Failure { Failure("\(what): \(String(cString: strerror(errno)))") }
}

/// A TCP socket on loopback, on which nothing takes longer than it should.
final class LoopbackSocket: Sendable {
    let descriptor: Int32

    fileprivate init(descriptor: Int32) {
        self.descriptor = descriptor
        var time = timeval(tv_sec: 60, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    private static func make() throws -> LoopbackSocket {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { throw Failure.system("socket") }
        return LoopbackSocket(descriptor: descriptor)
    }

    /// A socket that is bound to a port, by default one that the system chooses.
    static func bound(port: UInt16 = 0, listens: Bool = true) throws -> LoopbackSocket {
        let socket = try make()
        var yes: Int32 = 1
        setsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard withAddress(host: 1, port: port, { bind(socket.descriptor, $0, $1) }) == 0, !listens || listen(socket.descriptor, 256) == 0
        else {
            throw Failure.system("bind to \(port)")
        }
        return socket
    }

    /// A connection to a port, from 127.0.0.`source`.
    static func connected(to port: UInt16, source: UInt8 = 1) throws -> LoopbackSocket {
        let socket = try make()
        if source != 1, withAddress(host: source, port: 0, { bind(socket.descriptor, $0, $1) }) != 0 { throw Failure.system("bind") }
        guard withAddress(host: 1, port: port, { connect(socket.descriptor, $0, $1) }) == 0 else {
            throw Failure.system("connect to \(port)")
        }
        return socket
    }

    /// A connection to a port of ::1.
    static func connectedV6(to port: UInt16) throws -> LoopbackSocket {
        let descriptor = Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { throw Failure.system("socket") }
        let socket = LoopbackSocket(descriptor: descriptor)
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6addr_loopback
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
        }
        if code != 0 { throw Failure.system("connect to \(port)") }
        return socket
    }

    /// The port of this side.
    var port: UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    func accepted() -> LoopbackSocket? {
        let descriptor = accept(self.descriptor, nil, nil)
        return descriptor < 0 ? nil : LoopbackSocket(descriptor: descriptor)
    }

    func send(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 { throw Failure.system("send") }
            rest = rest.dropFirst(count)
        }
    }

    /// What there is to read; empty where the other side has closed.
    func receive(_ most: Int = 65_536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 { throw Failure.system("recv") }
        return Array(buffer[..<count])
    }

    /// Reads to the end of a line.
    func line() throws -> String {
        var bytes: [UInt8] = []
        while bytes.last != 0x0A {
            let byte = try receive(1)
            if byte.isEmpty { throw Failure("the connection was closed behind \(String(decoding: bytes, as: UTF8.self))") }
            bytes += byte
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    /// Sends a line and answers the line that comes back.
    func ask(_ text: String) throws -> String {
        try send(text + "\n")
        return try line()
    }

    /// Reads until the other side closes.
    func rest() throws -> String {
        var bytes: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }

    /// Wakes whoever waits on it.
    func shut() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func withAddress(host: UInt8, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

/// A port on which nobody listened a moment ago, and which neither another test nor the system gives away.
func freePort() throws -> UInt16 {
    while true {
        let port = UInt16(10_000 + nextPort.add(1, ordering: .relaxed).oldValue % 20_000)
        if (try? LoopbackSocket.bound(port: port, listens: false)) != nil { return port }
    }
}

private let nextPort = Atomic<Int>(.random(in: 0..<20_000))

/// A real server: to GET it answers with its name over HTTP, and to every other line with its name, a blank and the line. `bytes N` is
/// answered by so many bytes.
final class RealServer: Sendable {
    let name: String
    let port: UInt16
    private let listener: LoopbackSocket
    private let connections = Mutex<[LoopbackSocket]>([])
    private let isStopped = Atomic<Bool>(false)
    /// How many requests over HTTP it answered.
    let requests = Atomic<Int>(0)

    init(_ name: String, port: UInt16 = 0) throws {
        self.name = name
        listener = try LoopbackSocket.bound(port: port)
        self.port = listener.port
        detach { [self] in
            while let connection = listener.accepted(), !isStopped.load(ordering: .acquiring) {
                connections.withLock { $0.append(connection) }
                detach { [self] in
                    try? serve(connection)
                    connection.shut()
                    connections.withLock { $0.removeAll { $0 === connection } }
                }
            }
        }
    }

    /// Ends it with all its connections.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        listener.shut()
        for connection in connections.withLock({ $0 }) { connection.shut() }
    }

    private func serve(_ connection: LoopbackSocket) throws {
        while true {
            let line = try connection.line()
            if line.hasPrefix("GET ") || line.hasPrefix("HEAD ") {
                while try connection.line() != "\r" {}
                if !line.contains(" /check") { requests.add(1, ordering: .relaxed) }
                let body = name + "\n"
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
                return
            }
            if line.hasPrefix("bytes "), let count = Int(line.dropFirst(6)) {
                try connection.send(String(repeating: "x", count: count))
            } else {
                try connection.send("\(name) \(line)\n")
            }
        }
    }
}

/// Runs blocking code on a thread of its own.
func detach(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Body(body))
    let code = pthread_create(&thread, nil, runBody, box.toOpaque())
    if code == 0 { pthread_detach(thread) } else { box.release() }
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private let runBody: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { box in
    if let box { Unmanaged<Body>.fromOpaque(box).takeRetainedValue().run() }
    return nil
}

/// The answer to a GET over HTTP.
struct Page {
    let status: Int
    let body: String
    /// The value of the cookie that was set; nil where none was.
    let cookie: String?

    init(_ port: UInt16, path: String = "/", cookie: String? = nil, source: UInt8 = 1, isV6: Bool = false) throws {
        let socket = try isV6 ? LoopbackSocket.connectedV6(to: port) : LoopbackSocket.connected(to: port, source: source)
        let header = cookie.map { "Cookie: SERVERID=\($0)\r\n" } ?? ""
        try socket.send("GET \(path) HTTP/1.1\r\nHost: test\r\n\(header)\r\n")
        let lines = try socket.rest().split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard let status = Int(lines[0].drop { $0 != " " }.dropFirst().prefix(3)), let end = lines.firstIndex(of: "") else {
            throw Failure("this is no answer over HTTP: \(lines)")
        }
        self.status = status
        body = lines[end...].dropFirst().first.map(String.init) ?? ""
        self.cookie = lines[..<end].first { $0.hasPrefix("set-cookie: SERVERID=") }.map { String($0.dropFirst(21).prefix { $0 != ";" }) }
    }
}

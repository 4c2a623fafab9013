import Foundation
import Synchronization
import TestSupport

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
        listener = try LoopbackSocket.bound(port: port, listens: true)
        self.port = listener.port
        Thread.detachNewThread { [self] in
            while let connection = listener.accepted(), !isStopped.load(ordering: .acquiring) {
                connections.withLock { $0.append(connection) }
                Thread.detachNewThread { [self] in
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

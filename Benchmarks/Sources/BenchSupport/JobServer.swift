import Foundation

/// A private gearmand on a free loopback port.
package final class JobServer {
    private let process: ChildProcess
    private let port: UInt16

    /// Starts it and waits until it answers.
    package init(folder: String) throws {
        port = try Self.freePort()
        // A backlog for the most connections that come at once: a refused one would try again a second later.
        process = try ChildProcess(
            ["gearmand", "-L", "127.0.0.1", "-p", "\(port)", "-l", "none", "-P", folder + "/gearmand.pid", "--backlog", "256"],
            log: folder + "/gearmand.log")
        guard waitUntil(seconds: 10, { process.isRunning && (try? ask("version"))?.hasPrefix("OK") == true }) else {
            throw BenchFailure("gearmand does not answer on port \(port)")
        }
    }

    /// `HOST:PORT`.
    package var address: String { "127.0.0.1:\(port)" }

    /// How many workers there are for a function, and how many jobs, waiting and running.
    package func status(of function: String) throws -> (jobs: Int, workers: Int) {
        for line in try ask("status", until: ".\n").split(separator: "\n") {
            let fields = line.split(separator: "\t")
            if fields.count == 4, fields[0] == function { return (Int(fields[1]) ?? 0, Int(fields[3]) ?? 0) }
        }
        return (0, 0)
    }

    /// A connection that submits jobs.
    package func client() throws -> JobClient {
        let socket = try Self.socket()
        guard unsafe Self.withLoopback(port, { unsafe connect(socket, $0, $1) }) == 0 else { throw BenchFailure("gearmand: no connection") }
        return JobClient(socket: socket)
    }

    /// The answer to a line of the text protocol.
    private func ask(_ line: String, until end: String = "\n") throws -> String {
        let socket = try Self.socket()
        defer { close(socket) }
        guard unsafe Self.withLoopback(port, { unsafe connect(socket, $0, $1) }) == 0 else { throw BenchFailure("gearmand: no connection") }
        let request = Array("\(line)\n".utf8)
        guard unsafe send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw BenchFailure("gearmand takes no line")
        }
        var answer = ""
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !answer.hasSuffix(end) {
            let count = unsafe recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { throw BenchFailure("gearmand hung up") }
            answer += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return answer
    }

    /// A port that nobody listens on: the system's choice, let go again.
    package static func freePort() throws -> UInt16 {
        let socket = try Self.socket()
        defer { close(socket) }
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        guard unsafe withLoopback(0, { unsafe bind(socket, $0, $1) }) == 0 else { throw BenchFailure("no free port") }
        let result = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(socket, $0, &size) }
        }
        guard result == 0 else { throw BenchFailure("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func socket() throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw BenchFailure("no socket") }
        return socket
    }

    private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, size) }
        }
    }
}

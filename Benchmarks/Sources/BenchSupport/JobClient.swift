import Foundation

/// A connection to a job server that submits one job after the other (the protocol: http://gearman.org/protocol/).
package final class JobClient {
    private static let submitJob: UInt32 = 7
    private static let workComplete: UInt32 = 13

    private let socket: Int32

    init(socket: Int32) {
        self.socket = socket
        // A small packet waits for nothing.
        var yes: Int32 = 1
        unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(socket) }

    /// Submits a job and answers its reply.
    package func submit(_ job: String, to function: String) throws -> String {
        let payload = Array("\(function)\0\0\(job)".utf8)
        try send([0] + Array("REQ".utf8) + Self.bigEndian(Self.submitJob) + Self.bigEndian(UInt32(payload.count)) + payload)
        while true {
            let head = try receive(12)
            let type = Self.number(head[4..<8])
            let body = try receive(Int(Self.number(head[8..<12])))
            // The handle stands before the reply.
            if type == Self.workComplete { return String(decoding: body.drop { $0 != 0 }.dropFirst(), as: UTF8.self) }
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw BenchFailure("gearmand takes no job") }
            rest = rest.dropFirst(count)
        }
    }

    private func receive(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < count {
            let got = unsafe recv(socket, &buffer, min(buffer.count, count - bytes.count), 0)
            guard got > 0 else { throw BenchFailure("gearmand hung up") }
            bytes += buffer[..<got]
        }
        return bytes
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}

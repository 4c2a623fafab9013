import Foundation
import Glibc
import LBaaS
import Synchronization
import TestSupport

/// A DNS server on loopback, which knows addresses of IPv4 alone.
final class NameServer: Sendable {
    /// Where it listens.
    let port: UInt16
    private let socket: Socket
    private let addresses = Mutex<[String: [UInt32]]>([:])
    private let isStopped = Atomic<Bool>(false)

    init() throws {
        socket = try Socket(.udp, for: .v4(0x7F00_0001))
        try socket.bind(to: .v4(0x7F00_0001), port: 0)
        port = socket.port
        Thread.detachNewThread { [self] in
            while !isStopped.load(ordering: .acquiring) {
                var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
                if poll(&entry, 1, 100) > 0 { answer() }
            }
        }
    }

    func stop() { isStopped.store(true, ordering: .releasing) }

    /// Gives a name these addresses of 127.0.0.0/24 from now on, or lets there be no such name.
    func set(_ name: String, _ hosts: UInt32...) { addresses.withLock { $0[name] = hosts.isEmpty ? nil : hosts.map { 0x7F00_0000 | $0 } } }

    /// Answers a query (RFC 1035, section 4.1).
    private func answer() {
        var query = [UInt8](repeating: 0, count: 1024)
        var sender = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &sender) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let count = recvfrom(socket.descriptor, &query, query.count, 0, address, &size)
                guard count > 16, let reply = reply(to: Array(query[..<count])) else { return }
                _ = sendto(socket.descriptor, reply, reply.count, 0, address, size)
            }
        }
    }

    private func reply(to query: [UInt8]) -> [UInt8]? {
        var (labels, index) = ([String](), 12)
        while index < query.count, query[index] != 0 {
            let end = index + 1 + Int(query[index])
            guard end < query.count else { return nil }
            labels.append(String(decoding: query[(index + 1)..<end], as: UTF8.self))
            index = end
        }
        guard index + 5 <= query.count else { return nil }
        let question = query[12..<(index + 5)]
        let isAddress = query[index + 2] == 1
        let known = addresses.withLock { $0[labels.joined(separator: ".").lowercased()] }
        let found = isAddress ? known ?? [] : []
        var reply = Array(query[..<2]) + [0x81, known == nil ? 0x83 : 0x80, 0, 1, 0, UInt8(found.count), 0, 0, 0, 0] + question
        for address in found {
            reply += [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4] + (0..<4).map { UInt8(truncatingIfNeeded: address >> (24 - 8 * $0)) }
        }
        return reply
    }
}

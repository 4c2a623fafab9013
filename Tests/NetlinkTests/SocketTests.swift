import CNetlink
import Foundation
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("A socket")
struct SocketTests {
    /// A request for the family of a number, as bytes.
    private func requestBytes(_ family: UInt16) -> [UInt8] {
        let payload: [UInt8] = [3, 2, 0, 0] + attribute(1, bytes(family))
        return bytes(UInt32(16 + payload.count)) + bytes(UInt16(16)) + bytes(UInt16(1)) + bytes(UInt32(77)) + bytes(UInt32(0)) + payload
    }

    private func receive(_ socket: NetlinkSocket, into buffer: inout [UInt8]) throws(NetlinkError) -> Datagram? {
        try socket.receive(into: &buffer, until: .now + .seconds(5))
    }

    @Test("waits until the deadline, and no longer than that")
    func deadline() throws {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: 65536, sendBuffer: 65536)
        var buffer = [UInt8](repeating: 0, count: 64)
        let deadline = ContinuousClock.now + .milliseconds(20)
        #expect(try socket.receive(into: &buffer, until: deadline) == nil)
        #expect(ContinuousClock.now >= deadline)
        #expect(try socket.receive(into: &buffer, until: deadline) == nil)
    }

    @Test("hands datagrams on in their order, however many are there, and into buffers of any size", arguments: 1...5)
    func order(count: Int) throws {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: 65536, sendBuffer: 65536)
        for index in 0..<count {
            var request = requestBytes(9999)
            request[8] = UInt8(index)
            try socket.send(request.span.bytes)
        }
        for index in 0..<count {
            var buffer = [UInt8](repeating: 0, count: 64 << index)
            #expect(try receive(socket, into: &buffer)?.count == 36)
            #expect(number(UInt32.self, in: buffer[...], at: 8) == UInt32(index))
        }
        var buffer = [UInt8](repeating: 0, count: 64)
        #expect(try socket.receive(into: &buffer, until: nil) == nil)
    }

    @Test("tells how long a datagram was that the buffer did not hold")
    func truncated() throws {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: 65536, sendBuffer: 65536)
        try socket.send(requestBytes(16).span.bytes)
        var buffer = [UInt8](repeating: 0xEE, count: 20)
        let datagram = try #require(try receive(socket, into: &buffer))
        #expect(datagram.sender == 0)
        #expect(datagram.count > 20)
        #expect(number(UInt32.self, in: buffer[...], at: 0) == UInt32(datagram.count))
        #expect(number(UInt32.self, in: buffer[...], at: 8) == 77)
    }

    @Test("tells that the kernel had to drop something")
    func overrun() throws {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: 1, sendBuffer: 65536)
        let request = requestBytes(9999)
        for _ in 0..<(socket.receiveRoom / 256 + 2) { try socket.send(request.span.bytes) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let error = failure { () throws(NetlinkError) in _ = try receive(socket, into: &buffer) }
        #expect(error?.code == .lost)
        #expect(error?.number == ENOBUFS)
        // What was not dropped is still there.
        #expect(try receive(socket, into: &buffer)?.count == 36)
    }

    @Test("tells how much goes into a send")
    func sendRoom() throws {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: 65536, sendBuffer: 8192)
        #expect(socket.sendRoom == 2 * 8192 - 32)
        // Messages that say nothing.
        let most = Array(repeatElement(bytes(UInt32(16)) + bytes(UInt32(1)) + bytes(UInt64(0)), count: socket.sendRoom / 16).joined())
        #expect(most.count == socket.sendRoom)
        try socket.send(most.span.bytes)
        let error = failure { () throws(NetlinkError) in try socket.send((most + [0]).span.bytes) }
        #expect(error?.code == .system)
        #expect(error?.number == EMSGSIZE)
        #expect(error?.message == "cannot send \(most.count + 1) bytes to the kernel: Message too long")
    }

    @Test("asks for more than others get", .enabled(if: mayAdministerNetworks(), "needs CAP_NET_ADMIN"))
    func force() throws {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: 64 << 20, sendBuffer: 32 << 20)
        #expect(socket.receiveRoom == 128 << 20)
        #expect(socket.sendRoom == (64 << 20) - 32)
    }

    @Test("tells who sent a datagram", .enabled(if: mayAdministerNetworks(), "needs CAP_NET_ADMIN"))
    func sender() throws {
        let socket = try NetlinkSocket.open(.generic, receiveBuffer: 65536, sendBuffer: 65536)
        try socket.send(requestBytes(16).span.bytes)
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = try receive(socket, into: &buffer)
        let port = number(UInt32.self, in: buffer[...], at: 12)

        let stranger = try #require(nl_socket_alloc())
        defer { nl_socket_free(stranger) }
        try #require(genl_connect(stranger) == 0)
        nl_socket_set_peer_port(stranger, port)
        var words: [UInt8] = [1, 2, 3]
        #expect(nl_sendto(stranger, &words, words.count) == 3)
        let datagram = try #require(try receive(socket, into: &buffer))
        #expect(datagram.sender == nl_socket_get_local_port(stranger))
        #expect(datagram.count == 3)
    }
}

/// Whether this process has `CAP_NET_ADMIN`.
private func mayAdministerNetworks() -> Bool {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let mask = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
    return (mask ?? 0) & 1 << 12 != 0
}

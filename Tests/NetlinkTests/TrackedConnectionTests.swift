import Glibc
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("Connections that are tracked")
struct TrackedConnectionTests {
    private func nest(_ type: UInt16, _ parts: [UInt8]...) -> [UInt8] { attribute(type | 0x8000, Array(parts.joined())) }

    /// A tuple of a datagram.
    private func tuple(_ source: [UInt8], _ destination: [UInt8], port: UInt16) -> [UInt8] {
        let first: UInt16 = source.count == 4 ? 1 : 3
        return nest(1, attribute(first, source), attribute(first + 1, destination))
            + nest(2, attribute(1, [17]), attribute(2, bytes((4000 as UInt16).bigEndian)), attribute(3, bytes(port.bigEndian)))
    }

    private func connection(_ family: UInt8, _ original: [UInt8], _ reply: [UInt8]) -> [UInt8] {
        [family, 0, 0, 0] + nest(1, original) + nest(2, reply) + attribute(3, [0, 0, 0, 8])
    }

    private let client: [UInt8] = [192, 0, 2, 10]
    private let service: [UInt8] = [10, 96, 0, 10]
    private let pod: [UInt8] = [10, 244, 1, 5]
    private let target = TrackedConnections.Target(address: .v4(0x0A60_000A), transport: 17, port: 53)

    /// What is sent where these are listed, and this is the answer to what is sent then.
    private func sent(
        _ connections: [[UInt8]], to target: TrackedConnections.Target? = nil, number: Int32 = 0
    ) throws -> (requests: [Request], error: Int32?) {
        let target = target ?? self.target
        var isListed = false
        let kernel = ScriptedKernel { requests in
            defer { isListed = true }
            if isListed { return [.datagram(verdict(number, on: requests[0]))] }
            return [.datagram(connections.flatMap { message(0x0100, flags: 2, to: requests[0], $0) } + done(requests[0]))]
        }
        let refusal = failure { () throws(NetlinkError) in
            try TrackedConnections(transport: kernel, timeout: .seconds(5)).forgetUntranslated(to: [target])
        }
        return (kernel.sends.flatMap(\.self), refusal?.number)
    }

    @Test("are forgotten where they go to a target as they are, and no others")
    func forgotten() throws {
        let stale = tuple(client, service, port: 53)
        let (requests, error) = try sent([
            connection(2, tuple(client, service, port: 54), tuple(service, client, port: 4000)),
            connection(2, stale, tuple(pod, client, port: 4000)),
            connection(2, stale, tuple(service, client, port: 4000)),
            connection(2, tuple(client, pod, port: 53), tuple(pod, client, port: 4000)),
            connection(
                10, tuple(Array(repeating: 1, count: 16), Array(repeating: 2, count: 16), port: 53), tuple(service, client, port: 53)),
        ])
        #expect(requests.map(\.type) == [0x0101, 0x0102] && error == nil)
        #expect(requests.map { $0.flags & ~4 } == [0x301, 1])
        #expect(requests.map { Array($0.bytes[16..<20]) } == [[2, 0, 0, 0], [2, 0, 0, 0]])
        // The kernel is asked for those alone.
        let asked = nest(1, nest(1, attribute(2, service)), nest(2, attribute(1, [17]), attribute(3, bytes((53 as UInt16).bigEndian))))
        #expect(requests.first?.attributes == asked + nest(25, attribute(1, bytes(0x2A as UInt32))))
        #expect(requests.last?.attributes == nest(1, stale))
    }

    @Test("of IPv6 are asked for by their port alone, for the kernel leaves out just those with the address that is asked for")
    func ofIPv6() throws {
        let address: [UInt8] = [0xFD, 0] + Array(repeating: 0, count: 13) + [9]
        let (client, other) = (Array(repeating: 1 as UInt8, count: 16), Array(repeating: 2 as UInt8, count: 16))
        let target = TrackedConnections.Target(address: .v6(high: 0xFD00 << 48, low: 9), transport: 17, port: 53)
        let stale = tuple(client, address, port: 53)
        let (requests, error) = try sent(
            [
                connection(10, tuple(client, other, port: 53), tuple(other, client, port: 4000)),
                connection(10, stale, tuple(address, client, port: 4000)),
            ], to: target)
        #expect(error == nil && requests.map { Array($0.bytes[16..<20]) } == [[10, 0, 0, 0], [10, 0, 0, 0]])
        let asked = nest(1, nest(2, attribute(1, [17]), attribute(3, bytes((53 as UInt16).bigEndian))))
        #expect(requests.first?.attributes == asked + nest(25, attribute(1, bytes(0x28 as UInt32))))
        #expect(requests.last?.attributes == nest(1, stale))
    }

    @Test("need not be there any more, and what the kernel refuses otherwise is an error")
    func refused() throws {
        let stale = connection(2, tuple(client, service, port: 53), tuple(service, client, port: 4000))
        #expect(try sent([stale], number: ENOENT).error == nil)
        #expect(try sent([stale], number: EPERM).error == EPERM)
        #expect(try sent([]).requests.count == 1)
    }
}

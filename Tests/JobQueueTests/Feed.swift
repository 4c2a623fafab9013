import Glibc
import HostSystem
import TestSupport

@testable import JobQueue

/// A buffer at one end of a pair of sockets.
struct Feed: ~Copyable {
    var buffer: PacketBuffer
    let reading: Descriptor
    private let writing: Descriptor
    private(set) var taken: [WirePacket] = []

    init(longestJob: Int = PacketBuffer.longestJob) throws {
        buffer = PacketBuffer(longestJob: longestJob)
        var ends: [Int32] = [-1, -1]
        if socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) != 0 {
            throw systemError("socketpair")
        }
        reading = Descriptor(owning: ends[0])
        writing = Descriptor(owning: ends[1])
    }

    /// Has the buffer receive bytes.
    mutating func give(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(writing.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno != EAGAIN { throw systemError("send") }
            rest = rest.dropFirst(max(count, 0))
            while case .bytes = buffer.receive(from: reading) {}
        }
    }

    /// Takes all packets that are there.
    mutating func takeAll() throws {
        while let packet = try buffer.next() {
            taken.append(WirePacket(type: packet.command.rawValue, arguments: Array(buffer.bytes[packet.arguments])))
        }
    }

    func hangUp() { shutdown(writing.number, Int32(SHUT_RDWR)) }
}

/// Why something failed; nil where it did not.
func sentence(_ body: () throws(ConnectionFailure) -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return error.reason
    }
}

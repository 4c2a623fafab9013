import CGearman
import Glibc
import HostSystem

@testable import JobQueue

/// What a job server sends: the packets are those of the bytes, whatever pieces they come in, and the jobs are parts of their packets.
func fuzzGearmanPackets(_ input: [UInt8]) {
    var ends: [Int32] = [-1, -1]
    require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0, "no sockets: errno \(errno)")
    let near = Descriptor(owning: ends[0])
    let far = Descriptor(owning: ends[1])
    far.neverBlock()
    var reader = PacketReader(input: input)
    var sent = 0
    repeat {
        // The first byte says how long the pieces are, up to what the socket takes. Of a long input they are longer.
        let piece = max(1 << (Int(input.first ?? 0) % 20), input.count >> 10)
        let count = input[sent...].prefix(piece).withUnsafeBytes { write(far.number, $0.baseAddress, $0.count) }
        sent += max(count, 0)
        guard reader.receive(from: near) else { return }
    } while sent < input.count
}

/// What a connection does with what comes, without the answers.
private struct PacketReader {
    let input: [UInt8]
    private var buffer = PacketBuffer()
    private var conversation = Conversation()
    /// Up to here the input was taken.
    private var taken = 0

    init(input: [UInt8]) { self.input = input }

    /// Receives until there is nothing; false where the connection is lost.
    mutating func receive(from socket: borrowing Descriptor) -> Bool {
        while buffer.receive(from: socket) != .nothing {
            var jobs: [JobGroup.Place] = []
            do throws(ConnectionFailure) {
                while let packet = try buffer.next() {
                    check(packet)
                    if conversation.unanswered == 0 { conversation.ask(for: Appetite.most) }
                    if try conversation.receive(packet.command) == .job { jobs.append(try JobGroup.Place(packet, in: buffer)) }
                }
            } catch {
                require(!error.reason.isEmpty, "the connection is lost without a reason")
                return false
            }
            if !jobs.isEmpty { check(JobGroup.groups(of: jobs, in: buffer.bytes), count: jobs.count) }
            buffer.removeTaken()
        }
        return true
    }

    /// A packet has the bytes that come next in the input.
    private mutating func check(_ packet: Packet) {
        let end = taken + Packet.headerSize + packet.arguments.count
        let header = input[taken..<end].prefix(Packet.headerSize)
        let expected = [0, 0x52, 0x45, 0x53] + bytes(packet.command.rawValue) + bytes(UInt32(packet.arguments.count))
        require(Array(header) == expected, "a packet with a header of its own at \(taken)")
        require(buffer.bytes[packet.arguments] == input[taken + Packet.headerSize..<end], "other bytes in the packet at \(taken)")
        taken = end
    }

    /// No job is lost, and each can be read.
    private func check(_ groups: [JobGroup], count: Int) {
        require(groups.map(\.indices.count).reduce(0, +) == count, "\(count) jobs became others")
        for group in groups {
            for job in group.indices { require(!group.handle(of: job).utf8.contains(0), "a zero byte in a handle") }
            for job in group.indices { group.withWorkload(of: job) { _ in } }
        }
    }

    private func bytes(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}

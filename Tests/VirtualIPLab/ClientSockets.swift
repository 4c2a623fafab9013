import CLinux
import Glibc
import LBaaS
import Synchronization
import TestSupport

/// The sockets of the client: one for each address, through which the kernel sends, and packet sockets. Used by one thread at a time.
final class ClientSockets: @unchecked Sendable {
    private let pings: [IPAddress: Int32]
    private let sender: Int32
    /// With the types of Ethernet that they receive.
    private let listeners: [(etherType: UInt16, descriptor: Int32)]
    private let interface: Int32
    private let frames = Frames(
        v4: .v4(0x0A00_0009), v6: .v6(high: 0x2001_0DB8_0000_0000, low: 9), hardware: [2, 0, 0, 0, 0, 9])
    private var waiting: [packet_frame] = []
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 8)
    private let name = UnsafeMutablePointer<sockaddr_storage>.allocate(capacity: 1)

    /// In the network namespace of this thread.
    init(_ addresses: [IPAddress]) throws {
        let interface = Int32(if_nametoindex("eth0"))
        self.interface = interface
        sender = packet_open(0, 0)
        listeners = [0x0806, 0x0800, 0x86DD].map { ($0, packet_open($0, interface)) }
        var pings: [IPAddress: Int32] = [:]
        for address in addresses { pings[address] = try Self.ping(address) }
        self.pings = pings
        guard sender >= 0, listeners.allSatisfy({ $0.descriptor >= 0 }) else { throw systemError("cannot open a packet socket") }
        var room: Int32 = 4 << 20
        for listener in listeners {
            setsockopt(listener.descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit {
        for descriptor in [sender] + listeners.map(\.descriptor) + pings.values { close(descriptor) }
        buffer.deallocate()
        name.deallocate()
    }

    /// A socket that sends the pings of an address. What it receives is read from the packet sockets.
    private static func ping(_ address: IPAddress) throws -> Int32 {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor: Int32
        let code: Int32
        switch address {
        case .v4(let bits):
            descriptor = socket(AF_INET, kind, Int32(IPPROTO_ICMP))
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_addr.s_addr = bits.bigEndian
            code = connect(descriptor, to: target)
        case .v6(let high, let low):
            descriptor = socket(AF_INET6, kind, Int32(IPPROTO_ICMPV6))
            var target = sockaddr_in6()
            target.sin6_family = sa_family_t(AF_INET6)
            withUnsafeMutableBytes(of: &target.sin6_addr) {
                $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            code = connect(descriptor, to: target)
        }
        guard descriptor >= 0, code == 0 else { throw systemError("cannot open a socket for pings to \(address)") }
        return descriptor
    }

    private static func connect<Name>(_ descriptor: Int32, to name: Name) -> Int32 {
        withUnsafePointer(to: name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Name>.size)) }
        }
    }

    /// Sends a question; one to all hosts with the next `flush`. One that cannot be sent is one that nobody answers.
    func send(_ question: Question, _ address: IPAddress, number: UInt32) {
        if question == .ping, let descriptor = pings[address] {
            let message = Frames.echo(question, address, number: number)
            _ = Glibc.send(descriptor, message, message.count, Int32(MSG_DONTWAIT))
            return
        }
        let bytes = frames.frame(question, address, number: number)
        var frame = packet_frame()
        frame.interface = interface
        frame.length = UInt32(bytes.count)
        withUnsafeMutableBytes(of: &frame.bytes) { $0.copyBytes(from: bytes) }
        waiting.append(frame)
    }

    /// Sends what waits.
    func flush() {
        waiting.withUnsafeBufferPointer { frames in
            guard let first = frames.baseAddress else { return }
            var next = 0
            while next < frames.count {
                let sent = packet_send(sender, first + next, Int32(frames.count - next))
                next += sent > 0 ? Int(sent) : 1
            }
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// Takes the answers that came, with the numbers of the hosts that gave them.
    func receive(_ body: (Answer, _ owner: Int) -> Void) {
        for listener in listeners {
            while true {
                var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
                let count = name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(listener.descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT), $0, &size)
                }
                if count < 0 { break }
                guard let answer = Frames.read(UnsafeRawBufferPointer(rebasing: buffer[..<count]), etherType: listener.etherType) else {
                    continue
                }
                // The last byte of the six that `sll_addr` has at offset 12 is the number of the host.
                body(answer, Int(UnsafeRawPointer(name).load(fromByteOffset: 17, as: UInt8.self)))
            }
        }
    }
}

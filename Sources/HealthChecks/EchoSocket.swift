import CLinux
import Glibc
import LBaaS

/// A socket for ICMP echo requests.
final class EchoSocket {
    private let socket: Socket
    private let messages: EchoMessage
    /// Whether what is received has an IP header in front.
    private let hasHeader: Bool

    /// Its number.
    var number: Int32 { socket.number }

    /// Opens one that sends from an address, or where that is unspecified from the one that the system chooses.
    ///
    /// Processes of the groups in `net.ipv4.ping_group_range` get a socket that is for nothing else, which counts for IPv6 too. Others need
    /// CAP_NET_RAW.
    init(from source: IPAddress) throws(SystemFailure) {
        messages = if case .v4 = source { .v4 } else { .v6 }
        let number = Int32(messages == .v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)
        do throws(SystemFailure) {
            socket = try Socket.open(source.socketFamily, SOCK_DGRAM, number)
            hasHeader = false
        } catch {
            guard error.number == EACCES else { throw error }
            socket = try Self.openRaw(source.socketFamily, number)
            hasHeader = messages == .v4
        }
        // Many answers may come at once. Beyond net.core.rmem_max it takes CAP_NET_ADMIN.
        if !socket.set(SOL_SOCKET, SO_RCVBUFFORCE, to: Int32(1 << 20)) { socket.set(SOL_SOCKET, SO_RCVBUF, to: Int32(1 << 20)) }
        if !source.isUnspecified { try socket.bind(to: source) }
    }

    private static func openRaw(_ family: Int32, _ number: Int32) throws(SystemFailure) -> Socket {
        do throws(SystemFailure) {
            let socket = try Socket.open(family, SOCK_RAW, number)
            // A bit that is set keeps messages of that type away: everything but echo replies.
            if family == AF_INET {
                socket.set(SOL_RAW, ICMP_FILTER, to: ~UInt32(1))
            } else {
                var filter: InlineArray<8, UInt32> = .init(repeating: .max)
                filter[Int(ICMP6_ECHO_REPLY) / 32] = ~(1 << UInt32(ICMP6_ECHO_REPLY % 32))
                socket.set(number, ICMP6_FILTER, to: filter)
            }
            return socket
        } catch {
            guard error.number == EPERM else { throw error }
            throw SystemFailure("needs CAP_NET_RAW, or a group of the worker in net.ipv4.ping_group_range", EPERM)
        }
    }

    /// Sends a request.
    func send(_ mark: EchoMark, to address: IPAddress) throws(SystemFailure) { try socket.send(messages.request(mark), to: address) }

    /// What a message that has come brings back, and from whom; nil where none has come.
    func receive(into buffer: inout [UInt8]) -> (mark: EchoMark?, sender: IPAddress?)? {
        do throws(SystemFailure) {
            guard let message = try socket.receive(into: &buffer) else { return nil }
            return (messages.mark(in: buffer[..<message.count], hasHeader: hasHeader), message.sender)
        } catch {
            return nil
        }
    }
}

import Glibc
import IPVSDriver
import Netlink
import NetlinkTestSupport

/// The kernel's family "IPVS", number 25, which answers as a test has it answer.
struct WireKernel {
    let kernel: NetlinkKernel
    private let transport: ScriptedKernel

    /// - Parameter answer: what comes of requests but that for the family's number.
    init(_ answer: @escaping ([Request]) -> [ScriptedKernel.Word] = { [.datagram(verdict(0, on: $0[$0.count - 1]))] }) throws {
        transport = ScriptedKernel { requests in
            guard requests[0].type == 16 else { return answer(requests) }
            let number = attribute(1, bytes(25 as UInt16)) + attribute(3, bytes(1 as UInt32))
            return [.datagram(reply(1, to: requests[0], number)), .datagram(verdict(0, on: requests[0]))]
        }
        kernel = try NetlinkKernel(GenericNetlink(transport))
    }

    /// A kernel that lists these messages.
    init(listing command: UInt8, _ messages: [UInt8]...) throws {
        try self.init { requests in
            messages.map { .datagram(reply(command, flags: 2, to: requests[0], $0)) } + [.datagram(done(requests[0]))]
        }
    }

    /// A kernel that answers with this message.
    init(answering command: UInt8, _ attributes: [UInt8]) throws {
        try self.init { [.datagram(reply(command, to: $0[0], attributes)), .datagram(verdict(0, on: $0[0]))] }
    }

    /// What it was sent, but the request for the family's number.
    var requests: [Request] { transport.sends.dropFirst().flatMap(\.self) }

    /// The changes as they are sent.
    static func sent(_ changes: Change...) throws -> [Request] {
        let wire = try WireKernel()
        _ = try wire.kernel.carryOut(changes) { _, _ in }
        return wire.requests
    }
}

/// An attribute of attributes, as we write it: marked as nested.
func nest(_ type: UInt16, _ attributes: [UInt8]) -> [UInt8] { attribute(type | 0x8000, attributes) }

/// Four bytes of zeros so many times.
func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

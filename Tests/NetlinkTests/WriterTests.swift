import Glibc
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("A request")
struct WriterTests {
    /// What the kernel gets.
    private func sent(_ write: (inout MessageWriter) -> Void) throws -> Request {
        let kernel = ScriptedKernel { requests in [.datagram(verdict(0, on: requests[0]))] }
        try GenericNetlink(kernel).ask(family, command: 5, write: write)
        return try #require(kernel.sends.first?.first)
    }

    @Test("has a header, a command and no attribute")
    func header() throws {
        let request = try sent { _ in }
        #expect(request.bytes.count == 20)
        #expect(request.length == 20)
        #expect(request.type == 30)
        // NLM_F_REQUEST | NLM_F_ACK
        #expect(request.flags == 5)
        #expect(request.sequence == 1)
        #expect(request.port == 0)
        #expect(request.command == 5)
        #expect(request.version == 7)
        #expect(request.bytes[18...] == [0, 0])
    }

    @Test("has numbers in the order of the host")
    func numbers() throws {
        let request = try sent { request in
            request.put(1, 0xAB as UInt8)
            request.put(2, 0xABCD as UInt16)
            request.put(3, 0x89AB_CDEF as UInt32)
            request.put(4, 0x0123_4567_89AB_CDEF as UInt64)
        }
        let expected =
            attribute(1, [0xAB]) + attribute(2, bytes(0xABCD as UInt16)) + attribute(3, bytes(0x89AB_CDEF as UInt32))
            + attribute(4, bytes(0x0123_4567_89AB_CDEF as UInt64))
        #expect(request.attributes == expected)
        #expect(request.length == 20 + 8 + 8 + 8 + 12)
    }

    @Test("has ports and addresses in network order")
    func networkOrder() throws {
        let request = try sent { request in
            request.put(1, bigEndian: 0x1F90 as UInt16)
            request.put(2, bigEndian: 0x0A00_0001 as UInt32)
            request.put(3, bigEndian: 0xFD00_0000_0000_0001, 0x0203_0405_0607_0809)
        }
        let address: [UInt8] = [0xFD, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        #expect(request.attributes == attribute(1, [0x1F, 0x90]) + attribute(2, [10, 0, 0, 1]) + attribute(3, address))
    }

    @Test("has text with the NUL that ends it", arguments: ["", "w", "rr", "wrr", "wlc!", "straße", "a scheduler's name of many bytes"])
    func text(text: String) throws {
        #expect(try sent { $0.put(6, text: text) }.attributes == attribute(6, Array(text.utf8) + [0]))
    }

    @Test("has bytes", arguments: 0...9)
    func someBytes(count: Int) throws {
        let value = (0..<count).map { UInt8($0 + 1) }
        #expect(try sent { $0.put(7, bytes: value.span.bytes) }.attributes == attribute(7, value))
    }

    @Test("has attributes within attributes, which are marked")
    func nests() throws {
        let request = try sent { request in
            request.nest(1) { service in
                service.put(2, 6 as UInt16)
                service.nest(3) { _ in }
                service.put(4, 9 as UInt8)
            }
            request.put(5, 1 as UInt32)
        }
        let inner = attribute(2, bytes(6 as UInt16)) + attribute(0x8003, []) + attribute(4, [9])
        #expect(request.attributes == attribute(0x8001, inner) + attribute(5, bytes(1 as UInt32)))
    }

    @Test("leaves nothing in the memory for those after it")
    func memory() throws {
        let kernel = ScriptedKernel { requests in [.datagram(verdict(0, on: requests[requests.count - 1]))] }
        let netlink = GenericNetlink(kernel)
        var batch = Batch(family, capacity: 64)
        for _ in 0..<50 { batch.append(command: 1) { $0.put(1, UInt64.max) } }
        _ = try netlink.carryOut(&batch)
        batch.removeAll()
        let isEmpty = batch.isEmpty
        #expect(isEmpty)
        batch.append(command: 2) { request in
            request.put(1, 1 as UInt8)
            request.put(2, 2 as UInt16)
            request.put(3, text: "")
        }
        _ = try netlink.carryOut(&batch)
        let expected = attribute(1, [1]) + attribute(2, bytes(2 as UInt16)) + attribute(3, [0])
        #expect(kernel.sends.last?.map(\.attributes) == [expected])
    }

    @Test("that is too long is not sent, and the others keep their places")
    func tooLong() throws {
        let kernel = ScriptedKernel { requests in [.datagram(verdict(ESRCH, on: requests[2])), .datagram(verdict(0, on: requests[4]))] }
        let longest = [UInt8](repeating: 1, count: 65531)
        let longestSent = [UInt8](repeating: 1, count: 65508)
        var batch = Batch(family)
        batch.append(command: 0) { $0.put(1, bytes: longestSent.span.bytes) }
        batch.append(command: 1) { $0.put(1, bytes: longest.span.bytes) }
        batch.append(command: 2)
        batch.append(command: 3) { request in
            request.nest(1) { nest in
                for _ in 0..<9000 { nest.put(2, 1 as UInt32) }
            }
        }
        batch.append(command: 4)
        let failures = try GenericNetlink(kernel).carryOut(&batch)
        #expect(failures.map(\.index) == [1, 2, 3])
        #expect(failures.map(\.number) == [EMSGSIZE, ESRCH, EMSGSIZE])
        let requests = try #require(kernel.sends.first)
        // NLMSG_NOOP, which the kernel passes over.
        #expect(requests.map(\.type) == [30, 1, 30, 1, 30])
        #expect(requests.map(\.bytes.count) == [20 + 4 + 65508, 16, 20, 16, 20])
        #expect(requests.map(\.sequence) == [1, 2, 3, 4, 5])
    }
}

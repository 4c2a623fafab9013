import Glibc
import NetlinkTestSupport
import Testing

@testable import Netlink

@Suite("nf_tables")
struct NFTablesTests {
    private func filter(_ kernel: ScriptedKernel) -> NFTables { NFTables(transport: kernel, port: 17, timeout: .seconds(5)) }

    /// What the kernel gets of a transaction, without its beginning and its end.
    private func sent(_ build: (inout NFTablesTransaction) -> Void) throws -> [Request] {
        let kernel = ScriptedKernel { requests in [.datagram(verdict(0, on: requests[requests.count - 2]))] }
        var transaction = NFTablesTransaction()
        build(&transaction)
        try filter(kernel).carryOut(&transaction)
        let requests = try #require(kernel.sends.first)
        #expect(requests.first?.type == 16)
        #expect(requests.last?.type == 17)
        // struct nfgenmsg: no family, version 0, and the subsystem in network order.
        for boundary in [requests.first, requests.last] { #expect(boundary.map { Array($0.bytes[16...]) } == [0, 0, 0, 10]) }
        #expect(requests.map(\.isAcknowledged) == requests.indices.map { $0 == requests.count - 2 })
        return Array(requests.dropFirst().dropLast())
    }

    private func text(_ type: UInt16, _ text: String) -> [UInt8] { attribute(type, Array(text.utf8) + [0]) }

    private func word(_ type: UInt16, _ value: UInt32) -> [UInt8] { attribute(type, bytes(value.bigEndian)) }

    private func nest(_ type: UInt16, _ parts: [UInt8]...) -> [UInt8] { attribute(type | 0x8000, Array(parts.joined())) }

    @Test("adds tables, chains and sets")
    func structure() throws {
        let requests = try sent { transaction in
            transaction.addTable("t", .netdev)
            transaction.addSet("s", table: "t", .netdev, .v6Address, expires: true)
            transaction.addChain("c", table: "t", hook: .egress, device: "eth0", priority: -5)
            transaction.flushChain("c", table: "t", .netdev)
            transaction.deleteTable("t", .inet)
        }
        #expect(requests.map(\.type) == [0x0A00, 0x0A09, 0x0A03, 0x0A08, 0x0A02])
        #expect(requests.map { $0.flags & ~4 } == [0x401, 0x401, 0x401, 1, 1])
        #expect(requests.map { Array($0.bytes[16..<20]) } == [[5, 0, 0, 0], [5, 0, 0, 0], [5, 0, 0, 0], [5, 0, 0, 0], [1, 0, 0, 0]])
        #expect(requests[0].attributes == text(1, "t"))
        #expect(requests[1].attributes == text(1, "t") + text(2, "s") + word(3, 0x10) + word(4, 8) + word(5, 16) + word(10, 2))
        let place = nest(4, word(1, 1), word(2, UInt32(bitPattern: -5)), text(3, "eth0"))
        #expect(requests[2].attributes == text(1, "t") + text(3, "c") + place + text(7, "filter"))
        #expect(requests[3].attributes == text(1, "t") + text(2, "c"))
        #expect(requests[4].attributes == text(1, "t"))
    }

    @Test("adds elements that expire")
    func elements() throws {
        let requests = try sent { transaction in
            transaction.flushSet("s", table: "t", .netdev)
            transaction.addElements([.v4(0x0A00_0009), .v4(0x0A00_000A)], set: "s", table: "t", .netdev, timeout: 1500)
            transaction.addElements([.v4(1)], set: "s", table: "t", .netdev)
        }
        #expect(requests.map(\.type) == [0x0A0E, 0x0A0C, 0x0A0C])
        let time = attribute(4, bytes((1500 as UInt64).bigEndian))
        let elements = [[10, 0, 0, 9], [10, 0, 0, 10]].map { nest(1, nest(1, attribute(1, $0)), time) }
        #expect(requests[1].attributes == text(1, "t") + text(2, "s") + nest(3, elements[0], elements[1]))
        #expect(requests[2].attributes == text(1, "t") + text(2, "s") + nest(3, nest(1, nest(1, attribute(1, [0, 0, 0, 1])))))
    }

    @Test("adds rules")
    func rules() throws {
        let expressions: [RuleExpression] = [
            .etherType(0x0806), .load(offset: 24, count: 4), .isElement(of: "a"), .isElement(of: "b", isNot: true), .drop,
        ]
        let request = try #require(try sent { $0.addRule(expressions, chain: "c", table: "t", .netdev) }.first)
        #expect(request.type == 0x0A06)
        #expect(request.flags == 0xC05)
        func expression(_ name: String, _ data: [UInt8]) -> [UInt8] { nest(1, text(1, name), nest(2, data)) }
        let expected = [
            expression("meta", word(1, 1) + word(2, 1)),
            expression("cmp", word(1, 1) + word(2, 0) + nest(3, attribute(1, [8, 6]))),
            expression("payload", word(1, 1) + word(2, 1) + word(3, 24) + word(4, 4)),
            expression("lookup", text(1, "a") + word(2, 1)), expression("lookup", text(1, "b") + word(2, 1) + word(5, 1)),
            expression("immediate", word(1, 0) + nest(2, nest(2, word(1, 0)))),
        ]
        #expect(request.attributes == text(1, "t") + text(2, "c") + nest(4, Array(expected.joined())))
    }

    /// The answers to an addition of a table and a set.
    private func failure(_ answer: @escaping ([Request]) -> [ScriptedKernel.Word]) -> NetlinkError? {
        var transaction = NFTablesTransaction()
        transaction.addTable("t", .netdev)
        transaction.addSet("s", table: "t", .netdev, .v4Address, expires: false)
        do throws(NetlinkError) {
            try filter(ScriptedKernel { requests in answer(requests) }).carryOut(&transaction)
            return nil
        } catch {
            return error
        }
    }

    @Test("tells the first operation that is refused")
    func refused() {
        let error = failure { [.datagram(verdict(EEXIST, on: $0[1])), .datagram(verdict(ENOENT, on: $0[2]))] }
        #expect(error?.code == .refused)
        #expect(error?.number == EEXIST)
        #expect(error?.message == "the kernel refuses the table t: File exists")
    }

    @Test("takes an error about the beginning for one about all of it")
    func unsupported() {
        let error = failure { [.datagram(verdict(EOPNOTSUPP, on: $0[0]))] }
        #expect(error?.code == .refused)
        #expect(error?.message == "the kernel refuses the transaction: Operation not supported")
    }

    @Test("tells that it does not know where no answer comes")
    func silence() { #expect(failure { _ in [] }?.code == .timedOut) }

    @Test("notices what others do to its table, and nothing else")
    func events() throws {
        func event(_ message: UInt8, port: UInt32, table: String) -> ScriptedKernel.Word {
            let payload: [UInt8] = [5, 0, 0, 0] + text(1, table)
            let header = bytes(UInt32(16 + payload.count)) + bytes(0x0A00 | UInt16(message)) + bytes(0 as UInt16) + bytes(0 as UInt32)
            return .datagram(header + bytes(port) + payload)
        }
        func isChanged(_ words: ScriptedKernel.Word...) throws -> Bool {
            try NFTablesMonitor(transport: ScriptedKernel(waiting: words) { _ in [] }, descriptor: -1, table: "t", ownPort: 17).take()
        }
        #expect(try !isChanged())
        #expect(try isChanged(event(2, port: 18, table: "t")))
        #expect(try !isChanged(event(2, port: 18, table: "u"), event(2, port: 17, table: "t"), event(14, port: 0, table: "t")))
        #expect(try isChanged(event(2, port: 18, table: "u"), event(14, port: 18, table: "t"), event(2, port: 17, table: "t")))
        #expect(try isChanged(.failure(NetlinkError(.lost, "too much", number: ENOBUFS))))
    }
}

@Suite("Sets and rules of IPv4 and IPv6")
struct PacketSetTests {
    private func sent(_ build: (inout NFTablesTransaction) -> Void) throws -> [Request] {
        let kernel = ScriptedKernel { requests in [.datagram(verdict(0, on: requests[requests.count - 2]))] }
        var transaction = NFTablesTransaction()
        build(&transaction)
        try NFTables(transport: kernel, port: 17, timeout: .seconds(5)).carryOut(&transaction)
        return Array(try #require(kernel.sends.first).dropFirst().dropLast())
    }

    private func text(_ type: UInt16, _ text: String) -> [UInt8] { attribute(type, Array(text.utf8) + [0]) }
    private func word(_ type: UInt16, _ value: UInt32) -> [UInt8] { attribute(type, bytes(value.bigEndian)) }
    private func nest(_ type: UInt16, _ parts: [UInt8]...) -> [UInt8] { attribute(type | 0x8000, Array(parts.joined())) }
    private func expression(_ name: String, _ data: [UInt8]) -> [UInt8] { nest(1, text(1, name), nest(2, data)) }

    @Test("a set of several fields has their types and sizes, and one of ranges tells each field")
    func sets() throws {
        let requests = try sent { transaction in
            transaction.addSet("s", table: "t", .ip, PacketKey(.destination, .transport, .destinationPort))
            transaction.addSet("r", table: "t", .ip6, PacketKey(.destination, .transport, .source, isInterval: true))
            transaction.addSet("m", table: "t", .ip, PacketKey(.destination, hasMark: true))
        }
        let type = UInt32(7 << 12 | 12 << 6 | 13)
        #expect(requests[0].attributes == text(1, "t") + text(2, "s") + word(4, type) + word(5, 12) + word(10, 1))
        let fields = nest(9, nest(2, nest(1, word(1, 16)), nest(1, word(1, 1)), nest(1, word(1, 16))))
        #expect(
            requests[1].attributes == text(1, "t") + text(2, "r") + word(3, 0x84) + word(4, 8 << 12 | 12 << 6 | 8) + word(5, 36) + fields
                + word(10, 2))
        let orders = attribute(13, [0, 4, 2, 0, 0, 0, 1, 4, 1, 0, 0, 0])
        #expect(
            requests[2].attributes == text(1, "t") + text(2, "m") + word(3, 8) + word(4, 7) + word(5, 4) + word(6, 19) + word(7, 4)
                + word(10, 3) + orders)
    }

    @Test("elements have a key, and a mark, the end of a range or the key behind it where they have one")
    func elements() throws {
        let requests = try sent { transaction in
            transaction.add([PacketElement([1, 2, 3, 4], mark: 0x100001)], to: "s", table: "t", .ip)
            transaction.remove(
                [PacketElement([1, 2, 3, 4], last: [1, 2, 3, 9]), PacketElement([1, 2, 3, 10], isEnd: true)], from: "s", table: "t", .ip)
        }
        #expect(requests.map(\.type) == [0x0A0C, 0x0A0E])
        let key = nest(1, attribute(1, [1, 2, 3, 4]))
        #expect(
            requests[0].attributes == text(1, "t") + text(2, "s") + nest(3, nest(1, key, nest(2, attribute(1, bytes(UInt32(0x100001)))))))
        let range = nest(1, key, nest(10, attribute(1, [1, 2, 3, 9])))
        let end = nest(1, nest(1, attribute(1, [1, 2, 3, 10])), word(3, 1))
        #expect(requests[1].attributes == text(1, "t") + text(2, "s") + nest(3, range, end))
    }

    @Test("rules load fields one behind the other, of the packet or of the first packet of its connection")
    func rules() throws {
        let rule: [RuleExpression] = [
            .isNew, .isTransport(6), .key([.destination, .transport, .destinationPort]), .key([.originalDestination, .originalPort]),
            .mark(from: "m"), .jump("c"), .rejectPort, .masquerade, .accept,
        ]
        let request = try #require(try sent { $0.addRule(rule, chain: "c", table: "t", .ip) }.first)
        let expected = [
            expression("ct", word(1, 1) + word(2, 0)),
            expression(
                "bitwise",
                word(1, 1) + word(2, 1) + word(3, 4) + nest(4, attribute(1, bytes(UInt32(8)))) + nest(5, attribute(1, bytes(UInt32(0))))),
            expression("cmp", word(1, 1) + word(2, 1) + nest(3, attribute(1, bytes(UInt32(0))))),
            expression("meta", word(1, 1) + word(2, 16)), expression("cmp", word(1, 1) + word(2, 0) + nest(3, attribute(1, [6]))),
            expression("payload", word(1, 8) + word(2, 1) + word(3, 16) + word(4, 4)), expression("meta", word(1, 9) + word(2, 16)),
            expression("payload", word(1, 10) + word(2, 2) + word(3, 2) + word(4, 2)),
            expression("ct", word(1, 8) + word(2, 20) + attribute(3, [0])), expression("ct", word(1, 9) + word(2, 12) + attribute(3, [0])),
            expression("lookup", text(1, "m") + word(2, 1) + word(3, 1)), expression("meta", word(2, 3) + word(3, 1)),
            expression("immediate", word(1, 0) + nest(2, nest(2, word(1, UInt32(bitPattern: -3)) + text(2, "c")))),
            expression("reject", word(1, 0) + attribute(2, [3])), expression("masq", word(1, 16)),
            expression("immediate", word(1, 0) + nest(2, nest(2, word(1, 1)))),
        ]
        #expect(request.attributes == text(1, "t") + text(2, "c") + nest(4, Array(expected.joined())))
    }

    @Test("the addresses of IPv6 are where its header has them, and take four words of a key")
    func v6() throws {
        let request = try #require(
            try sent { $0.addRule([.key([.source, .destination, .destinationPort])], chain: "c", table: "t", .ip6) }.first)
        let expected = [
            expression("payload", word(1, 8) + word(2, 1) + word(3, 8) + word(4, 16)),
            expression("payload", word(1, 12) + word(2, 1) + word(3, 24) + word(4, 16)),
            expression("payload", word(1, 16) + word(2, 2) + word(3, 2) + word(4, 2)),
        ]
        #expect(request.attributes == text(1, "t") + text(2, "c") + nest(4, Array(expected.joined())))
    }
}

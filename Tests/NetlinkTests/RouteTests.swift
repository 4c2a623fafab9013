import Glibc
import NetlinkTestSupport
import TestSupport
import Testing

@testable import Netlink

@Suite("Route netlink")
struct RouteTests {
    private let v4 = NetworkAddress.v4(0x0A00_0009)
    private let v6 = NetworkAddress.v6(high: 0x2001_0DB8_0000_0000, low: 9)
    private let v6Bytes: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]

    /// A kernel that carries out everything.
    private func obedient() -> ScriptedKernel { ScriptedKernel { [.datagram(verdict(0, on: $0[$0.count - 1]))] } }

    private func sent(_ build: (inout RouteBatch) -> Void) throws -> [Request] {
        let kernel = obedient()
        var batch = RouteBatch()
        build(&batch)
        #expect(try RouteNetlink(transport: kernel, timeout: .seconds(5)).carryOut(&batch) == [])
        return try #require(kernel.sends.first)
    }

    @Test("adds an IPv4 address with its origin")
    func addV4() throws {
        let requests = try sent { $0.add(InterfaceAddress(key: .init(interface: 7, address: v4), origin: 251)) }
        let request = try #require(requests.first)
        #expect(request.type == 20)
        // NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL | NLM_F_CREATE
        #expect(request.flags == 0x605)
        let header: [UInt8] = [2, 32, 0, 0] + bytes(7 as Int32)
        #expect(Array(request.bytes[16...]) == header + attribute(2, [10, 0, 0, 9]) + attribute(1, [10, 0, 0, 9]) + attribute(11, [251]))
    }

    @Test("adds an IPv6 address with flags and a lifetime")
    func addV6() throws {
        let entry = InterfaceAddress(
            key: .init(interface: 7, address: v6), origin: 251, flags: InterfaceAddress.noDuplicateDetection,
            lifetime: .init(preferred: 0, valid: 6))
        let request = try #require(try sent { $0.replace(entry) }.first)
        #expect(request.flags == 0x505)
        let header: [UInt8] = [10, 128, 0, 0] + bytes(7 as Int32)
        let lifetime = bytes(0 as UInt32) + bytes(6 as UInt32) + bytes(0 as UInt64)
        let attributes = attribute(1, v6Bytes) + attribute(8, bytes(2 as UInt32)) + attribute(11, [251]) + attribute(6, lifetime)
        #expect(Array(request.bytes[16...]) == header + attributes)
    }

    @Test("deletes addresses by interface, address and prefix length, in one send")
    func delete() throws {
        let requests = try sent { batch in
            batch.delete(.init(interface: 7, address: v4, prefixLength: 24))
            batch.delete(.init(interface: 8, address: v6))
        }
        #expect(requests.map(\.type) == [21, 21])
        #expect(requests.map(\.flags) == [1, 5])
        #expect(
            Array(requests[0].bytes[16...])
                == [2, 24, 0, 0] + bytes(7 as Int32) + attribute(2, [10, 0, 0, 9]) + attribute(1, [10, 0, 0, 9]))
        #expect(Array(requests[1].bytes[16...]) == [10, 128, 0, 0] + bytes(8 as Int32) + attribute(1, v6Bytes))
    }

    @Test("makes an interface that is for nothing but its addresses, says what it is for, and removes it")
    func dummy() throws {
        let requests = try sent { batch in
            batch.addDummy("lbaas0", alias: "services")
            batch.deleteLink(7)
        }
        #expect(requests.map(\.type) == [16, 16, 17])
        // NLM_F_REQUEST and NLM_F_EXCL | NLM_F_CREATE; the last is acknowledged.
        #expect(requests.map(\.flags) == [0x601, 1, 5])
        let (none, name) = ([UInt8](repeating: 0, count: 16), attribute(3, Array("lbaas0".utf8) + [0]))
        let kind = attribute(18 | 0x8000, attribute(1, Array("dummy".utf8) + [0]))
        #expect(Array(requests[0].bytes[16...]) == none + name + kind)
        #expect(Array(requests[1].bytes[16...]) == none + name + attribute(20, Array("services".utf8) + [0]))
        #expect(Array(requests[2].bytes[16...]) == bytes(0 as UInt32) + bytes(7 as Int32) + bytes(0 as UInt64))
    }

    @Test("tells which requests were refused")
    func refusals() throws {
        let kernel = ScriptedKernel { [.datagram(verdict(EEXIST, on: $0[0])), .datagram(verdict(0, on: $0[1]))] }
        var batch = RouteBatch()
        for index in 1...2 as ClosedRange<Int32> { batch.add(InterfaceAddress(key: .init(interface: index, address: v4))) }
        let failures = try RouteNetlink(transport: kernel, timeout: .seconds(5)).carryOut(&batch)
        #expect(failures == [.init(index: 0, number: EEXIST, message: nil)])
    }

    /// `struct ifinfomsg` and attributes.
    private func link(family: UInt8 = 0, index: Int32, flags: UInt32, name: String, alias: String? = nil) -> [UInt8] {
        [family, 0] + bytes(1 as UInt16) + bytes(index) + bytes(flags) + bytes(0 as UInt32) + attribute(3, Array(name.utf8) + [0])
            + attribute(1, [2, 0, 0, 0, 0, 9]) + (alias.map { attribute(20, Array($0.utf8) + [0]) } ?? [])
    }

    @Test("lists links, and leaves out what is about ports of a bridge")
    func links() throws {
        let kernel = ScriptedKernel { [self] requests in
            let request = requests[0]
            #expect(request.type == 18)
            #expect(request.flags == 0x301)
            return [
                .datagram(
                    message(16, flags: 2, to: request, link(index: 7, flags: 0x10001, name: "eth0"))
                        + message(16, flags: 2, to: request, link(family: 7, index: 8, flags: 0, name: "eth1"))
                        + message(16, flags: 2, to: request, link(index: 9, flags: 0x10000, name: "eth2", alias: "uplink")) + done(request))
            ]
        }
        let links = try RouteNetlink(transport: kernel, timeout: .seconds(5)).links()
        #expect(links.map(\.name) == ["eth0", "eth2"])
        #expect(links.map(\.index) == [7, 9])
        #expect(links.map(\.alias) == ["", "uplink"])
        #expect(links.map(\.hardwareAddress) == [[2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 9]])
        #expect(links.map(\.isEthernet) == [true, true])
        #expect(links.map(\.isUp) == [true, false])
        // One that is off has no carrier, whatever its hardware says.
        #expect(links.map(\.hasCarrier) == [true, false])
    }

    /// An event, which answers no request.
    private func event(_ type: UInt16, _ payload: [UInt8], port: UInt32 = 4711) -> [UInt8] {
        bytes(UInt32(16 + payload.count)) + bytes(type) + bytes(0 as UInt16) + bytes(0 as UInt32) + bytes(port) + payload
    }

    private func monitor(_ words: [ScriptedKernel.Word]) -> RouteMonitor {
        RouteMonitor(transport: ScriptedKernel(waiting: words) { _ in [] }, descriptor: -1)
    }

    @Test("tells events of links and addresses in their order")
    func events() throws {
        // Of a point-to-point interface the other side's address is in attribute 1.
        let address: [UInt8] =
            [2, 32, 0, 0] + bytes(7 as Int32) + attribute(1, [10, 0, 0, 1]) + attribute(2, [10, 0, 0, 9])
            + attribute(11, [251])
        let monitor = monitor([
            .datagram(event(16, link(index: 7, flags: 1, name: "eth0")) + event(20, address)),
            .datagram(event(21, address), sender: 4711),
            .datagram(event(21, address)), .datagram(event(17, link(family: 7, index: 7, flags: 1, name: "eth0"))),
            .datagram(event(17, link(index: 7, flags: 0, name: "eth0"))),
        ])
        let entry = InterfaceAddress(key: .init(interface: 7, address: v4), origin: 251)
        let eth0 = Link(index: 7, name: "eth0", hardwareType: 1, hardwareAddress: [2, 0, 0, 0, 0, 9], flags: 1)
        #expect(try monitor.take() == [.link(eth0), .address(entry), .addressRemoved(entry), .linkRemoved(7)])
        #expect(try monitor.take() == [])
    }

    @Test(
        "tells that events were lost",
        arguments: [
            .failure(NetlinkError(.lost, "too much", number: ENOBUFS)), .datagram([1, 2, 3]),
            .datagram([UInt8](repeating: 0, count: 70000)),
        ] as [ScriptedKernel.Word])
    func lost(word: ScriptedKernel.Word) throws {
        let monitor = monitor([.datagram(event(16, link(index: 7, flags: 1, name: "eth0"))), word])
        #expect(try monitor.take() == nil)
        #expect(try monitor.take() == [])
    }

    @Test("reads whatever comes, or tells that it cannot", arguments: 0..<20 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var payload = (0..<Int.random(in: 0...60, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if payload.count > 24, Bool.random(using: &generator) {
                payload.replaceSubrange(0..<8, with: [2, 32, 0, 0, 7, 0, 0, 0])
                payload.replaceSubrange(8..<12, with: [8, 0, UInt8.random(in: 0...12, using: &generator), 0])
            }
            let type = UInt16.random(in: 14...23, using: &generator)
            #expect((try monitor([.datagram(event(type, payload))]).take()?.count ?? 0) <= 1)
        }
    }
}

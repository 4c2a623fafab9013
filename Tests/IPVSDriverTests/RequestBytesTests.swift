import Glibc
import IPVSDriver
import LBaaS
import Netlink
import NetlinkTestSupport
import Testing

/// The numbers are those of `linux/ip_vs.h`.
@Suite("On the wire")
struct RequestBytesTests {
    private let v4 = ServiceKey.address(.v4(0x0A00_0009), port: 8080, protocol: 6)
    private let v6 = ServiceKey.address(.v6(high: 0xFD00_0000_0000_0001, low: 0x0203_0405_0607_0809), port: 53, protocol: 17)
    private let address6: [UInt8] = [0xFD, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

    /// AF, PROTOCOL, ADDR and PORT of 10.0.0.9:8080/tcp.
    private let named4 =
        attribute(1, bytes(2 as UInt16)) + attribute(2, bytes(6 as UInt16)) + attribute(3, [10, 0, 0, 9] + zeros(12))
        + attribute(4, [0x1F, 0x90])
    private var named6: [UInt8] {
        attribute(1, bytes(10 as UInt16)) + attribute(2, bytes(17 as UInt16)) + attribute(3, address6) + attribute(4, [0, 53])
    }

    private func request(_ change: Change, command: UInt8) throws -> [UInt8] {
        let requests = try WireKernel.sent(change)
        let request = try #require(requests.first)
        #expect(requests.count == 1)
        #expect(request.type == 25)
        #expect(request.flags == 5)  // NLM_F_REQUEST | NLM_F_ACK
        #expect(request.command == command)
        #expect(request.version == 1)
        #expect(request.length == UInt32(request.bytes.count))
        #expect(request.bytes.count % 4 == 0)
        return request.attributes
    }

    @Test("a service of IPv4 is described with a netmask in network order, and all flags counting")
    func service4() throws {
        var settings = ServiceSettings(scheduler: .weightedRoundRobin, flags: [.persistent, .fallback], timeout: 300, netmask: 0xFFFF_FF00)
        var described =
            named4 + attribute(6, Array("wrr".utf8) + [0]) + attribute(7, bytes(9 as UInt32) + bytes(UInt32.max))
            + attribute(8, bytes(300 as UInt32)) + attribute(9, [255, 255, 255, 0])
        #expect(try request(.addService(v4, settings), command: 1) == nest(1, described))
        #expect(try request(.setService(v4, settings), command: 2) == nest(1, described))
        settings.persistenceEngine = "sip"
        described += attribute(11, Array("sip".utf8) + [0])
        #expect(try request(.addService(v4, settings), command: 1) == nest(1, described))
    }

    @Test("a service of IPv6 is described with a prefix length in the order of the host")
    func service6() throws {
        let settings = ServiceSettings(scheduler: .localityLeastConnectionsWithReplication, flags: .onePacket, netmask: 64)
        let described =
            named6 + attribute(6, Array("lblcr".utf8) + [0]) + attribute(7, bytes(4 as UInt32) + bytes(UInt32.max))
            + attribute(8, bytes(0 as UInt32)) + attribute(9, bytes(64 as UInt32))
        #expect(try request(.addService(v6, settings), command: 1) == nest(1, described))
    }

    @Test("a firewall mark takes the place of protocol, address and port", arguments: [(.v4, 2), (.v6, 10)] as [(AddressFamily, UInt16)])
    func firewallMark(family: AddressFamily, number: UInt16) throws {
        let named = attribute(1, bytes(number)) + attribute(5, bytes(0x1234_5678 as UInt32))
        #expect(try request(.deleteService(.firewallMark(0x1234_5678, family)), command: 3) == nest(1, named))
    }

    @Test("a service is named to be deleted and to be read")
    func named() throws {
        #expect(try request(.deleteService(v4), command: 3) == nest(1, named4))
        #expect(try request(.readService(v6), command: 4) == nest(1, named6))
    }

    @Test("a real server is described with its own family, and a tunnel where it is one")
    func destination() throws {
        let place = DestinationKey(.v4(0x0A01_0002), 80)
        let named =
            attribute(1, [10, 1, 0, 2] + zeros(12)) + attribute(2, [0, 80]) + attribute(11, bytes(2 as UInt16))
        func described(_ method: UInt32, _ more: [UInt8] = []) -> [UInt8] {
            nest(1, named4)
                + nest(
                    2,
                    named + attribute(3, bytes(method)) + attribute(4, bytes(256 as UInt32)) + attribute(5, bytes(100 as UInt32))
                        + attribute(6, bytes(50 as UInt32)) + more)
        }
        func value(_ forwarding: Destination.Forwarding) -> Destination {
            Destination(forwarding: forwarding, weight: 256, upperThreshold: 100, lowerThreshold: 50)
        }
        #expect(try request(.addDestination(v4, place, value(.nat)), command: 5) == described(0))
        #expect(try request(.setDestination(v4, place, value(.direct)), command: 6) == described(3))
        let tunnel = attribute(13, [1]) + attribute(14, [0x17, 0xC0]) + attribute(15, bytes(1 as UInt16))
        #expect(
            try request(.setDestination(v4, place, value(.tunnel(type: 1, port: 6080, flags: 1))), command: 6) == described(2, tunnel))
        let ipip = attribute(13, [0]) + attribute(14, [0, 0]) + attribute(15, bytes(0 as UInt16))
        #expect(try request(.addDestination(v4, place, value(.tunnel(type: 0))), command: 5) == described(2, ipip))
        #expect(try request(.deleteDestination(v4, place), command: 7) == nest(1, named4) + nest(2, named))
    }

    @Test("a real server of IPv6 has sixteen bytes")
    func destination6() throws {
        let place = DestinationKey(.v6(high: 0xFD00_0000_0000_0001, low: 0x0203_0405_0607_0809), 8443)
        let named = attribute(1, address6) + attribute(2, [0x20, 0xFB]) + attribute(11, bytes(10 as UInt16))
        #expect(try request(.deleteDestination(v6, place), command: 7) == nest(1, named6) + nest(2, named))
    }

    @Test("changes go in their order in one send, of which only the last is acknowledged, and refusals and readings find their change")
    func batch() throws {
        let wire = try WireKernel { requests in
            [
                .datagram(verdict(EEXIST, on: requests[0])), .datagram(reply(1, to: requests[2], listed(bytesOut: 77))),
                .datagram(verdict(ESRCH, on: requests[3])),
            ]
        }
        var read: [Int: UInt64] = [:]
        let changes: [Change] = [
            .addService(v4, ServiceSettings(scheduler: .roundRobin, netmask: .max)), .deleteService(v6), .readService(v4),
            .deleteService(v4),
        ]
        let refused = try wire.kernel.carryOut(changes) { read[$0] = $1.statistics.bytesOut }
        #expect(refused == [RefusedChange(index: 0, number: EEXIST), RefusedChange(index: 3, number: ESRCH)])
        #expect(read == [2: 77])
        #expect(wire.requests.map(\.command) == [1, 3, 4, 3])
        #expect(wire.requests.map(\.isAcknowledged) == [false, false, false, true])
    }

    /// 10.0.0.9:8080/tcp as the kernel lists it, with a counter.
    private func listed(bytesOut: UInt64) -> [UInt8] { attribute(1, named4 + attribute(12, attribute(5, bytes(bytesOut)))) }

    @Test("a batch that is cut short tells what is known of each change", arguments: [0, 2])
    func interruption(lost: Int) throws {
        let wire = try WireKernel { requests in
            lost == 0
                ? [.datagram(verdict(EEXIST, on: requests[1]))]
                : [.failure(NetlinkError(.lost, "gone")), .datagram(verdict(0, on: requests[3]))]
        }
        let changes = (0..<4).map { Change.deleteService(.firewallMark($0, .v4)) }
        do throws(KernelInterruption) {
            _ = try wire.kernel.carryOut(changes) { _, _ in }
            Issue.record("not interrupted")
        } catch {
            #expect(error.refused == (lost == 0 ? [RefusedChange(index: 1, number: EEXIST)] : []))
            #expect(error.unknown == (lost == 0 ? 2..<4 : 0..<4))
            #expect(!error.message.isEmpty)
        }
    }

    @Test("timeouts are set one by one, those that are not set are left out")
    func timeouts() throws {
        let wire = try WireKernel()
        try wire.kernel.setTimeouts(ConnectionTimeouts(tcp: 900, tcpFin: 120, udp: 300))
        try wire.kernel.setTimeouts(ConnectionTimeouts(udp: 7))
        #expect(wire.requests.map(\.command) == [12, 12])
        #expect(
            wire.requests.map(\.attributes) == [
                attribute(4, bytes(900 as UInt32)) + attribute(5, bytes(120 as UInt32)) + attribute(6, bytes(300 as UInt32)),
                attribute(6, bytes(7 as UInt32)),
            ])
    }

    @Test("a daemon is started and stopped with its port in the order of the host, and what is not said is left out")
    func daemons() throws {
        var daemon = SyncDaemon(role: .backup, interface: "eth0")
        let wire = try WireKernel()
        try wire.kernel.startDaemon(daemon)
        (daemon.role, daemon.id, daemon.maximumLength, daemon.port, daemon.timeToLive) = (.master, 255, 1400, 8849, 3)
        daemon.group = .v4(0xE000_0051)
        try wire.kernel.startDaemon(daemon)
        daemon.group = .v6(high: 0xFF02 << 48, low: 0x81)
        try wire.kernel.stopDaemon(daemon)
        let interface = attribute(2, Array("eth0".utf8) + [0])
        let named = attribute(1, bytes(1 as UInt32)) + interface + attribute(3, bytes(255 as UInt32)) + attribute(4, bytes(1400 as UInt16))
        let rest = attribute(7, bytes(8849 as UInt16)) + attribute(8, [3])
        #expect(wire.requests.map(\.command) == [9, 9, 10])
        #expect(
            wire.requests.map(\.attributes) == [
                nest(3, attribute(1, bytes(2 as UInt32)) + interface + attribute(3, bytes(0 as UInt32))),
                nest(3, named + attribute(5, [224, 0, 0, 81]) + rest),
                nest(3, named + attribute(6, [0xFF, 2] + zeros(13) + [0x81]) + rest),
            ])
    }

    @Test("the rest is asked for by its number")
    func others() throws {
        let wire = try WireKernel()
        try wire.kernel.zero(nil)
        try wire.kernel.zero(v4)
        try wire.kernel.flush()
        #expect(wire.requests.map(\.command) == [16, 16, 17])
        #expect(wire.requests.map(\.attributes) == [[], nest(1, named4), []])
        let lists = try WireKernel(listing: 1)
        try lists.kernel.forEachService { _ in Issue.record("nothing is listed") }
        try lists.kernel.forEachDestination(of: v4, withStatistics: false) { _ in Issue.record("nothing is listed") }
        #expect(try lists.kernel.daemons() == [])
        #expect(lists.requests.map(\.command) == [4, 8, 11])
        #expect(lists.requests.allSatisfy { $0.flags == 0x301 })  // NLM_F_REQUEST | NLM_F_DUMP
        #expect(lists.requests.map(\.attributes) == [[], nest(1, named4), []])
    }
}

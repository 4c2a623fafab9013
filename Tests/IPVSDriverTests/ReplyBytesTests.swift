import Glibc
import LBaaS
import Netlink
import NetlinkTestSupport
import TestSupport
import Testing

@testable import IPVSDriver

@Suite("The kernel's answers")
struct ReplyBytesTests {
    private let key = ServiceKey.address(.v4(0x0A00_0009), port: 80, protocol: 6)

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    /// A nest of counters of 64 bits: `first`, `first` + 1, …
    private func counters(_ first: UInt64) -> [UInt8] {
        (1...10).flatMap { attribute($0, bytes(first + UInt64($0) - 1)) } + attribute(11, zeros(4))
    }

    /// 10.0.0.9:80/tcp as Linux 6.1 lists it; the counters of 32 bits lie.
    private var service: [UInt8] {
        attribute(1, bytes(2 as UInt16)) + attribute(2, bytes(6 as UInt16)) + attribute(3, [10, 0, 0, 9] + zeros(12))
            + attribute(4, [0, 80])
            + attribute(6, text("wrr")) + attribute(7, bytes(0x1B as UInt32) + bytes(UInt32.max)) + attribute(8, bytes(300 as UInt32))
            + attribute(9, [255, 255, 255, 0]) + attribute(10, (1...5).flatMap { attribute($0, bytes(UInt32(9))) })
            + attribute(12, counters(0x1_0000_0000))
    }

    private var destination: [UInt8] {
        attribute(1, [10, 1, 0, 2] + zeros(12)) + attribute(2, [0x1F, 0x90]) + attribute(3, bytes(0 as UInt32))
            + attribute(13, [1]) + attribute(14, [0x17, 0xC0]) + attribute(15, bytes(1 as UInt16)) + attribute(4, bytes(5 as UInt32))
            + attribute(5, bytes(100 as UInt32)) + attribute(6, bytes(50 as UInt32)) + attribute(7, bytes(11 as UInt32))
            + attribute(8, bytes(12 as UInt32)) + attribute(9, bytes(13 as UInt32)) + attribute(11, bytes(2 as UInt16))
            + attribute(10, []) + attribute(12, counters(7))
    }

    private func replacing(_ type: UInt16, in attributes: [UInt8], with value: [UInt8]) throws -> [UInt8] {
        var replaced: [UInt8] = []
        try attributes.span.bytes.forEachAttribute { found, old throws(NetlinkError) in
            replaced += attribute(found, found == type ? value : old.copy())
        }
        return replaced
    }

    private func services(_ messages: [UInt8]...) throws -> [ListedService] {
        let wire = try WireKernel { requests in
            messages.map { .datagram(reply(1, flags: 2, to: requests[0], $0)) } + [.datagram(done(requests[0]))]
        }
        var listed: [ListedService] = []
        try wire.kernel.forEachService { listed.append($0) }
        return listed
    }

    private func destinations(_ attributes: [UInt8], of key: ServiceKey? = nil, withStatistics: Bool = true) throws -> [ListedDestination] {
        var listed: [ListedDestination] = []
        try WireKernel(listing: 5, attribute(2, attributes)).kernel
            .forEachDestination(of: key ?? self.key, withStatistics: withStatistics) { listed.append($0) }
        return listed
    }

    @Test("list services: the flag of the kernel's own is left out, the counters are those of 64 bits")
    func listedService() throws {
        let settings = ServiceSettings(
            scheduler: .weightedRoundRobin, flags: ServiceFlags(rawValue: 0x19), timeout: 300, netmask: 0xFFFF_FF00)
        var statistics = Statistics()
        (statistics.connections, statistics.packetsIn, statistics.packetsOut) = (0x1_0000_0000, 0x1_0000_0001, 0x1_0000_0002)
        (statistics.bytesIn, statistics.bytesOut) = (0x1_0000_0003, 0x1_0000_0004)
        #expect(try services(attribute(1, service)) == [ListedService(key: key, settings: settings, statistics: statistics)])
        // A nest that is marked as such is the same, and what is not known is passed over.
        #expect(try services(attribute(99, [1]) + nest(1, service + attribute(99, [1, 2, 3]))).map(\.key) == [key])
        #expect(try services().isEmpty)
    }

    @Test("list services of IPv6, with an engine, and by firewall mark")
    func otherServices() throws {
        let address: [UInt8] = [0xFD, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        let rest =
            attribute(6, text("mh")) + attribute(7, bytes(2 as UInt32) + bytes(UInt32.max)) + attribute(8, bytes(0 as UInt32))
            + attribute(9, bytes(64 as UInt32))
        let v6 =
            attribute(1, bytes(10 as UInt16)) + attribute(2, bytes(17 as UInt16)) + attribute(3, address) + attribute(4, [0, 53]) + rest
        let mark = attribute(1, bytes(10 as UInt16)) + attribute(5, bytes(7 as UInt32)) + rest + attribute(11, text("sip"))
        let listed = try services(attribute(1, v6), attribute(1, mark))
        #expect(
            listed.map(\.key) == [
                .address(.v6(high: 0xFD00_0000_0000_0001, low: 0x0203_0405_0607_0809), port: 53, protocol: 17), .firewallMark(7, .v6),
            ])
        #expect(
            listed.map(\.settings) == [
                ServiceSettings(scheduler: .maglevHashing, netmask: 64),
                ServiceSettings(scheduler: .maglevHashing, netmask: 64, persistenceEngine: "sip"),
            ])
    }

    @Test("list real servers: what is no tunnel has nothing of one")
    func listedDestination() throws {
        var expected = ListedDestination(
            key: DestinationKey(.v4(0x0A01_0002), 8080),
            destination: Destination(forwarding: .nat, weight: 5, upperThreshold: 100, lowerThreshold: 50))
        (expected.activeConnections, expected.inactiveConnections, expected.persistentConnections) = (11, 12, 13)
        #expect(try destinations(destination, withStatistics: false) == [expected])
        (expected.statistics.connections, expected.statistics.packetsIn, expected.statistics.packetsOut) = (7, 8, 9)
        (expected.statistics.bytesIn, expected.statistics.bytesOut) = (10, 11)
        #expect(try destinations(destination) == [expected])
        let tunnel = try destinations(replacing(3, in: destination, with: bytes(2 as UInt32)))
        #expect(tunnel.map(\.destination.forwarding) == [.tunnel(type: 1, port: 6080, flags: 1)])
        // The kernel keeps the method in three bits among others.
        #expect(try destinations(replacing(3, in: destination, with: bytes(0x103 as UInt32))).map(\.destination.forwarding) == [.direct])
    }

    @Test("list real servers of a family of their own, or, by kernels that do not tell it, of their service's")
    func families() throws {
        let v6 = try replacing(11, in: replacing(1, in: destination, with: [0xFD] + zeros(14) + [2]), with: bytes(10 as UInt16))
        let address = IPAddress.v6(high: 0xFD00 << 48, low: 2)
        #expect(try destinations(v6).map(\.key) == [DestinationKey(address, 8080)])
        var old: [UInt8] = []
        try v6.span.bytes.forEachAttribute { type, value throws(NetlinkError) in
            if type != 11 { old += attribute(type, value.copy()) }
        }
        #expect(try destinations(old, of: .firewallMark(1, .v6)).map(\.key) == [DestinationKey(address, 8080)])
        #expect(try destinations(old).map(\.key) == [DestinationKey(.v4(0xFD00_0000), 8080)])
    }

    @Test("tell daemons, timeouts and what the kernel is")
    func others() throws {
        let common = attribute(2, text("eth0")) + attribute(3, bytes(7 as UInt32)) + attribute(4, bytes(1464 as UInt16))
        let master =
            attribute(1, bytes(1 as UInt32)) + common + attribute(5, [224, 0, 0, 81]) + attribute(7, bytes(8848 as UInt16))
            + attribute(8, [1])
        let backup = attribute(1, bytes(2 as UInt32)) + common + attribute(6, [0xFF, 2] + zeros(13) + [0x81])
        var expected = SyncDaemon(role: .master, interface: "eth0")
        (expected.id, expected.maximumLength, expected.port, expected.timeToLive) = (7, 1464, 8848, 1)
        expected.group = .v4(0xE000_0051)
        var other = SyncDaemon(role: .backup, interface: "eth0")
        (other.id, other.maximumLength, other.group) = (7, 1464, .v6(high: 0xFF02 << 48, low: 0x81))
        #expect(try WireKernel(listing: 9, attribute(3, master), attribute(3, backup)).kernel.daemons() == [expected, other])
        let timeouts = attribute(4, bytes(900 as UInt32)) + attribute(5, bytes(120 as UInt32)) + attribute(6, bytes(300 as UInt32))
        #expect(try WireKernel(answering: 12, timeouts).kernel.timeouts() == ConnectionTimeouts(tcp: 900, tcpFin: 120, udp: 300))
        let info = attribute(1, bytes(0x010201 as UInt32)) + attribute(2, bytes(4096 as UInt32))
        #expect(try WireKernel(answering: 14, info).kernel.info() == (0x010201, 4096))
    }

    @Test("that are not what they should be are refused")
    func malformed() throws {
        func isRefused(_ attributes: [UInt8]) -> Bool {
            do {
                _ = try services(attributes)
                return false
            } catch {
                return (error as? KernelFailure)?.message.hasPrefix("the kernel's answer cannot be read") == true
            }
        }
        #expect(isRefused([]))
        #expect(isRefused(attribute(2, service)))
        #expect(isRefused(attribute(1, attribute(6, text("rr")))))
        for (type, value) in [
            (1, [2]), (1, bytes(7 as UInt16)), (2, zeros(4)), (3, [10, 0, 0]), (4, [80]), (7, [1, 0, 0]), (8, zeros(8)), (9, zeros(2)),
            (12, attribute(5, zeros(4))), (12, [1, 2, 3]),
        ] as [(UInt16, [UInt8])] {
            #expect(isRefused(attribute(1, try replacing(type, in: service, with: value))), "\(type) \(value)")
        }
        for (type, value) in [(1, [10, 1, 0, 2]), (2, [0]), (3, [0]), (4, zeros(8)), (11, bytes(1 as UInt16)), (13, zeros(2)), (14, [1])]
            as [(UInt16, [UInt8])]
        {
            let changed = try replacing(type, in: destination, with: value)
            #expect(throws: KernelFailure.self, "\(type) \(value)") { try destinations(changed) }
        }
    }

    @Test("that are random are read or refused", arguments: 0..<10 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var (read, refused) = (0, 0)
        for _ in 0..<150 {
            var bytes = Bool.random(using: &generator) ? attribute(1, service) + attribute(2, destination) : attribute(2, destination)
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                bytes[.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if Int.random(in: 0..<4, using: &generator) == 0 { bytes.removeLast(.random(in: 0...bytes.count, using: &generator)) }
            let wire = try WireKernel { requests in
                [
                    .datagram(reply(1, flags: 2, to: requests[0], bytes)),
                    .datagram(requests[0].flags & 0x300 == 0 ? verdict(0, on: requests[0]) : done(requests[0])),
                ]
            }
            let kernel = wire.kernel
            let questions: [() throws -> Void] = [
                { try kernel.forEachService { _ in } }, { try kernel.forEachDestination(of: self.key, withStatistics: true) { _ in } },
                { _ = try kernel.daemons() }, { _ = try kernel.timeouts() }, { _ = try kernel.info() },
                { _ = try kernel.carryOut([.readService(self.key)]) { _, _ in } },
            ]
            for question in questions {
                do {
                    try question()
                    read += 1
                } catch {
                    #expect(error is KernelFailure || error is KernelInterruption)
                    refused += 1
                }
            }
        }
        #expect(read > 100)
        #expect(refused > 100)
    }

    @Test("that refuse are told with what to do")
    func refusals() throws {
        func failure(_ number: Int32) throws -> KernelFailure? {
            let wire = try WireKernel { [.datagram(verdict(number, on: $0[0]))] }
            do throws(KernelFailure) {
                _ = try wire.kernel.info()
                return nil
            } catch {
                return error
            }
        }
        for number in [EPERM, EACCES] {
            let forbidden = try #require(try failure(number))
            #expect(forbidden.code == .forbidden && forbidden.number == number)
            #expect(forbidden.message.contains("CAP_NET_ADMIN") && forbidden.message.contains("run it as root"))
        }
        let other = try #require(try failure(EBUSY))
        #expect(other.code == .other && other.number == EBUSY && other.message.contains("Device or resource busy"))
    }

    @Test("that there is no such family mean that there is no IPVS")
    func missing() {
        let transport = ScriptedKernel { [.datagram(verdict(ENOENT, on: $0[0]))] }
        do throws(KernelFailure) {
            _ = try NetlinkKernel(GenericNetlink(transport))
            Issue.record("there is IPVS")
        } catch {
            #expect(error.code == .missing)
            #expect(error.message == "the kernel has no IPVS; load it with 'modprobe ip_vs', or run a kernel that has CONFIG_IP_VS")
        }
    }

    @Test("to one service: it is there, or it is not, or it may not be seen")
    func single() throws {
        #expect(try WireKernel(answering: 1, attribute(1, service)).kernel.service(key)?.key == key)
        #expect(try WireKernel { [.datagram(verdict(ESRCH, on: $0[0]))] }.kernel.service(key) == nil)
        let sentence =
            "the kernel refuses to read virtual service 10.0.0.9:80/tcp: "
            + "this process lacks the capability CAP_NET_ADMIN, which the drop-in lbaas-worker-ipvs.conf gives it"
        #expect(message { try WireKernel { [.datagram(verdict(EPERM, on: $0[0]))] }.kernel.service(key) }?.contains(sentence) == true)
    }
}

import Foundation
import HostSystem
import LBaaS
import Netlink
import TestSupport
import Testing

@testable import VirtualIPs

@Suite("A virtual IP on a host", .enabled(if: geteuid() == 0, "needs root"))
struct BindingTests {
    @Test(
        "is bound and answers once the host has the right, and is gone when the right is withdrawn",
        arguments: [EthernetLab.v4, EthernetLab.v6])
    func grantAndWithdraw(address: IPAddress) async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(address)])
        #expect(room.status(address)?.state == .booting)
        #expect(try room.entries() == [])
        room.virtualIPs.grant([address], until: nil)
        try await room.reaches(.activated, bound: true, address)
        try await eventually("it answers") { try lab.isAnswering(address) }
        let entry = try #require(try room.entries(address).first)
        #expect(entry.key.prefixLength == entry.key.address.bits)
        #expect(entry.origin == 251)
        #expect(entry.lifetime.valid == .max)
        // An IPv6 address is used at once, and not for the host's own connections.
        if address.isV6 {
            #expect(entry.flags & InterfaceAddress.noDuplicateDetection != 0)
            #expect(entry.lifetime.preferred == 0)
        }

        let unbound = Record<[InterfaceAddress]>()
        room.virtualIPs.withdraw([address]) { unbound.add((try? room.entries()) ?? []) }
        try await eventually("the withdrawal is done") { !unbound.all.isEmpty }
        #expect(unbound.all == [[]])
        #expect(room.status(address)?.state == .standby)
        #expect(try !lab.isAnswering(address))
    }

    @Test(
        "moves from host to host, and a client that knew the first goes to the second without asking",
        arguments: [EthernetLab.v4, EthernetLab.v6])
    func move(address: IPAddress) async throws {
        let lab = try EthernetLab(hosts: 2)
        let rooms = try lab.hosts.map { try Room(on: $0, [.on(address)]) }
        rooms[0].virtualIPs.grant([address], until: nil)
        try await rooms[0].reaches(.activated, bound: true, address)
        // By one thread that nothing holds up: the client forgets after a minute what it learned, and learns nothing new unasked then.
        try await onThread {
            try waitUntil("the first answers") { try lab.isAnswering(address) }
            #expect(try lab.believed(address) == EthernetLab.hardwareAddress(1))
            rooms[0].virtualIPs.withdraw([address])
            try waitUntil("the first is unbound") { rooms[0].status(address)?.isBound == false }
            rooms[1].virtualIPs.grant([address], until: nil)
            try waitUntil("the client believes the second") { try lab.believed(address) == EthernetLab.hardwareAddress(2) }
            try waitUntil("it answers") { try lab.isAnswering(address) }
        }
    }

    @Test("is bound again when somebody removes it, with a line in the log, and what others have is not touched")
    func removedByOthers() async throws {
        let lab = try EthernetLab()
        let list = [EthernetLab.v4, EthernetLab.v6]
        let room = try Room(on: lab.hosts[0], list.map { try .on($0) })
        room.virtualIPs.grant(list, until: nil)
        for address in list { try await room.reaches(.activated, bound: true, address) }
        for _ in 0..<3 {
            room.log.clear()
            // It goes over all addresses until none is left, and gives up where they come back too soon.
            try? lab.hosts[0].ip("addr flush dev eth0")
            try? lab.hosts[0].ip("addr add 10.0.0.1/24 dev eth0")
            for address in list {
                try await eventually("\(address) is told") {
                    room.log.contains("warning somebody removed \(address) from eth0: it is bound again")
                }
                try await eventually("\(address) is there again") { try !room.entries(address).isEmpty }
            }
        }
        try await eventually("it answers") { try lab.isAnswering(EthernetLab.v4) }
    }

    @Test("is bound again after its interface was down, and announced")
    func downAndUp() async throws {
        let lab = try EthernetLab()
        let list = [EthernetLab.v4, EthernetLab.v6]
        let room = try Room(on: lab.hosts[0], list.map { try .on($0) })
        room.virtualIPs.grant(list, until: nil)
        for address in list { try await room.reaches(.activated, bound: true, address) }
        try lab.hosts[0].ip("link set eth0 down")
        // The kernel keeps the IPv4 address, and removes the IPv6 address.
        try await room.reaches(.activated, bound: false, EthernetLab.v6)
        #expect(room.status(EthernetLab.v6)?.reason == "eth0 is down: it is waited for")
        // The host's own IPv6 address went, too, and with it the way to the client.
        try lab.hosts[0].ip("link set eth0 up\naddr add 2001:db8::1/64 dev eth0 nodad")
        for address in list {
            try await room.reaches(.activated, bound: true, address)
            try await eventually("\(address) answers") { try lab.isAnswering(address) }
        }
        #expect(!room.log.contains("somebody removed"))
    }

    @Test("is bound when its interface comes, and again when it was gone, also under another number")
    func interfaceComes() async throws {
        let host = try Namespace()
        let room = try Room(
            on: host, [.on(EthernetLab.v4, interface: "late0"), .on(EthernetLab.v6, .atMostOne(fence: .kernel), interface: "late0")])
        room.virtualIPs.grant([EthernetLab.v4, EthernetLab.v6], until: nil)
        try await room.reaches(.activated, bound: false)
        #expect(room.status()?.reason == "there is no interface late0: it is waited for")
        for _ in 0..<2 {
            try host.ip("link add late0 type veth peer name far0\nlink set far0 up\nlink set late0 up")
            for address in [EthernetLab.v4, EthernetLab.v6] {
                try await room.reaches(.activated, bound: true, address)
                try await eventually("there is nothing to say about \(address)") { room.status(address)?.reason == nil }
            }
            try host.ip("link del late0")
            for address in [EthernetLab.v4, EthernetLab.v6] { try await room.reaches(.activated, bound: false, address) }
        }
    }

    @Test("is not bound to an interface that is not Ethernet")
    func notEthernet() async throws {
        let host = try Namespace.director()
        let room = try Room(on: host, [.on(EthernetLab.v4, interface: "lo")])
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        try await room.reaches(.activated, bound: false)
        #expect(room.status()?.reason == "lo is not an Ethernet interface: give another one")
        #expect(try room.entries() == [])
    }

    @Test("that is the host's own is refused, and not bound where it becomes that later; the host's address stays as it is")
    func hostsOwn() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4)])
        let own = try #require(IPAddress("10.0.0.1"))
        let error = try room.virtualIPs.refusal(of: .on(own))
        #expect(
            error?.message
                == "10.0.0.1 cannot be a virtual IP: it is an address of the host itself, with prefix length 24 on eth0: remove it there, or "
                + "take another virtual IP")
        try lab.hosts[0].ip("addr add 10.0.0.100/24 dev eth0")
        let before = try room.entries(EthernetLab.v4)
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        try await eventually("it is told") { room.status()?.reason?.hasPrefix("it is an address of the host itself") ?? false }
        #expect(room.status()?.isBound == false)
        room.virtualIPs.withdraw([EthernetLab.v4])
        try await room.reaches(.standby, bound: false)
        #expect(try room.entries(EthernetLab.v4).map(\.key) == before.map(\.key))
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        try lab.hosts[0].ip("addr del 10.0.0.100/24 dev eth0")
        try await room.reaches(.activated, bound: true)
    }

    @Test("that another prefix of the host came beside stays bound, and only it is unbound then")
    func otherPrefix() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4)])
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        try await room.reaches(.activated, bound: true)
        try lab.hosts[0].ip("addr add 10.0.0.100/24 dev eth0")
        room.virtualIPs.withdraw([EthernetLab.v4])
        try await room.reaches(.standby, bound: false)
        #expect(try room.entries(EthernetLab.v4).map(\.key.prefixLength) == [24])
    }

    @Test("that an earlier worker left stays without a gap where the host still has the right, and is removed where it has not")
    func leftovers() async throws {
        let lab = try EthernetLab()
        let third = try #require(IPAddress("10.0.0.102"))
        let all = [EthernetLab.v4, EthernetLab.v6, third]
        let first = try Room(on: lab.hosts[0], all.map { try .on($0) })
        first.virtualIPs.grant(all, until: nil)
        for address in all { try await first.reaches(.activated, bound: true, address) }
        #expect(first.virtualIPs.stop(keeping: true, within: .seconds(10)))
        #expect(try first.entries().count == 3)
        // The same address without the mark of a worker.
        try lab.hosts[0].ip("addr add 10.0.0.103/32 dev eth0")

        let monitor = try lab.hosts[0].run { try RouteMonitor() }
        let second = try Room(on: lab.hosts[0], [.on(EthernetLab.v4), .on(EthernetLab.v6)])
        #expect(second.status()?.state == .booting)
        #expect(second.status()?.isBound == true)
        second.virtualIPs.grant([EthernetLab.v4], until: nil)
        second.virtualIPs.withdraw([EthernetLab.v6])
        try await second.reaches(.activated, bound: true)
        try await second.reaches(.standby, bound: false, EthernetLab.v6)
        var removed: Set<IPAddress> = []
        try await eventually("two are removed") {
            for case .addressRemoved(let entry) in try #require(try monitor.take()) { removed.insert(IPAddress(entry.key.address)) }
            return removed.count == 2
        }
        #expect(removed == [EthernetLab.v6, third])
        try await eventually("the one that stays is announced") { second.status().map { $0.announcements > 0 } ?? false }
        #expect(try second.entries(EthernetLab.v4).count == 1)
        let unmarked = try #require(IPAddress("10.0.0.103"))
        #expect(try second.entries(unmarked).count == 1)
    }

    @Test("is unbound while its health check fails, and bound again where the right still holds")
    func health() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4)])
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        try await room.reaches(.activated, bound: true)
        room.virtualIPs.health(EthernetLab.v4, works: false, reason: "127.0.0.1:8080 refuses connections")
        try await room.reaches(.failing, bound: false)
        #expect(room.status()?.reason == "127.0.0.1:8080 refuses connections")
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        room.virtualIPs.health(EthernetLab.v4, works: true)
        try await room.reaches(.activated, bound: true)
        room.virtualIPs.health(EthernetLab.v4, works: false)
        room.virtualIPs.withdraw([EthernetLab.v4])
        try await room.reaches(.failing, bound: false)
        room.virtualIPs.health(EthernetLab.v4, works: true)
        try await room.reaches(.standby, bound: false)
        #expect(room.status()?.reason == nil)
    }

    @Test("of 200 is bound and announced with the others, and all go again")
    func many() async throws {
        let lab = try EthernetLab()
        let addresses = (0..<200).map { IPAddress.v4(0x0A00_0100 + UInt32($0)) }
        let room = try Room(on: lab.hosts[0], addresses.map { try .on($0, .atMostOne(fence: .kernel)) })
        room.virtualIPs.grant(addresses, until: after(.seconds(600)))
        try await eventually("all are bound and announced") {
            room.virtualIPs.statuses.filter { $0.isBound && $0.announcements > 0 }.count == 200
        }
        #expect(try room.entries().count == 200)
        #expect(room.virtualIPs.stop(within: .seconds(60)))
        #expect(try room.entries() == [])
        #expect(try room.rules().isEmpty)
        // Nothing has an effect now, and nobody waits for it.
        let done = Record<Bool>()
        room.virtualIPs.withdraw(addresses) { done.add(true) }
        #expect(done.all == [true])
    }

    @Test("that the kernel refuses is told with the reason, and bound when the kernel takes it, and others do not wait for it")
    func refused() async throws {
        let lab = try EthernetLab()
        try lab.hosts[0].set(["net.ipv6.conf.eth0.disable_ipv6": 1])
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4), .on(EthernetLab.v6)])
        room.virtualIPs.grant([EthernetLab.v6], until: nil)
        try await eventually("it is told") { room.status(EthernetLab.v6)?.reason == "cannot bind it to eth0: Permission denied" }
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        try await room.reaches(.activated, bound: true)
        try lab.hosts[0].set(["net.ipv6.conf.eth0.disable_ipv6": 0])
        try await room.reaches(.activated, bound: true, EthernetLab.v6)
        #expect(room.status(EthernetLab.v6)?.reason == nil)
    }

    @Test("that is not in the list any more is unbound, and one whose interface changes moves there")
    func configure() async throws {
        let lab = try EthernetLab()
        try lab.hosts[0].ip("link add mac0 link eth0 type macvlan\nlink set mac0 up")
        // Otherwise eth0 answers for the addresses of mac0.
        try lab.hosts[0].set(["net.ipv4.conf.all.arp_ignore": 1])
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4), .on(EthernetLab.v6)])
        room.virtualIPs.grant([EthernetLab.v4, EthernetLab.v6], until: nil)
        for address in [EthernetLab.v4, EthernetLab.v6] { try await room.reaches(.activated, bound: true, address) }
        room.virtualIPs.configure([try .on(EthernetLab.v4, interface: "mac0")])
        let mac0 = try lab.hosts[0].run { Int32(if_nametoindex("mac0")) }
        try await eventually("only the first is bound, and elsewhere") {
            try room.entries().map(\.key) == [.init(interface: mac0, address: NetworkAddress(EthernetLab.v4))]
        }
        try await eventually("the second is not told any more") { room.virtualIPs.statuses.map(\.virtualIP.address) == [EthernetLab.v4] }
        try await eventually("it answers") { try lab.isAnswering(EthernetLab.v4) }
        // By its own hardware address, not that of the interface below it.
        try await eventually("the client believes it") { try lab.believed(EthernetLab.v4) != EthernetLab.hardwareAddress(1) }
    }

    @Test("needs capabilities, and that is told")
    func capabilities() async throws {
        let lab = try EthernetLab()
        let error = try await onThread {
            try dropCapabilities()
            return #expect(throws: VirtualIPError.self) {
                _ = try VirtualIPs.start([.on(EthernetLab.v4)], log: .silent, notify: { _ in })
            }
        }
        #expect(error?.code == .system)
        #expect(error?.message.contains("CAP_NET_ADMIN and CAP_NET_RAW") == true)
        withExtendedLifetime(lab) {}
    }
}

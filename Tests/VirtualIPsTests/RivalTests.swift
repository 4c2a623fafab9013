import LBaaS
import Glibc
import TestSupport
import Testing

@testable import VirtualIPs

@Suite("Other hosts", .enabled(if: geteuid() == 0, "needs root"))
struct RivalTests {
    @Test("that claim a bound address are told, and the address is announced again", arguments: [EthernetLab.v4, EthernetLab.v6])
    func rivals(address: IPAddress) async throws {
        let lab = try EthernetLab(hosts: 2)
        let rooms = try lab.hosts.map { try Room(on: $0, [.on(address)]) }
        rooms[0].virtualIPs.grant([address], until: nil)
        try await rooms[0].reaches(.activated, bound: true, address)
        rooms[1].virtualIPs.grant([address], until: nil)
        let virtualIP = try VirtualIP.on(address)
        for (room, other) in [(rooms[0], 2), (rooms[1], 1)] {
            try await eventually("the rival of \(3 - other) is told") {
                room.notices.all.contains(.rival(virtualIP, hardwareAddress: EthernetLab.hardwareAddress(other)))
            }
            #expect(room.log.contains("warning another host claims \(address), which is bound here: it is announced again"))
            #expect(try #require(room.status(address)).rivalFrames > 0)
        }
        // The first heard of the second, and so announced it after it had done so for the first time.
        rooms[1].virtualIPs.withdraw([address])
        try await rooms[1].reaches(.standby, bound: false, address)
        try await eventually("it answers") { try lab.isAnswering(address) }
    }

    @Test("that take an address over are not contradicted, until it is granted again", arguments: [EthernetLab.v4, EthernetLab.v6])
    func yielding(address: IPAddress) async throws {
        let lab = try EthernetLab(hosts: 2)
        let rooms = try lab.hosts.map { try Room(on: $0, [.on(address)]) }
        rooms[0].virtualIPs.grant([address], until: nil)
        try await rooms[0].reaches(.activated, bound: true, address)
        rooms[0].virtualIPs.yield([address])
        // What comes later is carried out later.
        #expect(try await onThread { rooms[0].virtualIPs.withdraw([], within: .seconds(10)) })
        rooms[1].virtualIPs.grant([address], until: nil)
        try await rooms[1].reaches(.activated, bound: true, address)
        // All announcements but those each minute are over.
        try await eventually("the new owner is announced") { rooms[1].status(address).map { $0.announcements >= 4 } ?? false }
        let virtualIP = try VirtualIP.on(address)
        #expect(!rooms[0].notices.all.contains(.rival(virtualIP, hardwareAddress: EthernetLab.hardwareAddress(2))))
        #expect(!rooms[1].notices.all.contains(.rival(virtualIP, hardwareAddress: EthernetLab.hardwareAddress(1))))
        #expect(rooms[0].status(address)?.isBound == true)
        rooms[0].virtualIPs.grant([address], until: nil)
        try await eventually("the owner contradicts") {
            rooms[1].notices.all.contains(.rival(virtualIP, hardwareAddress: EthernetLab.hardwareAddress(1)))
        }
    }

    @Test(
        "that have an address keep it while nobody can tell who has it; it is taken when they are silent",
        arguments: [EthernetLab.v4, EthernetLab.v6])
    func fault(address: IPAddress) async throws {
        let lab = try EthernetLab(hosts: 2)
        let rooms = try lab.hosts.map { try Room(on: $0, [.on(address)]) }
        rooms[0].virtualIPs.grant([address], until: nil)
        try await rooms[0].reaches(.activated, bound: true, address)
        rooms[1].virtualIPs.withdraw([address])
        rooms[1].virtualIPs.fault([address])
        try await eventually("the owner is heard") { rooms[1].status(address)?.reason == "\(EthernetLab.hardwareAddress(1)) has it" }
        #expect(rooms[1].status(address)?.state == .standby)
        rooms[0].virtualIPs.fault([address])
        #expect(!rooms[1].notices.all.contains(.assumed(try .on(address))))
        rooms[0].virtualIPs.withdraw([address])
        try await rooms[1].reaches(.activated, bound: true, address)
        #expect(rooms[1].notices.all.contains(.assumed(try .on(address))))
        #expect(rooms[1].log.contains("event=fault"))
    }

    @Test("do not matter for an address of the policy at_most_one: without a right it is not taken")
    func noFault() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4, .atMostOne(fence: .kernel))])
        room.virtualIPs.fault([EthernetLab.v4])
        try await room.reaches(.standby, bound: false)
        #expect(try room.entries() == [])
    }

    @Test("learn the new hardware address of an interface at once")
    func hardwareAddress() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4)])
        room.virtualIPs.grant([EthernetLab.v4], until: nil)
        try await eventually("it answers") { try lab.isAnswering(EthernetLab.v4) }
        try lab.hosts[0].ip("link set eth0 address 02:00:00:00:00:77")
        try await eventually("the client believes it") { try lab.believed(EthernetLab.v4) == "02:00:00:00:00:77" }
    }
}

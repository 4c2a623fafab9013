import Foundation
import LBaaS
import Netlink
import TestSupport
import Testing

@testable import VirtualIPs

@Suite("A virtual IP of the policy at_most_one", .enabled(if: geteuid() == 0, "needs root"))
struct FenceTests {
    private let policy = VirtualIP.Policy.atMostOne(fence: .kernel)

    @Test("is unbound when its right ends, without being told, and answers no longer", arguments: [EthernetLab.v4, EthernetLab.v6])
    func expiry(address: IPAddress) async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(address, policy)])
        room.virtualIPs.grant([address], until: after(.seconds(600)))
        try await eventually("it answers") { try lab.isAnswering(address) }
        // The kernel removes it by itself where this process dies.
        #expect(try room.entries(address).allSatisfy { $0.lifetime.valid <= 6 })
        room.virtualIPs.grant([address], until: after(.milliseconds(300)))
        try await room.reaches(.standby, bound: false, address)
        #expect(room.status(address)?.reason == "the right to it ended and was not renewed")
        #expect(try room.entries(address) == [])
        #expect(try !lab.isAnswering(address))
        // One that has ended is not extended, and a right that is over already is none.
        room.virtualIPs.extend(until: after(.seconds(600)))
        room.virtualIPs.grant([address], until: after(.milliseconds(-1)))
        room.virtualIPs.grant([address], until: after(.seconds(600)))
        try await room.reaches(.activated, bound: true, address)
    }

    @Test("keeps a right that is extended, and without waiting for anything gives it up where it is withdrawn")
    func extended() async throws {
        let lab = try EthernetLab()
        let list = [EthernetLab.v4, EthernetLab.v6]
        let room = try Room(on: lab.hosts[0], list.map { try .on($0, policy) })
        room.virtualIPs.grant(list, until: after(.seconds(600)))
        for address in list { try await room.reaches(.activated, bound: true, address) }
        room.virtualIPs.extend(until: after(.seconds(6000)))
        try await eventually("the fence knows") {
            try room.rules().split(separator: "\n").filter { $0.contains("timeout 1h39m") || $0.contains("timeout 1h40m") }.count == 2
        }
        #expect(try await onThread { room.virtualIPs.withdraw(list, within: .seconds(10)) })
        #expect(try room.entries() == [])
        #expect(try !room.rules().contains("timeout 1h"))
    }

    @Test(
        "cannot be used without a right even if it is bound, and the host's own traffic passes",
        arguments: [EthernetLab.v4, EthernetLab.v6])
    func fenced(address: IPAddress) async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(address, policy)])
        let own = try #require(IPAddress(address.isV6 ? "2001:db8::1" : "10.0.0.1"))
        try await eventually("it answers") { try lab.isAnswering(own) }
        room.virtualIPs.grant([address], until: after(.seconds(600)))
        try await eventually("it answers") { try lab.isAnswering(address) }
        // As a worker leaves it that is stopped for longer than its right.
        #expect(room.virtualIPs.stop(keeping: true, within: .seconds(10)))
        try lab.hosts[0].run {
            var fence = try Fence()
            try fence.renew([:], now: .zero)
        }
        #expect(try room.entries(address).count == 1)
        #expect(try !lab.isAnswering(address))
        try await eventually("it answers") { try lab.isAnswering(own) }
        // Nor does the host speak as the address.
        let link = try #require(try lab.hosts[0].run { try RouteNetlink().links().first { $0.name == "eth0" } })
        let frames = Frames.announcement(of: address, at: try #require(HardwareAddress(link.hardwareAddress))).map { (link.index, $0) }
        #expect(try lab.hosts[0].run { try FrameSender().send(frames) } == .init(sent: 0, failure: ENOBUFS))
    }

    @Test("is fenced again after somebody flushed the packet filter, and its traffic passes", arguments: [EthernetLab.v4, EthernetLab.v6])
    func flushed(address: IPAddress) async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(address, policy)])
        room.virtualIPs.grant([address], until: after(.seconds(600)))
        try await room.reaches(.activated, bound: true, address)
        for command in [["flush", "ruleset"], ["delete", "table", "netdev", Fence.table], ["flush", "table", "netdev", Fence.table]] {
            room.log.clear()
            _ = try lab.hosts[0].run { try runProgram("/usr/sbin/nft", command) }
            try await eventually("the flush is told") { room.log.contains("somebody else changed the packet filter's table") }
            try await eventually("the fence is there") {
                let rules = try room.rules()
                return rules.contains("hook egress") && rules.contains("ip6 saddr @managed6 ip6 saddr != @mine6 drop")
                    && rules.contains("\(address) timeout")
            }
        }
        try await eventually("it answers") { try lab.isAnswering(address) }
    }

    @Test("has no part in tables of others")
    func otherTables() async throws {
        let lab = try EthernetLab()
        _ = try lab.hosts[0].run { try runProgram("/usr/sbin/nft", ["add", "table", "inet", "other"]) }
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4, policy)])
        room.virtualIPs.grant([EthernetLab.v4], until: after(.seconds(600)))
        try await room.reaches(.activated, bound: true)
        #expect(room.virtualIPs.stop(within: .seconds(60)))
        #expect(try room.rules() == "table inet other {\n}\n")
    }

    @Test("is not fenced with fence = none, and goes by its lifetime and its right all the same")
    func withoutFence() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4, .atMostOne(fence: .none))])
        room.virtualIPs.grant([EthernetLab.v4], until: after(.seconds(600)))
        try await eventually("it answers") { try lab.isAnswering(EthernetLab.v4) }
        #expect(try room.rules().isEmpty)
        #expect(try room.entries(EthernetLab.v4).allSatisfy { $0.lifetime.valid <= 6 })
        room.virtualIPs.grant([EthernetLab.v4], until: after(.milliseconds(100)))
        try await room.reaches(.standby, bound: false)
    }

    @Test("answers all the time while a worker ends and the next one begins")
    func restart() async throws {
        let lab = try EthernetLab()
        let list = try [VirtualIP.on(EthernetLab.v4, policy), .on(EthernetLab.v6, policy)]
        let first = try Room(on: lab.hosts[0], list)
        first.virtualIPs.grant([EthernetLab.v4, EthernetLab.v6], until: after(.seconds(600)))
        try await eventually("it answers") { try lab.isAnswering(EthernetLab.v4) }
        let monitor = try lab.hosts[0].run { try RouteMonitor() }
        #expect(first.virtualIPs.stop(keeping: true, within: .seconds(10)))
        let second = try Room(on: lab.hosts[0], list)
        #expect(second.status()?.state == .booting)
        let rules = try second.rules()
        #expect(rules.contains("elements = { \(EthernetLab.v4) timeout") && rules.contains("elements = { \(EthernetLab.v6) timeout"))
        second.virtualIPs.grant([EthernetLab.v4, EthernetLab.v6], until: after(.seconds(600)))
        for address in [EthernetLab.v4, EthernetLab.v6] { try await second.reaches(.activated, bound: true, address) }
        #expect(try #require(try monitor.take()).allSatisfy { if case .addressRemoved = $0 { false } else { true } })
    }

    @Test("leaves no fence behind for a worker that has none of this policy")
    func leftoverFence() async throws {
        let lab = try EthernetLab()
        let first = try Room(on: lab.hosts[0], [.on(EthernetLab.v4, policy)])
        #expect(first.virtualIPs.stop(keeping: true, within: .seconds(10)))
        #expect(try first.rules().contains(Fence.table))
        let second = try Room(on: lab.hosts[0], [.on(EthernetLab.v4)])
        #expect(try second.rules().isEmpty)
        second.virtualIPs.grant([EthernetLab.v4], until: nil)
        try await eventually("it answers") { try lab.isAnswering(EthernetLab.v4) }
    }

    @Test("may become one of the other policy and back, without a word from anybody but the list")
    func policies() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4, policy)])
        room.virtualIPs.grant([EthernetLab.v4], until: after(.seconds(600)))
        try await room.reaches(.activated, bound: true)
        room.virtualIPs.configure([try .on(EthernetLab.v4)])
        try await eventually("it has no end") { try room.entries().first?.lifetime.valid == .max }
        #expect(room.status()?.state == .activated)
        try await eventually("it answers") { try lab.isAnswering(EthernetLab.v4) }
        // A right without an end is none under this policy.
        room.virtualIPs.configure([try .on(EthernetLab.v4, policy)])
        try await room.reaches(.standby, bound: false)
    }

    @Test("stays bound as long as its right holds, longer than the lifetime that the kernel knows")
    func renewed() async throws {
        let lab = try EthernetLab()
        let room = try Room(on: lab.hosts[0], [.on(EthernetLab.v4, policy)], lifetime: 3)
        let monitor = try lab.hosts[0].run { try RouteMonitor() }
        room.virtualIPs.grant([EthernetLab.v4], until: after(.seconds(600)))
        // Each time but the first is a quarter of the lifetime after the one before.
        var times = 0
        try await eventually("the lifetime is renewed five times") {
            for event in try #require(try monitor.take()) {
                switch event {
                case .address: times += 1
                case .addressRemoved: throw Failure("the address was removed")
                case .link, .linkRemoved: break
                }
            }
            return times > 5
        }
    }

    @Test(
        "of a worker that is killed goes by itself; of one that is stopped it answers no longer than the right",
        arguments: [SIGKILL, SIGSTOP])
    func deadWorker(signal: Int32) async throws {
        let lab = try EthernetLab()
        let folder = try TemporaryFolder()
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("virtual-ip-holder").path
        let holder = try lab.hosts[0].run {
            try ChildProcess(
                program, ["eth0", "400", "\(EthernetLab.v4)"], folder: folder.path, output: folder.file("output"),
                errors: folder.file("errors"))
        }
        do {
            try await eventually("the worker has it") { try lab.isAnswering(EthernetLab.v4) }
            holder.send(signal)
            try await eventually("the fence is shut") { try !lab.isAnswering(EthernetLab.v4) }
            try await eventually("the address is gone") {
                try lab.hosts[0].run { try RouteNetlink().addresses().filter { $0.origin == 251 } }.isEmpty
            }
            if signal == SIGSTOP {
                holder.send(SIGCONT)
                try await eventually("the worker has it again") { try lab.isAnswering(EthernetLab.v4) }
            }
        } catch {
            await holder.destroy()
            throw error
        }
        await holder.destroy()
    }
}

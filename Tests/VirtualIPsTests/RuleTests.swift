import LBaaS
import TestSupport
import Testing

@testable import VirtualIPs

@Suite("The state of a virtual IP")
struct StateTests {
    /// LINK's table; the columns are the events in the order of their cases.
    private static let table: [(VirtualIPState, [VirtualIPState])] = [
        (.booting, [.activated, .activated, .standby, .failing, .booting]),
        (.activated, [.activated, .activated, .standby, .failing, .activated]),
        (.standby, [.activated, .activated, .standby, .failing, .standby]),
        (.failing, [.failing, .failing, .failing, .failing, .standby]),
    ]

    @Test("follows from the state before and the event, for each of both")
    func transitions() {
        #expect(VirtualIPEvent.allCases.map(\.rawValue) == ["fault", "elected", "demoted", "health_check_fail", "health_check_success"])
        #expect(Set(Self.table.map(\.0)) == Set(VirtualIPState.allCases))
        for (state, expected) in Self.table {
            #expect(VirtualIPEvent.allCases.map { state.after($0, policy: .atLeastOne) } == expected)
        }
    }

    @Test("of the policy at_most_one is never ACTIVATED by a fault, and otherwise the same", arguments: [VirtualIP.Fence.kernel, .none])
    func faults(fence: VirtualIP.Fence) {
        let policy = VirtualIP.Policy.atMostOne(fence: fence)
        for (state, expected) in Self.table {
            #expect(VirtualIPEvent.allCases.dropFirst().map { state.after($0, policy: policy) } == Array(expected.dropFirst()))
        }
        #expect(VirtualIPState.allCases.map { $0.after(.fault, policy: policy) } == [.standby, .activated, .standby, .failing])
    }
}

@Suite("An address")
struct AddressTests {
    @Test(
        "that one host among several cannot have is refused with the reason",
        arguments: [
            ("0.0.0.0", "an unspecified address"), ("0.1.2.3", "an unspecified address"), ("127.0.0.2", "a loopback address"),
            ("224.1.2.3", "a multicast address"), ("255.255.255.255", "the broadcast address"), ("::", "an unspecified address"),
            ("::1", "a loopback address"), ("ff02::1", "a multicast address"), ("::ffff:127.0.0.1", "a loopback address"),
        ])
    func refused(text: String, reason: String) throws {
        let address = try #require(IPAddress(text))
        let error = #expect(throws: InvalidVirtualIP.self) { try VirtualIP(address: address, interface: "eth0") }
        #expect(error?.field == "address")
        #expect(error?.message == "\(address) cannot be a virtual IP: it is \(reason)")
    }

    @Test("on an interface that no kernel has is refused", arguments: ["", ".", "..", "a/b", "a b", "a:1", "sixteenletters--"])
    func interface(name: String) throws {
        let error = #expect(throws: InvalidVirtualIP.self) { try VirtualIP(address: EthernetLab.v4, interface: name) }
        #expect(error?.message.hasPrefix("'\(name)' is not a name of an interface") == true)
    }

    @Test("of any other kind is taken", arguments: ["10.0.0.9", "192.0.2.1", "fd00::1", "fe80::1", "240.0.0.1"])
    func taken(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(try VirtualIP(address: address, interface: "bond0.7").address == address)
    }
}

@Suite("An announcement")
struct AnnouncementTests {
    @Test("is made at 0, 50 and 200 ms, at 1, 2 and 5 s, and each minute")
    func schedule() {
        var schedule = AnnouncementSchedule(from: .seconds(100))
        var times: [Duration] = []
        for millisecond in 0...200_000 {
            let now = Duration.seconds(100) + .milliseconds(millisecond)
            if schedule.isDue(at: now) { times.append(now - .seconds(100)) }
        }
        let expected: [Duration] = [
            .zero, .milliseconds(50), .milliseconds(200), .seconds(1), .seconds(2), .seconds(5), .seconds(65), .seconds(125), .seconds(185),
        ]
        #expect(times == expected)
    }

    @Test("that was missed is made once, and the next is later than now", arguments: [0, 3, 5, 64, 10_000, 1_000_000])
    func missed(seconds: Int) {
        var schedule = AnnouncementSchedule(from: .zero)
        let now = Duration.seconds(seconds)
        let isDue = (schedule.isDue(at: now), schedule.isDue(at: now))
        #expect(isDue == (true, false))
        #expect(schedule.next > now)
        #expect(schedule.next <= now + .seconds(60))
    }
}

@Suite("A frame")
struct FrameTests {
    private let hardware = HardwareAddress(bits: 0x0200_0000_0002)

    private func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

    @Test("of gratuitous ARP is a request and a reply")
    func arp() {
        let frames = Frames.announcement(of: EthernetLab.v4, at: hardware).map(hex)
        #expect(
            frames == [
                "ffffffffffff020000000002" + "0806" + "0001080006040001" + "0200000000020a000064" + "0000000000000a000064",
                "ffffffffffff020000000002" + "0806" + "0001080006040002" + "0200000000020a000064" + "ffffffffffff0a000064",
            ])
    }

    @Test("that probes has no sender's address")
    func probe() {
        #expect(
            hex(Frames.probe(for: EthernetLab.v4, from: hardware))
                == "ffffffffffff020000000002" + "0806" + "0001080006040001" + "02000000000200000000" + "0000000000000a000064")
    }

    /// The sum over the pseudo header and the message with its checksum, which is 0xFFFF where it is right.
    private func sum(_ frame: [UInt8]) -> UInt32 {
        let message = Array(frame[54...])
        let bytes = Array(frame[22..<54]) + [0, 0, 0, UInt8(message.count), 0, 0, 0, 58] + message
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) { sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1]) }
        return sum & 0xFFFF + sum >> 16
    }

    @Test("of an unsolicited neighbour advertisement overrides, and goes to all nodes")
    func advertisement() throws {
        let frame = try #require(Frames.announcement(of: EthernetLab.v6, at: hardware).first)
        #expect(frame.count == 86)
        #expect(hex(Array(frame[..<22])) == "333300000001020000000002" + "86dd" + "600000000020" + "3aff")
        #expect(Array(frame[22..<38]) == EthernetLab.v6.bytes)
        #expect(hex(Array(frame[38..<56])) == "ff020000000000000000000000000001" + "8800")
        #expect(Array(frame[58..<62]) == [0x20, 0, 0, 0])
        #expect(Array(frame[62..<78]) == EthernetLab.v6.bytes)
        #expect(hex(Array(frame[78...])) == "0201020000000002")
        #expect(sum(frame) == 0xFFFF)
    }

    @Test("of a neighbour solicitation comes from no address, and goes to those that may have it")
    func solicitation() {
        let frame = Frames.probe(for: EthernetLab.v6, from: hardware)
        #expect(hex(Array(frame[..<14])) == "3333ff000100" + "020000000002" + "86dd")
        #expect(Array(frame[22..<38]) == [UInt8](repeating: 0, count: 16))
        #expect(hex(Array(frame[38..<54])) == "ff0200000000000000000001ff000100")
        #expect(frame[54] == 135)
        #expect(Array(frame[62...]) == EthernetLab.v6.bytes)
        #expect(sum(frame) == 0xFFFF)
    }

    @Test("is read as the claim that it is", arguments: [EthernetLab.v4, EthernetLab.v6])
    func claims(address: IPAddress) {
        let claims = Frames.announcement(of: address, at: hardware).map { frame in
            address.isV6 ? Claim(advertisement: frame[54...]) : Claim(arp: frame[14...])
        }
        #expect(!claims.isEmpty)
        for claim in claims {
            #expect(claim?.address == address)
            #expect(claim?.hardware.description == "02:00:00:00:00:02")
        }
        let probe = Frames.probe(for: address, from: hardware)
        #expect((address.isV6 ? Claim(advertisement: probe[54...]) : Claim(arp: probe[14...])) == nil)
    }

    @Test("of whatever bytes is read without harm", arguments: 0..<20 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let known = [
            Frames.announcement(of: EthernetLab.v4, at: hardware)[0].dropFirst(14),
            Frames.announcement(of: EthernetLab.v6, at: hardware)[0].dropFirst(54),
        ]
        var claims = 0
        for _ in 0..<500 {
            var bytes = Array(known[Int.random(in: 0...1, using: &generator)])
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count * 2, using: &generator)))
            claims += (Claim(arp: bytes[...]) == nil ? 0 : 1) + (Claim(advertisement: bytes[...]) == nil ? 0 : 1)
        }
        #expect(claims > 50)
    }
}

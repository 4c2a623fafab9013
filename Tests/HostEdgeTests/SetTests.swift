import HostEdgeTestSupport
import LBaaS
import Netlink
import Testing

@testable import HostEdge

@Suite("The sets of the packet filter")
struct SetTests {
    private let v4Services = SetPlace(family: .ip, set: .services)

    @Test("have a listener as its address, the number of its protocol and its port")
    func listeners() {
        var sets = EdgeSets()
        let difference = sets.change(
            adding: [.service(listener("10.96.0.10", 443)), .masquerade(listener("fd00::1", 53, .udp)), .hairpin(ip("10.244.1.5"))],
            removing: [])
        #expect(difference.removed.isEmpty)
        #expect(difference.added[v4Services] == [PacketElement([10, 96, 0, 10, 6, 0, 0, 0, 1, 0xBB, 0, 0])])
        let v6 = [0xFD] + [UInt8](repeating: 0, count: 14) + [1]
        #expect(difference.added[SetPlace(family: .ip6, set: .masq)] == [PacketElement(v6 + [17, 0, 0, 0, 0, 53, 0, 0])])
        #expect(difference.added[SetPlace(family: .ip, set: .hairpin)] == [PacketElement([10, 244, 1, 5, 10, 244, 1, 5])])
    }

    @Test("have the mark of a client that is inside")
    func marks() {
        var sets = EdgeSets()
        let difference = sets.change(adding: [.inside(listener("203.0.113.7", 80), mark: 0x100001)], removing: [])
        let element = PacketElement([203, 0, 113, 7, 6, 0, 0, 0, 0, 80, 0, 0], mark: 0x100001)
        #expect(difference.added == [SetPlace(family: .ip, set: .inside): [element]])
        // Another mark is another element in its place.
        let next = sets.change(
            adding: [.inside(listener("203.0.113.7", 80), mark: 0x100002)], removing: [.inside(listener("203.0.113.7", 80), mark: 0x100001)]
        )
        #expect(next.removed[SetPlace(family: .ip, set: .inside)] == [element])
    }

    @Test("change by nothing where an element is there already, or was not, or comes and goes at once")
    func nothing() {
        var sets = EdgeSets()
        let element = EdgeElement.service(listener("10.96.0.10", 80))
        _ = sets.change(adding: [element], removing: [])
        #expect(sets.change(adding: [element], removing: []).isEmpty)
        #expect(sets.change(adding: [element], removing: [element]).isEmpty)
        #expect(sets.change(adding: [], removing: [.service(listener("10.96.0.11", 80))]).isEmpty)
        #expect(sets.change(adding: [], removing: [element]).removed[v4Services]?.count == 1)
    }

    @Test("have ranges without those that others cover, and those that follow one another as one")
    func ranges() {
        let place = SetPlace(family: .ip, set: .ranges)
        func bounds(_ texts: String...) -> [[UInt8]] {
            var sets = EdgeSets()
            _ = sets.change(adding: texts.map { EdgeElement.address(range($0)) }, removing: [])
            return (sets.sets[place] ?? []).sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { $0.key + ($0.isEnd ? [1] : []) }
        }
        #expect(bounds("10.96.0.0/12", "10.96.5.0/24") == [[10, 96, 0, 0], [10, 112, 0, 0, 1]])
        #expect(bounds("10.0.0.0/25", "10.0.0.128/25") == [[10, 0, 0, 0], [10, 0, 1, 0, 1]])
        #expect(bounds("10.0.0.0/25", "10.0.1.0/25") == [[10, 0, 0, 0], [10, 0, 0, 128, 1], [10, 0, 1, 0], [10, 0, 1, 128, 1]])
        #expect(bounds("255.255.255.0/24") == [[255, 255, 255, 0]])
        #expect(bounds("0.0.0.0/0", "10.0.0.0/8") == [[0, 0, 0, 0]])
    }

    @Test("show a range again that another one covered")
    func coveredRange() {
        var sets = EdgeSets()
        let place = SetPlace(family: .ip, set: .podcidr)
        _ = sets.change(adding: [.podRange(range("10.244.0.0/16")), .podRange(range("10.244.1.0/24"))], removing: [])
        _ = sets.change(adding: [], removing: [.podRange(range("10.244.0.0/16"))])
        #expect(sets.sets[place] == [PacketElement([10, 244, 1, 0]), PacketElement([10, 244, 2, 0], isEnd: true)])
    }

    @Test("allow the outermost of the ranges of a service, and each service for itself")
    func allowed() {
        var sets = EdgeSets()
        let place = SetPlace(family: .ip, set: .fwallow)
        let (one, other) = (listener("203.0.113.7", 80), listener("203.0.113.7", 81))
        let key: [UInt8] = [203, 0, 113, 7, 6, 0, 0, 0, 0, 80, 0, 0]
        _ = sets.change(adding: [.allow(one, from: range("10.0.0.0/8")), .allow(one, from: range("10.1.0.0/16"))], removing: [])
        #expect(sets.sets[place] == [PacketElement(key + [10, 0, 0, 0], last: key + [10, 255, 255, 255])])
        _ = sets.change(adding: [.allow(other, from: range("10.1.0.0/16"))], removing: [.allow(one, from: range("10.0.0.0/8"))])
        #expect(sets.sets[place]?.count == 2)
        #expect(sets.sets[place]?.contains(PacketElement(key + [10, 1, 0, 0], last: key + [10, 1, 255, 255])) ?? false)
    }
}

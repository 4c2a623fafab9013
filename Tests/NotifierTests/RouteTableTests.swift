import LBaaS
import TestSupport
import Testing

@testable import BGPNotifier

@Suite("The routes of addresses")
struct RouteTableTests {
    private let peer = "192.0.2.1"

    private func table(_ policy: RoutePolicy = RoutePolicy(hasV6NextHop: true)) -> RouteTable {
        var table = RouteTable(policy: policy)
        table.take(listing([]), isNew: true)
        return table
    }

    private func listing(_ addresses: [String], peers: [String] = ["192.0.2.1"]) -> RouteListing {
        let lines = peers.flatMap { peer in
            addresses.map { "neighbor \(peer) ipv4 unicast \($0)/\($0.contains(":") ? 128 : 32) next-hop self" }
        }
        return RouteListing(routes: lines, peers: peers.map { "\($0) 65002 0:00:34 established 3 2" }, neighbors: [])
    }

    /// Carries out what is left.
    private func settle(_ table: inout RouteTable) -> [RouteStep] {
        let steps = table.steps
        for step in steps { table.done(step) }
        return steps
    }

    private func announce(_ text: String) -> RouteStep { .announce(address(text)) }
    private func withdraw(_ text: String) -> RouteStep { .withdraw(address(text)) }

    @Test("are announced with the first service of an address, once, and withdrawn with the last one")
    func counted() {
        var table = table()
        table.take(.of(.up, "10.9.0.1", id: "a"))
        #expect(settle(&table) == [announce("10.9.0.1")])
        table.take(.of(.up, "10.9.0.1", id: "a"))
        table.take(.of(.up, "10.9.0.1", id: "b", port: 443))
        table.take(.of(.up, "10.9.0.1", id: "b", port: 443))
        #expect(settle(&table) == [])
        table.take(.of(.down, "10.9.0.1", id: "a"))
        table.take(.of(.down, "10.9.0.1", id: "a"))
        #expect(settle(&table) == [])
        table.take(.of(.down, "10.9.0.1", id: "b", port: 443))
        #expect(settle(&table) == [withdraw("10.9.0.1")])
        table.take(.of(.down, "10.9.0.1", id: "b", port: 443))
        #expect(settle(&table) == [])
    }

    @Test("follow a listener that passes from one load balancer to another, in either order")
    func passedOn() {
        var table = table()
        table.take(.of(.up, "10.9.0.1", id: "a"))
        _ = settle(&table)
        table.take(.of(.up, "10.9.0.1", id: "b"))
        table.take(.of(.down, "10.9.0.1", id: "a"))
        #expect(settle(&table) == [])
        table.take(.of(.down, "10.9.0.1", id: "b"))
        table.take(.of(.up, "10.9.0.1", id: "a"))
        #expect(settle(&table) == [])
    }

    @Test("are none of what changed back before it was done")
    func replaced() {
        var table = table()
        table.take(.of(.up, "10.9.0.1"))
        table.take(.of(.down, "10.9.0.1"))
        #expect(settle(&table) == [])
        table.take(.of(.up, "10.9.0.1"))
        _ = settle(&table)
        table.take(.of(.down, "10.9.0.1"))
        table.take(.of(.up, "10.9.0.1"))
        #expect(settle(&table) == [])
    }

    @Test("are there for an address alone", arguments: [nil, "0.0.0.0", "::"])
    func everyAddress(of text: String?) {
        var table = table()
        table.take(.of(.up, text))
        #expect(table.steps == [])
    }

    @Test("are withdrawn before others are announced, in the order of the addresses")
    func order() {
        var table = table()
        for last in 1...3 { table.take(.of(.up, "10.9.0.\(last)", id: "\(last)")) }
        #expect(settle(&table) == [announce("10.9.0.1"), announce("10.9.0.2"), announce("10.9.0.3")])
        table.take(.of(.up, "fd09::1", id: "6"))
        table.take(.of(.down, "10.9.0.3", id: "3"))
        table.take(.of(.down, "10.9.0.1", id: "1"))
        #expect(settle(&table) == [withdraw("10.9.0.1"), withdraw("10.9.0.3"), announce("fd09::1")])
    }

    @Test("that an earlier worker left are withdrawn where their service is down, and left alone where nobody knows it")
    func leftBehind() {
        var table = RouteTable(policy: RoutePolicy())
        table.take(.of(.up, "10.9.0.1", id: "1"))
        table.take(.of(.down, "10.9.0.2", id: "2"))
        table.take(.of(.down, "10.9.0.3", id: "3"))
        table.take(listing(["10.9.0.1", "10.9.0.2", "10.9.0.77"]), isNew: true)
        #expect(settle(&table) == [withdraw("10.9.0.2"), announce("10.9.0.1")])
        // That somebody else announces it later is none of our business.
        table.take(listing(["10.9.0.1", "10.9.0.2", "10.9.0.77"]), isNew: false)
        #expect(table.steps == [])
    }

    @Test("of addresses that are the worker's own are withdrawn where nobody knows their service")
    func owned() throws {
        let policy = RoutePolicy(owned: [try #require(AddressRange("10.9.0.64/26"))])
        var table = RouteTable(policy: policy)
        table.take(.of(.up, "10.9.0.65"))
        table.take(listing(["10.9.0.65", "10.9.0.77", "10.9.0.177"]), isNew: true)
        #expect(settle(&table) == [withdraw("10.9.0.77"), announce("10.9.0.65")])
    }

    @Test("that are silenced are not announced, and withdrawn where they are")
    func silenced() throws {
        for policy in [RoutePolicy(isSilent: true), RoutePolicy(silent: [try #require(AddressRange("10.9.0.1"))])] {
            var table = RouteTable(policy: policy)
            table.take(.of(.up, "10.9.0.1"))
            #expect(table.steps == [])
            table.take(listing(["10.9.0.1"]), isNew: true)
            #expect(settle(&table) == [withdraw("10.9.0.1")])
            #expect(settle(&table) == [])
        }
    }

    @Test("of IPv6 want a next hop")
    func nextHop() {
        var table = RouteTable(policy: RoutePolicy())
        table.take(.of(.up, "fd09::1"))
        #expect(table.wanted == [])
    }

    @Test("are announced anew to another ExaBGP, and to one that has a new peer or lost a route, and else not")
    func anew() {
        var table = table()
        table.take(.of(.up, "10.9.0.1", id: "1"))
        table.take(.of(.up, "10.9.0.2", id: "2"))
        let both = [announce("10.9.0.1"), announce("10.9.0.2")]
        #expect(settle(&table) == both)
        table.take(listing(["10.9.0.1", "10.9.0.2"]), isNew: false)
        #expect(settle(&table) == [])
        table.take(listing([]), isNew: true)
        #expect(settle(&table) == both)
        table.take(listing(["10.9.0.1", "10.9.0.2"]), isNew: false)
        table.take(listing(["10.9.0.2"]), isNew: false)
        #expect(settle(&table) == both)
        table.take(listing(["10.9.0.1", "10.9.0.2"]), isNew: false)
        table.take(listing(["10.9.0.1", "10.9.0.2"], peers: [peer, "192.0.2.2"]), isNew: false)
        #expect(settle(&table) == both)
        table.take(listing(["10.9.0.1", "10.9.0.2"], peers: [peer, "192.0.2.2"]), isNew: false)
        #expect(settle(&table) == [])
    }

    @Test("that were on their way when ExaBGP went are withdrawn where it has them")
    func interrupted() {
        var table = table()
        table.take(.of(.up, "10.9.0.1"))
        #expect(table.steps == [announce("10.9.0.1")])
        table.take(.of(.down, "10.9.0.1"))
        table.take(listing(["10.9.0.1"]), isNew: true)
        #expect(settle(&table) == [withdraw("10.9.0.1")])
    }

    @Test("are all withdrawn at the end where that is asked for")
    func cleared() {
        var table = table()
        table.take(.of(.up, "10.9.0.1"))
        _ = settle(&table)
        table.clear()
        #expect(settle(&table) == [withdraw("10.9.0.1")])
    }

    @Test("are at all times those of the addresses that have a service up, whatever happens in between", arguments: 0..<20)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let silent = try #require(AddressRange("10.9.0.4/30"))
        var table = RouteTable(policy: RoutePolicy(silent: [silent]))
        var up: Set<Service> = []
        var exabgp: Set<String> = ["10.9.0.1", "10.9.0.5", "192.0.2.77"]
        var isNew = true
        for _ in 0..<600 {
            let number = Int.random(in: 1...6, using: &generator)
            let kind: ServiceEvent.Kind = Bool.random(using: &generator) ? .up : .down
            let event = ServiceEvent.of(kind, "10.9.0.\(number)", id: "\(Int.random(in: 1...3, using: &generator))")
            table.take(event)
            if kind == .up { up.insert(event.service) } else { up.remove(event.service) }
            switch Int.random(in: 0..<20, using: &generator) {
            case 0:  // Another ExaBGP.
                exabgp = ["192.0.2.77"]
                isNew = true
            case 1:  // An answer got lost: ExaBGP did it, and is reached anew.
                if let step = table.steps.randomElement(using: &generator) { carryOut(step, &exabgp) }
                isNew = true
            case 2:  // Somebody took one away.
                exabgp.remove("10.9.0.\(number)")
            case 3...12:
                if isNew || Bool.random(using: &generator) { table.take(listing(exabgp.sorted()), isNew: isNew) }
                isNew = false
                for step in table.steps {
                    carryOut(step, &exabgp)
                    table.done(step)
                }
            default: break
            }
        }
        for event in up.map({ ServiceEvent.of(.down, $0.listener.address?.description, id: $0.loadBalancer.text) })
        where Bool.random(using: &generator) {
            table.take(event)
            up.remove(event.service)
        }
        // A known address is one of a service that was told since the start, so the one service that never was is told as down.
        for number in 1...6 { table.take(.of(.down, "10.9.0.\(number)", id: "never up")) }
        table.take(listing(exabgp.sorted()), isNew: isNew)
        for step in table.steps { carryOut(step, &exabgp) }
        let expected = Set(up.compactMap { $0.listener.address }.filter { !silent.contains($0) }.map(\.description))
        #expect(exabgp == expected.union(["192.0.2.77"]))
    }

    private func carryOut(_ step: RouteStep, _ exabgp: inout Set<String>) {
        switch step {
        case .announce(let address): exabgp.insert(address.description)
        case .withdraw(let address): exabgp.remove(address.description)
        }
    }
}

@Suite("What ExaBGP lists")
struct RouteListingTests {
    @Test("is read as exabgp 4.2 writes it: host routes of unicast, and peers")
    func read() {
        let listing = RouteListing(
            routes: [
                "neighbor 127.0.0.2 ipv4 unicast 192.0.2.0/24 next-hop 10.0.0.9",
                "neighbor 127.0.0.2 ipv4 unicast 10.9.0.1/32 next-hop self",
                "neighbor 127.0.0.2 ipv6 unicast fd09::1/128 next-hop fd00::9",
                "neighbor 127.0.0.2 ipv4 multicast 10.9.0.2/32 next-hop self",
                "neighbor nobody ipv4 unicast 10.9.0.3/32 next-hop self", "shutdown", "", "neighbor",
                "neighbor 127.0.0.2 ipv4 unicast 10.9.0.4 next-hop self",
            ], peers: ["Peer            AS        up/down state       |     #sent     #recvd"], neighbors: [])
        #expect(listing.addresses == [address("10.9.0.1"), address("fd09::1")])
    }

    @Test("is that of the peers that count")
    func filtered() {
        let lines = [
            "neighbor 127.0.0.2 ipv4 unicast 10.9.0.1/32 next-hop self", "neighbor 127.0.0.3 ipv4 unicast 10.9.0.2/32 next-hop self",
        ]
        #expect(RouteListing(routes: lines, peers: [], neighbors: [address("127.0.0.3")]).addresses == [address("10.9.0.2")])
    }
}

@Suite("A range of addresses")
struct AddressRangeTests {
    @Test(
        "has those that begin as it does",
        arguments: [
            ("10.9.0.0/24", "10.9.0.255", true), ("10.9.0.0/24", "10.9.1.0", false), ("10.9.0.1", "10.9.0.1", true),
            ("10.9.0.1", "10.9.0.2", false), ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::", false), ("::/0", "fd09::1", true),
            ("fd09::/64", "fd09::ffff:0:0:1", true), ("fd09::/64", "fd09:0:0:1::1", false), ("fd09::8/125", "fd09::f", true),
            ("fd09::8/125", "fd09::10", false), ("fe00::/7", "fd00::1", false), ("fc00::/7", "fd00::1", true), ("::1", "::1", true),
        ])
    func contains(range: String, text: String, isIn: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(address(text)) == isIn)
    }

    @Test(
        "is nothing else",
        arguments: [
            "", "/", "10.9.0.0/", "10.9.0.0/33", "10.9.0.1/24", "10.9.0.0/+8", "10.9.0.0/-1", "10.9.0.0/8/8", "fd09::1/64", "fd00::/7",
            "a/8", "::/129",
        ])
    func refused(text: String) {
        #expect(AddressRange(text) == nil)
    }
}

import Glibc
import HostEdgeTestSupport
import LBaaS
import Netlink
import TestSupport
import Testing

@testable import HostEdge

/// The edge on the kernel that the tests run on, in network namespaces of their own, with `nft` and `ip` as witnesses.
@Suite("The edge in a network namespace", .enabled(if: geteuid() == 0, "needs root"))
struct KernelTests {
    private let all: Set<EdgeElement> = [
        .address(range("10.96.0.0/12")), .address(range("203.0.113.7/32")), .address(range("fd00:96::/112")),
        .service(listener("10.96.0.10", 80)), .service(listener("203.0.113.7", 443)), .service(listener("fd00:96::1", 53, .udp)),
        .masquerade(listener("203.0.113.7", 443)), .masqueradeOutsiders(listener("10.96.0.10", 80)), .podRange(range("10.244.1.0/24")),
        .podRange(range("fd00:244::/64")), .hairpin(ip("10.244.1.5")), .hairpin(ip("fd00:244::5")),
        .blackhole(listener("203.0.113.7", 443)),
        .firewall(listener("203.0.113.7", 443)), .allow(listener("203.0.113.7", 443), from: range("198.51.100.0/24")),
        .firewall(listener("fd00:96::1", 53, .udp)), .allow(listener("fd00:96::1", 53, .udp), from: range("2001:db8::/32")),
        .inside(listener("203.0.113.7", 443), mark: 0x100001),
    ]

    private func namespace() throws -> Namespace {
        let namespace = try Namespace()
        try namespace.ip("link set lo up\nlink add eth0 type veth peer name other\naddr add 192.0.2.11/24 dev eth0\nlink set eth0 up")
        return namespace
    }

    @Test("is the table that is documented, as nft reads it")
    func table() throws {
        let namespace = try namespace()
        let edge = try namespace.edge()
        #expect(edge.prepare(all) == nil)
        let listing = try namespace.nft("list", "table", "ip", "lbaas")
        for line in [
            "type ipv4_addr . inet_proto . inet_service", "flags interval", "elements = { 10.96.0.0/12 }", "elements = { 203.0.113.7 }",
            "elements = { 10.96.0.10 . tcp . 80,", "203.0.113.7 . tcp . 443 }", "elements = { 10.244.1.0/24 }",
            "elements = { 10.244.1.5 . 10.244.1.5 }", "elements = { 203.0.113.7 . tcp . 443 . 198.51.100.0/24 }",
            "203.0.113.7 . tcp . 443 : 0x00100001", "ct state new jump firewall",
            "ip daddr . meta l4proto . th dport @fw ip daddr . meta l4proto . th dport . ip saddr != @fwallow drop",
            "ip saddr @podcidr meta mark set ip daddr . meta l4proto . th dport map @inside accept",
            "ct state new ip daddr . meta l4proto . th dport @blackhole drop", "ct state new ip daddr @vips jump guard",
            "ct state new ip daddr @vips jump early", "ct state new ip daddr @ranges jump early", "meta l4proto udp reject",
            "ip daddr . meta l4proto . tcp dport != @services reject", "ip saddr . ip daddr @hairpin masquerade fully-random",
            "ct original ip daddr . meta l4proto . ct original proto-dst @masq masquerade fully-random",
            "ct original ip daddr . meta l4proto . ct original proto-dst @masqoff ip saddr != @podcidr masquerade fully-random",
            "type filter hook prerouting priority", "type nat hook postrouting priority",
        ] {
            #expect(listing.contains(line), "\(line)\n\(listing)")
        }
        let other = try namespace.nft("list", "table", "ip6", "lbaas")
        for line in [
            "elements = { fd00:96::1 . udp . 53 }", "elements = { fd00:96::1 . udp . 53 . 2001:db8::/32 }", "elements = { fd00:96::/112 }",
            "ip6 saddr . ip6 daddr @hairpin masquerade fully-random", "elements = { fd00:244::/64 }",
        ] {
            #expect(other.contains(line), "\(line)\n\(other)")
        }
    }

    @Test("is changed element by element, and in the end is the same as one made anew")
    func changes() throws {
        let (one, another) = (try namespace(), try namespace())
        let (edge, fresh) = (try one.edge(), try another.edge())
        var random = SeededGenerator(seed: 7)
        var wanted: Set<EdgeElement> = []
        for _ in 0..<60 {
            let new = Set(all.shuffled(using: &random).prefix(4)).subtracting(wanted)
            let old = Set(wanted.shuffled(using: &random).prefix(3))
            #expect(edge.prepare(new) == nil)
            #expect(edge.finish(old) == nil)
            wanted = wanted.union(new).subtracting(old)
        }
        #expect(fresh.prepare(wanted) == nil)
        for family in ["ip", "ip6"] {
            #expect(try one.elements(family) == another.elements(family))
        }
    }

    @Test("is not written again by the next worker where it is right, and rid of what is not needed any more at the end of the start")
    func restart() throws {
        let namespace = try namespace()
        let extra = EdgeElement.service(listener("10.96.0.99", 80))
        do { #expect(try namespace.edge().prepare(all.union([extra])) == nil) }
        let watch = try namespace.run { try NFTablesMonitor(table: "lbaas", owner: NFTables()) }
        let next = try namespace.edge()
        #expect(next.prepare(all, keepsRest: true) == nil)
        #expect(try !watch.take())
        #expect(try namespace.nft("list", "table", "ip", "lbaas").contains("10.96.0.99"))
        #expect(next.finish([]) == nil)
        #expect(try watch.take())
        #expect(try !namespace.nft("list", "table", "ip", "lbaas").contains("10.96.0.99"))
        do {
            let third = try namespace.edge()
            #expect(third.prepare(all, keepsRest: true) == nil)
            #expect(third.finish([]) == nil)
            #expect(try !watch.take())
        }
    }

    @Test("is brought back where somebody flushes the rule set, takes an element out or adds a rule, and leaves tables of others alone")
    func repair() throws {
        let namespace = try namespace()
        let log = LogRecord()
        let edge = try namespace.edge(log: log.log)
        #expect(edge.prepare(all) == nil)
        try namespace.run { edge.begin([EffectiveState]()) }
        let whole = try namespace.elements("ip")
        for damage in [
            "flush ruleset", "delete table ip lbaas", "delete element ip lbaas services { 10.96.0.10 . tcp . 80 }",
            "add rule ip lbaas guard drop", "flush chain ip lbaas postrouting",
        ] {
            _ = try namespace.nft(damage)
            try waitUntil("repaired after: \(damage)") { try namespace.isWhole(as: whole) }
        }
        _ = try namespace.nft("add table ip other")
        _ = try namespace.nft("add chain ip other c { type filter hook input priority 0 ; }")
        _ = try namespace.nft("delete table ip6 lbaas")
        try waitUntil("the table of IPv6 is there") { try namespace.nft("list", "tables").contains("ip6 lbaas") }
        #expect(try namespace.nft("list", "table", "ip", "other").contains("hook input"))
        #expect(log.contains("the packet filter of services was changed by somebody else; it is put right"))
        #expect(edge.stop(within: .seconds(60)))
        let removed = try namespace.run { try HostEdge.removeLeftover() }
        #expect(removed == ["2 local routes", "the tables lbaas of the packet filter"])
        #expect(try namespace.nft("list", "tables").split(separator: "\n") == ["table ip other"])
    }

    @Test("refuses ports of the host at an address as long as something drains there")
    func draining() throws {
        let namespace = try namespace()
        let edge = try namespace.edge()
        let element = EdgeElement.address(range("203.0.113.7/32"))
        func isGuarded() throws -> Bool { try namespace.nft("list", "set", "ip", "lbaas", "vips").contains("203.0.113.7") }
        #expect(edge.prepare([element]) == nil)
        try namespace.run { edge.begin([effective("k8s:a", at: "203.0.113.7")]) }
        #expect(edge.finish([]) == nil)
        #expect(edge.flush(within: .seconds(60)))
        let (up, draining) = (effective("k8s:a", at: "203.0.113.7"), effective("k8s:a", at: "203.0.113.7", draining: true))
        edge.add([EffectiveChange(from: up, to: draining)])
        #expect(edge.finish([element]) == nil)
        #expect(edge.flush(within: .seconds(60)))
        #expect(try isGuarded())
        #expect(try namespace.ownRoutes().count == 1)
        edge.add([EffectiveChange(from: draining, to: effective("k8s:a", at: nil))])
        #expect(edge.flush(within: .seconds(60)))
        #expect(try !isGuarded())
        #expect(try namespace.ownRoutes() == [])
        #expect(edge.stop(within: .seconds(60)))
    }

    @Test("holds twenty thousand services, and one more is one element")
    func many() throws {
        let namespace = try namespace()
        let edge = try namespace.edge()
        let all = (0..<20_000).map { number in
            Listener(address: .v4(0x0A60_0001 + UInt32(number)), port: 80, transport: .tcp)
        }
        let elements = Set(all.flatMap { [EdgeElement.service($0), .masqueradeOutsiders($0)] }).union([.address(range("10.96.0.0/12"))])
        #expect(edge.prepare(elements) == nil)
        #expect(edge.finish([]) == nil)
        #expect(edge.prepare([.service(listener("10.100.0.1", 80))]) == nil)
        #expect(edge.finish([.service(all[7])]) == nil)
        let found = try namespace.run { try NFTables().elements(of: "services", table: "lbaas", .ip) }
        #expect(found.count == 20_000)
        #expect(try namespace.run { try NFTables().elements(of: "masqoff", table: "lbaas", .ip) }.count == 20_000)
    }

    @Test("leaves a table of its name alone at cleanup that somebody else made")
    func foreignTable() throws {
        let namespace = try namespace()
        _ = try namespace.nft("add table ip lbaas")
        #expect(try namespace.run { try HostEdge.removeLeftover() } == [])
        #expect(try namespace.nft("list", "tables") == "table ip lbaas\n")
    }
}

extension Namespace {
    /// The elements of each set, by its name.
    fileprivate func elements(_ family: String) throws -> [String: [String]] {
        var sets: [String: [String]] = [:]
        for set in EdgeSet.allCases {
            let kind = set == .inside ? "map" : "set"
            let text = try nft("list", kind, family, "lbaas", set.rawValue)
            let elements = text.firstRange(of: "elements = {").map { text[$0.upperBound...].prefix { $0 != "}" } } ?? ""
            sets[set.rawValue] = elements.split { $0 == "," || $0 == "\n" }.map { $0.split { " \t".contains($0) }.joined(separator: " ") }
                .filter { !$0.isEmpty }.sorted()
        }
        return sets
    }

    fileprivate func isWhole(as elements: [String: [String]]) throws -> Bool {
        let listing = try nft("list", "tables")
        guard listing.contains("ip lbaas"), (try? self.elements("ip")) == elements else { return false }
        let rules = try run { try NFTables().ruleCounts(ofTable: "lbaas", .ip) }
        return rules == EdgeRules.ruleCounts
    }
}

import Glibc
import TestSupport
import Testing

@testable import Netlink

/// Route netlink and nf_tables with the kernel that the tests run on, in network namespaces of their own.
@Suite("In a network namespace", .enabled(if: geteuid() == 0, "needs root"))
struct NamespaceTests {
    private let v4 = NetworkAddress.v4(0x0A00_0009)
    private let v6 = NetworkAddress.v6(high: 0x2001_0DB8_0000_0000, low: 9)

    /// A namespace with a pair of interfaces that are up, and their numbers.
    private func pair() throws -> (namespace: Namespace, a: Int32) {
        let namespace = try Namespace()
        try namespace.ip("link add va type veth peer name vb\nlink set va up\nlink set vb up")
        return (namespace, try namespace.run { Int32(if_nametoindex("va")) })
    }

    @Test("addresses are added, listed as they were added, and deleted")
    func addresses() throws {
        let (namespace, a) = try pair()
        try namespace.run {
            let route = try RouteNetlink()
            let entries = [
                InterfaceAddress(key: .init(interface: a, address: v4), origin: 251),
                InterfaceAddress(
                    key: .init(interface: a, address: v6), origin: 251, flags: InterfaceAddress.noDuplicateDetection,
                    lifetime: .init(preferred: 0, valid: 100)),
            ]
            var batch = RouteBatch()
            entries.forEach { batch.add($0) }
            #expect(try route.carryOut(&batch) == [])
            #expect(try route.carryOut(&batch).map(\.number) == [EEXIST, EEXIST])
            let listed = try route.addresses().filter { $0.origin == 251 }
            #expect(Set(listed.map(\.key)) == Set(entries.map(\.key)))
            let second = try #require(listed.first { $0.key == entries[1].key })
            #expect(second.lifetime.preferred == 0)
            #expect((90...100).contains(second.lifetime.valid))
            #expect(second.flags & InterfaceAddress.noDuplicateDetection != 0)

            var deletion = RouteBatch()
            entries.forEach { deletion.delete($0.key) }
            #expect(try route.carryOut(&deletion) == [])
            #expect(try route.carryOut(&deletion).map(\.number) == [EADDRNOTAVAIL, EADDRNOTAVAIL])
            #expect(try route.addresses().filter { $0.origin == 251 } == [])
        }
    }

    @Test("links are listed with their state")
    func links() throws {
        let (namespace, a) = try pair()
        try namespace.run {
            let links = try RouteNetlink().links()
            #expect(Set(links.map(\.name)).isSuperset(of: ["lo", "va", "vb"]))
            let link = try #require(links.first { $0.index == a })
            #expect(link.isEthernet && link.isUp && link.hasCarrier)
            #expect(links.first { $0.name == "lo" }?.isEthernet == false)
        }
    }

    @Test("events tell what others do")
    func events() throws {
        let (namespace, a) = try pair()
        let monitor = try namespace.run { try RouteMonitor() }
        try namespace.ip("addr add 10.0.0.9/24 dev va\naddr del 10.0.0.9/24 dev va\nlink set va down")
        var events: [RouteEvent] = []
        try waitUntil("the link is down") {
            events += try #require(try monitor.take())
            return events.contains { if case .link(let link) = $0 { link.index == a && !link.isUp } else { false } }
        }
        let key = InterfaceAddress.Key(interface: a, address: v4, prefixLength: 24)
        #expect(events.contains { if case .address(let entry) = $0 { entry.key == key && entry.origin == 0 } else { false } })
        #expect(events.contains { if case .addressRemoved(let entry) = $0 { entry.key == key } else { false } })
        try namespace.ip("link del va")
        try waitUntil("the link is gone") { try #require(try monitor.take()).contains(.linkRemoved(a)) }
    }

    @Test("a transaction is carried out as a whole, or not at all, and is shown by nft")
    func transactions() throws {
        let (namespace, _) = try pair()
        try namespace.run {
            let filter = try NFTables()
            var transaction = NFTablesTransaction()
            transaction.addTable("t", .netdev)
            transaction.addSet("s", table: "t", .netdev, .v4Address, expires: true)
            transaction.addElements([v4], set: "s", table: "t", .netdev, timeout: 60_000)
            transaction.addChain("c", table: "t", hook: .egress, device: "va")
            transaction.addRule(
                [.etherType(0x0800), .load(offset: 12, count: 4), .isElement(of: "s"), .drop], chain: "c", table: "t", .netdev)
            try filter.carryOut(&transaction)
            let rules = try runProgram("/usr/sbin/nft", ["list", "ruleset"])
            for part in ["table netdev t", "type ipv4_addr", "10.0.0.9", "hook egress device", "ip saddr @s drop"] {
                #expect(rules.contains(part), "\(part) is not in \(rules)")
            }

            var second = NFTablesTransaction()
            second.addTable("u", .netdev)
            second.flushSet("no-such", table: "t", .netdev)
            let error = failure { () throws(NetlinkError) in try filter.carryOut(&second) }
            #expect(error?.number == ENOENT)
            #expect(error?.message.contains("to flush the set no-such") == true)
            #expect(try !runProgram("/usr/sbin/nft", ["list", "tables"]).contains("netdev u"))
        }
    }

    @Test("a check tells what the kernel would refuse, and changes nothing")
    func check() throws {
        let (namespace, _) = try pair()
        try namespace.run {
            let filter = try NFTables()
            try filter.check { transaction in
                transaction.addTable("t", .netdev)
                transaction.addChain("c", table: "t", hook: .ingress, device: "va")
            }
            let error = failure { () throws(NetlinkError) in
                try filter.check { transaction in
                    transaction.addTable("t", .netdev)
                    transaction.addElements([v4], set: "no-such", table: "t", .netdev)
                    transaction.addTable("u", .netdev)
                }
            }
            #expect(error?.number == ENOENT)
            #expect(error?.message.contains("elements of the set no-such") == true)
            #expect(try runProgram("/usr/sbin/nft", ["list", "ruleset"]).isEmpty)
        }
    }

    @Test("what others do to a table is told, and what it does itself is not")
    func monitor() throws {
        let (namespace, _) = try pair()
        try namespace.run {
            let filter = try NFTables()
            let monitor = try NFTablesMonitor(table: "t", owner: filter)
            var transaction = NFTablesTransaction()
            transaction.addTable("t", .netdev)
            try filter.carryOut(&transaction)
            _ = try runProgram("/usr/sbin/nft", ["add", "table", "netdev", "u"])
            #expect(try !monitor.take())
            _ = try runProgram("/usr/sbin/nft", ["flush", "ruleset"])
            try waitUntil("the flush is told") { try monitor.take() }
        }
    }
}

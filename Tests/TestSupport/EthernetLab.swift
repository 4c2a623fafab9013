import Foundation
package import LBaaS

/// A switch with hosts and a client behind it, in network namespaces of their own. The interface of each is `eth0`.
package final class EthernetLab: Sendable {
    package let hosts: [Namespace]
    package let client: Namespace
    private let bridge: Namespace

    /// The addresses that hosts compete for.
    package static let v4 = IPAddress.v4(0x0A00_0064)
    package static let v6 = IPAddress.v6(high: 0x2001_0DB8_0000_0000, low: 0x100)

    /// The hosts have 10.0.0.1 and so on and 2001:db8::1 and so on, and the hardware addresses 02:00:00:00:00:01 and so on. The client has
    /// the number 9.
    package init(hosts count: Int = 1) throws {
        bridge = try Namespace()
        try bridge.ip("link add br0 type bridge\nlink set br0 up")
        hosts = try (1...count).map { [bridge] number in try Self.host(number, behind: bridge) }
        client = try Self.host(9, behind: bridge)
    }

    private static func host(_ number: Int, behind bridge: Namespace) throws -> Namespace {
        let host = try Namespace()
        try host.set(["net.ipv6.conf.default.accept_dad": 0, "net.ipv6.conf.all.accept_dad": 0])
        try host.ip("link set lo up")
        try plug(host, number, into: bridge)
        return host
    }

    private static func plug(_ host: Namespace, _ number: Int, into bridge: Namespace) throws {
        try bridge.ip("link add port\(number) type veth peer name eth0 netns \(host.path)\nlink set port\(number) master br0 up")
        try host.ip("link set eth0 address \(hardwareAddress(number)) up\n\(ownAddresses(number))")
    }

    /// The commands of `ip` that give a host its own addresses.
    package static func ownAddresses(_ number: Int) -> String {
        "addr add 10.0.0.\(number)/24 dev eth0\naddr add 2001:db8::\(number)/64 dev eth0 nodad"
    }

    /// Gives the interface of a host its carrier, or takes it.
    package func setCarrier(_ number: Int, _ isThere: Bool) throws { try bridge.ip("link set port\(number) \(isThere ? "up" : "down")") }

    /// Takes the interface of a host away, with all that it has.
    package func unplug(_ number: Int) throws { try bridge.ip("link del port\(number)") }

    /// Gives a host an interface as at the beginning.
    package func plug(_ number: Int) throws { try Self.plug(hosts[number - 1], number, into: bridge) }

    package static func hardwareAddress(_ number: Int) -> String { "02:00:00:00:00:0\(number)" }

    /// Whether the client gets an answer from an address, within half a second: that nobody listens there is one.
    package func isAnswering(_ address: IPAddress) throws -> Bool { try client.run { try isReached(address, within: 0.5) } }

    /// The hardware address that the client believes an address is at, without asking.
    package func believed(_ address: IPAddress) throws -> String? {
        let line = try client.run { try runProgram("/sbin/ip", ["neigh", "show", "\(address)", "dev", "eth0"]) }
        let words = line.split(whereSeparator: \.isWhitespace)
        return words.firstIndex(of: "lladdr").map { String(words[$0 + 1]) }
    }
}

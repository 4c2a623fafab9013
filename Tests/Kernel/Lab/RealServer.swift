import LBaaS
import TestSupport

/// What tunnels need that is the same on both sides.
enum Wrapping {
    /// The UDP port of GUE.
    static let port: UInt16 = 6080
}

/// A machine behind the director, with servers that tell its name.
///
/// It answers through the director, unless it was asked at a virtual address: then straight to the client.
final class RealServer {
    /// Its name, with which it answers: `r1` is the first.
    let name: String
    /// Its network.
    let namespace: Namespace
    private let number: Int
    private var servers: [Server] = []

    init(number: Int) throws {
        self.number = number
        name = "r\(number)"
        namespace = try Namespace()
        // Where a virtual address is asked for, the director alone must answer.
        try namespace.set(["net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2])
    }

    /// Its own address.
    func address(_ family: Family) throws -> IPAddress { try family.address("10.2.0.\(10 + number)", "fd02::\(10 + number)") }

    /// Its address and a port, as `ipvsadm` takes them.
    func endpoint(_ family: Family, port: UInt16 = 80) throws -> String {
        Endpoint(host: .address(try address(family)), port: port).description
    }

    /// Gives it addresses and routes. Its interface `eth0` is there.
    func configureNetwork() throws {
        try namespace.ip(
            """
            \(Lab.takeVirtualAddresses)
            link set eth0 up
            addr add \(address(.v4))/24 dev eth0
            addr add \(address(.v6))/64 dev eth0 nodad
            route add default via 10.2.0.1
            route add default via fd02::1 dev eth0
            rule add from 10.9.0.0/24 table 9
            route add 10.1.0.0/24 dev eth0 table 9
            route add fd01::/64 from fd09::/64 dev eth0
            """)
    }

    /// Lets it take packets of either family that were wrapped in such of either family, for its own address.
    ///
    /// A tunnel of GRE takes packets with a checksum or such without.
    func unwrap(_ tunnel: Tunnel) throws {
        let option = tunnel.checksum ? "icsum" : ""
        let kinds: [(kind: String, outer: Family)] =
            switch tunnel.kind {
            case .ipip, .gue: [("ipip", .v4), ("sit", .v4), ("ip6tnl mode any", .v6)]
            case .gre: [("gre \(option)", .v4), ("ip6gre \(option)", .v6)]
            }
        var commands: [String] = []
        for (index, (kind, outer)) in kinds.enumerated() {
            commands.append("link add tunnel\(index) type \(kind) local \(try address(outer)) remote any")
            commands.append("link set tunnel\(index) up")
        }
        // What is under the header of GUE goes to the tunnels above.
        if tunnel.kind == .gue { commands += ["fou add port \(Wrapping.port) gue", "fou add port \(Wrapping.port) gue -6"] }
        try namespace.ip(commands.joined(separator: "\n"))
    }

    /// Starts a server at its own and at the virtual addresses.
    ///
    /// - Parameter hangsUp: whether it closes a connection as soon as it has told its name.
    func serve(_ transport: Transport, port: UInt16 = 80, hangsUp: Bool = false) throws {
        let sockets = try namespace.run {
            // Each address by itself: a datagram is answered from the address that it was sent to.
            try Family.allCases.flatMap { [try address($0), try Lab.virtualAddress($0)] }.map { address in
                let socket = try Socket(transport, for: address)
                try socket.bind(to: address, port: port)
                if transport != .udp { try socket.listen() }
                return socket
            }
        }
        servers.append(
            try Server(
                name: name, listeners: transport == .udp ? [] : sockets, datagrams: transport == .udp ? sockets : [], hangsUp: hangsUp))
    }

    /// Ends its servers, with all connections.
    func stop() {
        for server in servers { server.stop() }
        servers = []
    }
}

import LBaaS
import TestSupport

/// A client, a director with an IPVS table of its own, and real servers: each a network namespace, and all on one switch.
///
///     client     10.1.0.2                fd01::2
///     director   10.1.0.1, 10.2.0.1      fd01::1, fd02::1
///     r1, r2, …  10.2.0.11, 10.2.0.12    fd02::11, fd02::12
///
/// All of 10.9.0.0/24 and fd09::/64 are virtual addresses: the director's for the client, and the real servers' own for what the director
/// sends on as it came. So one lab does for every way of forwarding. The client reaches nobody but the director, and is reached by a
/// real server straight from a virtual address and through the director from its own.
final class Lab {
    /// Where clients are.
    let client: Namespace
    /// Where IPVS is, with an empty table.
    let director: Namespace
    /// What is behind it.
    let realServers: [RealServer]
    private var lastPort: UInt16 = 10_000

    /// The commands of `ip` that make the virtual addresses those of a machine.
    ///
    /// Whether an address of IPv6 is anybody else's is found out by the kernel behind our back, and until then it is not there: `nodad`.
    static let takeVirtualAddresses = """
        link set lo up
        addr add 10.9.0.1/24 dev lo
        addr add fd09::1/64 dev lo nodad
        route add local fd09::/64 dev lo
        """

    fileprivate init(realServers count: Int, director: Namespace) throws {
        client = try Namespace()
        self.director = director
        realServers = try (1...count).map { try RealServer(number: $0) }
        try setParameters()
        try configureNetworks()
    }

    private func setParameters() throws {
        for machine in [client, director] + realServers.map(\.namespace) {
            try machine.set([
                // That client and real servers are on one switch is nothing that anybody should make use of.
                "net.ipv4.conf.all.accept_redirects": 0, "net.ipv4.conf.default.accept_redirects": 0,
                "net.ipv6.conf.default.accept_redirects": 0,
                // Else no address of IPv6 is used in the first second, which goes into looking for others that have it.
                "net.ipv6.conf.default.accept_dad": 0,
            ])
        }
        try director.set([
            "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1,
            "net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.default.send_redirects": 0,
            // Every client that finds no real server is told so.
            "net.ipv4.icmp_ratelimit": 0, "net.ipv6.icmp.ratelimit": 0,
        ])
    }

    private func configureNetworks() throws {
        try director.ip(
            """
            \(Lab.takeVirtualAddresses)
            link add switch type bridge mcast_snooping 0
            link set switch up
            \(plug("director", into: director))
            \(plug("client", into: client))
            \(realServers.map { plug($0.name, into: $0.namespace) }.joined(separator: "\n"))
            link set eth0 up
            addr add 10.1.0.1/24 dev eth0
            addr add 10.2.0.1/24 dev eth0
            addr add fd01::1/64 dev eth0 nodad
            addr add fd02::1/64 dev eth0 nodad
            """)
        try client.ip(
            """
            link set lo up
            link set eth0 up
            addr add 10.1.0.2/24 dev eth0
            addr add fd01::2/64 dev eth0 nodad
            route add default via 10.1.0.1
            route add default via fd01::1 dev eth0
            """)
        for server in realServers { try server.configureNetwork() }
    }

    fileprivate func stop() {
        for server in realServers { server.stop() }
    }

    /// The virtual address of tests that need one.
    static func virtualAddress(_ family: Family) throws -> IPAddress { try family.address("10.9.0.1", "fd09::1") }

    /// Starts a server on every real server.
    func serve(_ transport: Transport, port: UInt16 = 80, hangsUp: Bool = false) throws {
        for server in realServers { try server.serve(transport, port: port, hangsUp: hangsUp) }
    }

    /// Connects the client to a service.
    ///
    /// - Parameters:
    ///   - source: the client's port; one that no connection had before if none is given.
    ///   - seconds: how long an answer may take.
    /// - Throws: `SocketError` where there is no answer.
    func connect(_ service: Service, from source: UInt16? = nil, within seconds: Double = 5) throws -> Connection {
        // Not one that the system chooses: it may choose one for which the director still knows a real server.
        lastPort += source == nil ? 1 : 0
        return try client.run {
            try Connection(
                service.transport, to: Lab.virtualAddress(service.family), port: service.port, from: source ?? lastPort, within: seconds)
        }
    }

    /// Connects the client until the real server of a name takes it.
    func connect(_ service: Service, reaching name: String) throws -> Connection {
        for _ in 0..<64 {
            let connection = try connect(service)
            if connection.server == name { return connection }
        }
        throw Failure("no connection to \(try service.name) reaches \(name)")
    }

    /// Connects the client again and again, each time from another port.
    ///
    /// - Returns: how many connections each real server took.
    func share(of connections: Int, to service: Service) throws -> [String: Int] {
        var share: [String: Int] = [:]
        for _ in 0..<connections { share[try connect(service).server, default: 0] += 1 }
        return share
    }

    /// The real server of a name.
    func realServer(_ name: String) throws -> RealServer {
        guard let server = realServers.first(where: { $0.name == name }) else { throw Failure("there is no real server '\(name)'") }
        return server
    }

    /// The first real server that has another name.
    func other(than name: String) throws -> RealServer {
        guard let server = realServers.first(where: { $0.name != name }) else { throw Failure("there is none but '\(name)'") }
        return server
    }

    private func plug(_ name: String, into namespace: Namespace) -> String {
        """
        link add \(name) type veth peer name eth0 netns \(namespace.path)
        link set \(name) master switch up
        """
    }
}

/// Runs a test with a lab of its own.
func withLab(realServers: Int = 2, _ body: (Lab) throws -> Void) throws {
    let lab = try Lab(realServers: realServers, director: Namespace())
    defer { lab.stop() }
    try body(lab)
}

/// Runs a test with a lab of its own.
func withLab(_ body: (Lab) async throws -> Void) async throws {
    let lab = try Lab(realServers: 2, director: Namespace())
    defer { lab.stop() }
    try await body(lab)
}

/// Runs a test with a lab whose director is the namespace where the tests are, and all the programs that they start.
func withLabAtHome(_ body: (Lab) async throws -> Void) async throws {
    let home = try Namespace.home()
    let lab = try Lab(realServers: 2, director: home)
    var failure: (any Error)?
    do { try await body(lab) } catch { failure = error }
    lab.stop()
    // As it was: other tests count on what a namespace begins with, and some of that it has from here.
    try home.set(["net.ipv4.ip_forward": 0, "net.ipv6.conf.all.forwarding": 0])
    try home.ipvsadm("-C")
    try home.ip(
        """
        \((["switch", "director", "client"] + lab.realServers.map(\.name)).map { "link del \($0)" }.joined(separator: "\n"))
        addr del 10.9.0.1/24 dev lo
        addr del fd09::1/64 dev lo
        route del local fd09::/64 dev lo
        """)
    if let failure { throw failure }
}

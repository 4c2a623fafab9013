import IPVSDriver
import LBaaS
import Testing

@Suite("What the kernel would take without a word")
struct RefusalTests {
    private func refusal(_ balancer: LoadBalancer) throws -> String? {
        try Bench().driver.refusal(of: balancer).map { "\($0.field): \($0.reason)" }
    }

    private func at(_ address: String) -> Node {
        Node(id: "x", address: HostAddress(address) ?? .name("?"), port: 80)
    }

    @Test("is refused: no address of one host", arguments: ["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"])
    func service(address: String) throws {
        #expect(try refusal(balancer("a", [], at: address)) == "address: \(address) is not the address of one host")
    }

    @Test(
        "is refused: no real server",
        arguments: [
            ("0.0.0.0", "not the address of one host"), ("::", "not the address of one host"), ("224.0.0.1", "not the address of one host"),
            ("255.255.255.255", "not the address of one host"), ("ff00::1", "not the address of one host"),
            ("fe80::1", "a link-local address, which the kernel cannot reach without an interface"),
            ("febf::1", "a link-local address, which the kernel cannot reach without an interface"),
        ])
    func realServer(address: String, reason: String) throws {
        let front = address.contains(":") ? "fd00::9" : "10.0.0.9"
        #expect(
            try refusal(balancer("a", [at("10.0.0.1"), at(address)], at: front) { $0.nodes[0] = at(front) })
                == "nodes[1].address: \(address) is \(reason)")
    }

    @Test("is refused: more than the clock counts")
    func persistence() throws {
        #expect(try refusal(balancer("a") { $0.sessionPersistence = .sourceIP(timeout: 2_678_400) }) == nil)
        #expect(
            try refusal(balancer("a") { $0.sessionPersistence = .sourceIP(timeout: 2_678_401) })
                == "sessionPersistence.timeout: 2678401 is more than the kernel's clock counts; use 1 to 2678400")
    }

    @Test("is refused: more nodes than MAGLEV's table has places")
    func maglev() throws {
        let nodes = (1...4094).map { node($0) }
        #expect(try refusal(balancer("a", nodes)) == nil)
        #expect(try refusal(balancer("a", Array(nodes.dropLast())) { $0.algorithm = .maglev }) == nil)
        #expect(
            try refusal(balancer("a", nodes) { $0.algorithm = .maglev })
                == "nodes: 4094 nodes are more than the 4093 places of the kernel's MAGLEV table")
    }

    @Test("is refused: a GUE tunnel to no port")
    func gue() throws {
        #expect(try refusal(balancer("a") { $0.forwarding = .tunnel(Tunnel(kind: .gue, port: 6080)) }) == nil)
        #expect(
            try refusal(balancer("a") { $0.forwarding = .tunnel(Tunnel(kind: .gue)) })
                == "tunnel.port: is missing; a GUE tunnel needs the UDP port that the nodes receive it on")
    }

    @Test("is refused: one real server twice")
    func twice() throws {
        #expect(try refusal(balancer("a", [node(1), node(1, port: 81)])) == nil)
        #expect(
            try refusal(balancer("a", [node(1), node(2), node(1)]))
                == "nodes[2]: is 10.1.0.1:80, as nodes[0] is already; the kernel keeps a real server once for each service")
    }

    @Test(
        "is refused: another port where the port cannot be rewritten",
        arguments: [
            (.direct, "DIRECT"), (.tunnel(Tunnel(kind: .ipip)), "IPIP tunnel"),
            (.tunnel(Tunnel(kind: .gue, port: 6080, checksum: true)), "GUE tunnel to port 6080 with checksum"),
        ] as [(Forwarding, String)])
    func ports(forwarding: Forwarding, name: String) throws {
        let ports = balancer("a", [node(1), node(2, port: 8080)]) { $0.forwarding = forwarding }
        #expect(
            try refusal(ports)
                == "nodes[1].port: 8080 is not the load balancer's port 80, and with \(name) packets go on as they come")
        #expect(try refusal(balancer("a", [node(1), node(2)]) { $0.forwarding = forwarding }) == nil)
        #expect(try refusal(balancer("a", [node(1), node(2, port: 8080)])) == nil)
    }

    @Test("is refused: another family, but through a tunnel", arguments: [("10.0.0.9", true), ("fd00::9", false)])
    func families(address: String, isV6: Bool) throws {
        let other = node(1, isV6: isV6)
        for (forwarding, name) in [(nil, "NAT"), (.nat, "NAT"), (.direct, "DIRECT")] as [(Forwarding?, String)] {
            let refusal = try refusal(balancer("a", [other], at: address) { $0.forwarding = forwarding })
            let sentence = "is not of the family of \(address); with \(name) the kernel forwards within one family alone"
            #expect(refusal == "nodes[0].address: \(other.address) \(sentence)")
        }
        for kind in Tunnel.Kind.allCases {
            #expect(try refusal(balancer("a", [other], at: address) { $0.forwarding = .tunnel(Tunnel(kind: kind, port: 6080)) }) == nil)
        }
    }

    @Test("is not what the kernel can do: that is in its capabilities")
    func capabilities() throws {
        let capabilities = try Bench().driver.capabilities
        #expect(capabilities.missing(for: balancer("a")) == nil)
        for kind in Monitor.Kind.allCases {
            var monitor = Monitor(kind: kind)
            monitor.source = .v4(1)
            #expect(capabilities.missing(for: balancer("a") { ($0.monitor, $0.quorum) = (monitor, 1) }) == nil)
        }
        let missing = [
            balancer("a") { $0.address = nil }, balancer("a", [], at: "0.0.0.0"), balancer("a") { $0.sessionPersistence = .httpCookie },
            balancer("a") { $0.sorryServer = Endpoint(host: .name("x"), port: 1) }, balancer("a", [at("web.example")]),
        ].map { capabilities.missing(for: $0)?.field }
        #expect(missing == ["address", "address", "sessionPersistence.type", "sorry_server.address", "nodes[0].address"])
    }
}

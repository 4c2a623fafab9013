import LBaaS
import Testing

@Suite("Traffic that would come back to its load balancer")
struct LoopCheckTests {
    /// A load balancer for TCP at `address`, "*" for every one, whose nodes are at these endpoints.
    private func tcp(_ id: String, at address: String = "127.0.0.1", _ port: UInt16, _ nodes: String...) -> LoadBalancer {
        balancer(id, port: port) {
            $0.serviceProtocol = .tcp
            $0.address = IPAddress(address)
            $0.nodes = nodes.enumerated().map { index, text in
                let parts = text.split(separator: "|")
                let host = HostAddress(String(parts[0])) ?? .name("unreadable")
                return Node(id: NodeID(String(index)), address: host, port: UInt16(parts[1]) ?? 0)
            }
        }
    }

    private func loop(through id: String, _ loadBalancers: [LoadBalancer], host: [String] = []) -> LoopCheck.Loop? {
        var listeners = ListenerTable()
        var table: [LoadBalancerID: LoadBalancer] = [:]
        for loadBalancer in loadBalancers {
            #expect(listeners.claim(loadBalancer.listener, for: loadBalancer.id) == nil)
            table[loadBalancer.id] = loadBalancer
        }
        let addresses = Set(host.compactMap { IPAddress($0) })
        return LoopCheck(listeners: listeners, hostAddresses: Set(addresses)) { table[$0] }.loop(through: LoadBalancerID(id))
    }

    @Test(
        "is found where a node is the listener itself",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("10.0.0.9", "10.0.0.9"), ("fd00::9", "fd00::9"), ("127.0.0.1", "::ffff:127.0.0.1"),
            ("*", "127.0.0.1"), ("*", "127.1.2.3"), ("*", "::1"), ("*", "localhost"), ("*", "LocalHost"), ("*", "10.0.0.5"),
            ("*", "fd00::5"),
            ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "10.0.0.5"), ("::", "::1"), ("::", "fd00::5"), ("127.0.0.1", "localhost"),
            ("127.0.0.1", "0.0.0.0"), ("::1", "::"), ("*", "0.0.0.0"),
        ])
    func own(address: String, node: String) throws {
        let found = try #require(
            loop(through: "a", [tcp("a", at: address, 80, "10.9.9.9|80", "\(node)|80")], host: ["10.0.0.5", "fd00::5"]))
        #expect(found == LoopCheck.Loop(node: 1, loadBalancers: ["a"]))
        #expect(found.field == "nodes[1].address")
    }

    @Test(
        "is not found where the node is another place",
        arguments: [
            ("127.0.0.1", "127.0.0.2|80"), ("127.0.0.1", "127.0.0.1|81"), ("*", "10.0.0.6|80"), ("0.0.0.0", "::1|80"),
            ("::", "127.0.0.1|80"),
            ("*", "web.example|80"), ("10.0.0.9", "0.0.0.0|80"),
        ])
    func other(address: String, node: String) {
        #expect(loop(through: "a", [tcp("a", at: address, 80, node)], host: ["10.0.0.5"]) == nil)
    }

    @Test("is found over several load balancers, which are named in order, from each of them")
    func several() throws {
        let chain = [
            tcp("a", 1, "10.0.0.1|80", "127.0.0.1|2"), tcp("b", 2, "127.0.0.1|9", "127.0.0.1|3"), tcp("c", 3, "127.0.0.1|1"),
            tcp("d", 9, "10.0.0.1|80"), tcp("outside", 10, "127.0.0.1|1"),
        ]
        let found = try #require(loop(through: "a", chain))
        #expect(found == LoopCheck.Loop(node: 1, loadBalancers: ["a", "b", "c"]))
        #expect(found.sentence.contains("'b', 'c'"))
        #expect(loop(through: "b", chain)?.loadBalancers == ["b", "c", "a"])
        #expect(loop(through: "c", chain)?.loadBalancers == ["c", "a", "b"])
        // They lead into a loop, and are not on it.
        #expect(loop(through: "d", chain) == nil)
        #expect(loop(through: "outside", chain) == nil)
    }

    @Test("is not found where one load balancer leads to another and no further")
    func chain() { #expect(loop(through: "a", [tcp("a", 1, "127.0.0.1|2"), tcp("b", 2, "10.0.0.1|80")]) == nil) }

    @Test("is found over a chain of 10,000 load balancers")
    func long() {
        let chain = (1...10_000).map { tcp("\($0)", UInt16($0), "127.0.0.1|\($0 % 10_000 + 1)") }
        #expect(loop(through: "1", chain)?.loadBalancers.count == 10_000)
        #expect(loop(through: "1", chain.dropLast()) == nil)
    }

    @Test("counts only what gets traffic, over the same transport")
    func traffic() {
        var disabled = tcp("a", 80, "127.0.0.1|80")
        disabled.nodes[0].condition = .disabled
        #expect(loop(through: "a", [disabled]) == nil)
        var sorry = tcp("a", 80, "10.0.0.1|80")
        sorry.sorryServer = Endpoint(host: .address(.v4(0x7F00_0001)), port: 80)
        #expect(loop(through: "a", [sorry])?.field == "sorry_server.address")
        var udp = tcp("u", 80, "127.0.0.1|80")
        udp.serviceProtocol = .udp
        #expect(loop(through: "a", [tcp("a", 81, "127.0.0.1|80"), udp]) == nil)
        #expect(loop(through: "nobody", [udp]) == nil)
    }
}

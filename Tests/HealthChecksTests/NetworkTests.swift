import Dispatch
import Foundation
import Glibc
import HealthChecks
import LBaaS
import Synchronization
import TestSupport
import Testing

/// Checks across a network that the test made: this side has 10.9.0.1 and fd09::1, the node 10.9.0.2 and fd09::2, and 10.9.0.3 is nobody.
@Suite("Across a network", .enabled(if: geteuid() == 0, "needs root, to make network namespaces"), .timeLimit(.minutes(15)))
struct NetworkTests {
    private static let node = [IPAddress("10.9.0.2"), IPAddress("fd09::2")].compactMap { $0 }
    private let here: Namespace
    private let there: Namespace

    init() throws {
        here = try Namespace()
        there = try Namespace()
        try here.ip(
            """
            link set lo up
            link add left type veth peer name right netns \(there.path)
            address add 10.9.0.1/24 dev left
            address add 10.9.0.7/24 dev left
            address add fd09::1/64 dev left nodad
            link set left up
            """)
        try there.ip(
            """
            link set lo up
            address add 10.9.0.2/24 dev right
            address add fd09::2/64 dev right nodad
            link set right up
            """)
    }

    /// A checker whose thread, and so whose sockets, are in the namespace.
    private func checks() throws -> Checks { try here.run { try Checks() } }

    @Test("an ICMP check passes where the node answers, with a socket of its own and with a raw one", arguments: node, [false, true])
    func echo(node: IPAddress, isRaw: Bool) async throws {
        try here.set(["net.ipv4.ping_group_range": isRaw ? "1 0" : "0 2147483647"])
        let checks = try checks()
        checks.begin(check(.icmp, port: 0, address: node, timeout: .seconds(5)))
        try await checks.wait(isUp: true)
        let begun = checks.checker.statistics.begun
        try await eventually("more checks") { checks.checker.statistics.begun > begun + 5 }
        #expect(checks.reports.all.count == 1)
    }

    @Test("an ICMP check fails by silence, and where there is no way to the node")
    func noEcho() async throws {
        let checks = try checks()
        var silent = check(.icmp, port: 0, address: try #require(IPAddress("10.9.0.3")), timeout: .milliseconds(50))
        checks.begin(silent, of: "silent")
        silent.address = try #require(IPAddress("192.0.2.1"))
        checks.begin(silent, of: "nowhere")
        try await eventually("both fail") {
            checks.health("silent")?.reason == "ICMP: no answer within 50 ms"
                && checks.health("nowhere")?.reason == "ICMP: network is unreachable"
        }
    }

    @Test("an ICMP check fails with the reason where it is not permitted, and other checks go on")
    func notPermitted() async throws {
        let listener = try there.run { try listening(on: "10.9.0.2") }
        let checks = try #require(try here.run { try unprivilegedChecks() })
        checks.begin(check(.icmp, port: 0, address: Self.node[0]), of: "icmp")
        checks.begin(check(.connect, port: listener.port, address: Self.node[0], timeout: .seconds(5)), of: "connect")
        try await checks.wait(for: "connect", isUp: true)
        try await eventually("the reason") { checks.health("icmp") != nil }
        let reason = "ICMP: needs CAP_NET_RAW, or a group of the worker in net.ipv4.ping_group_range: operation not permitted"
        #expect(checks.health("icmp")?.reason == reason)
    }

    /// A checker made by a thread of its own, which starts in this one's namespace: what it drops is gone for good.
    private func unprivilegedChecks() throws -> Checks? {
        let made = Mutex<Checks?>(nil)
        let end = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            try? dropCapabilities()
            made.withLock { $0 = try? Checks() }
            end.signal()
        }
        end.wait()
        return made.withLock { $0 }
    }

    @Test("many nodes share one socket, and each gets its own answer")
    func manyEchoes() async throws {
        let addresses = (10..<250).compactMap { IPAddress("10.9.0.\($0)") }
        // Those with an even number answer.
        try there.ip(
            addresses.enumerated().filter { $0.offset.isMultiple(of: 2) }.map { "address add \($0.element)/24 dev right\n" }.joined())
        let checks = try checks()
        for (index, address) in addresses.enumerated() {
            checks.begin(check(.icmp, port: 0, address: address, delay: .milliseconds(200), timeout: .milliseconds(150)), of: "\(index)")
        }
        try await eventually("all have a finding") { addresses.indices.allSatisfy { checks.health("\($0)") != nil } }
        try await eventually("those that answer are up, and only those") {
            addresses.indices.allSatisfy { checks.health("\($0)")?.isUp == $0.isMultiple(of: 2) }
        }
    }

    @Test("a check comes from its source address")
    func source() async throws {
        let listener = try there.run { try listening(on: "10.9.0.2") }
        let checks = try checks()
        var request = check(.http(HTTPRequest()), port: listener.port, address: try #require(IPAddress("10.9.0.2")), timeout: .seconds(60))
        request.source = IPAddress("10.9.0.7")
        checks.begin(request)
        var connection: Socket?
        try await eventually("a connection") {
            connection = listener.accept()
            return connection != nil
        }
        #expect(try #require(connection).peer == IPAddress("10.9.0.7"))
        request.source = IPAddress("10.9.0.99")
        #expect(try await failure(of: request) == "connect: cannot use the source address 10.9.0.99: cannot assign requested address")
    }

    private func failure(of check: Check) async throws -> String? {
        let checks = try checks()
        checks.begin(check)
        try await eventually("a finding") { checks.health() != nil }
        return checks.health()?.reason
    }

    private func listening(on address: String) throws -> Socket {
        let address = try #require(IPAddress(address))
        let listener = try Socket(.tcp, for: address)
        try listener.bind(to: address, port: 0)
        try listener.listen()
        return listener
    }

    @Test("a UDP check fails where a router says that the node is not there")
    func unreachable() async throws {
        try there.ip("route add unreachable 198.51.100.0/24")
        try there.set(["net.ipv4.ip_forward": 1])
        try here.ip("route add 198.51.100.0/24 via 10.9.0.2")
        let gone = check(
            .udp(payload: [1], expected: nil), port: 53, address: try #require(IPAddress("198.51.100.1")), timeout: .seconds(10))
        #expect(try await failure(of: gone) == "UDP: no route to host")
    }

    @Test("a CONNECT check ends when its time is up, with nobody there, and with a server that is full")
    func silence() async throws {
        // Known to the neighbour table, so that the kernel itself never finds that nobody is there.
        try here.ip("neigh replace 10.9.0.3 lladdr 02:00:00:00:00:99 dev left nud permanent")
        let nobody = check(.connect, port: 80, address: try #require(IPAddress("10.9.0.3")), timeout: .milliseconds(100))
        #expect(try await failure(of: nobody) == "connect: timed out after 100 ms")

        let listener = try there.run { try listening(on: "10.9.0.2") }
        try listener.listen(backlog: 0)
        let full = check(.connect, port: listener.port, address: try #require(IPAddress("10.9.0.2")), timeout: .milliseconds(100))
        // What nobody accepts fills the queue.
        let waiting = try here.run {
            try (0..<2).map { _ in
                let socket = try Socket(.tcp, for: full.address)
                try? socket.connect(to: full.address, port: full.port, within: 0.2)
                return socket
            }
        }
        #expect(try await failure(of: full) == "connect: timed out after 100 ms")
        withExtendedLifetime(waiting) {}
    }
}

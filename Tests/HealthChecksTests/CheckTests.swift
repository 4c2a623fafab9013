import LBaaS
import Testing

@testable import HealthChecks

/// What the engine is told to do for a monitor.
@Suite struct CheckTests {
    private static let address = IPAddress.v4(0x0A00_0001)

    private func check(
        _ kind: Monitor.Kind, at host: HostAddress = .address(address), _ change: (inout Monitor) -> Void = { _ in }
    ) -> Check? {
        var monitor = Monitor(kind: kind)
        (monitor.delay, monitor.timeout, monitor.attempts) = (5, 2, 3)
        change(&monitor)
        var loadBalancer = LoadBalancer(id: "a", serviceProtocol: .tcp, port: 80)
        loadBalancer.monitor = monitor
        return Check(of: Node(id: "n", address: host, port: 8080), of: loadBalancer)
    }

    private func expected(_ kind: Check.Kind, rise: UInt32 = 3) -> Check {
        Check(kind, address: Self.address, port: 8080, delay: .seconds(5), timeout: .seconds(2), rise: rise, fall: 3)
    }

    @Test func withoutAMonitorThereIsNone() {
        let loadBalancer = LoadBalancer(id: "a", serviceProtocol: .tcp, port: 80)
        #expect(Check(of: Node(id: "n", address: .address(Self.address), port: 1), of: loadBalancer) == nil)
    }

    @Test func aNameIsNotChecked() {
        #expect(check(.connect, at: .name("web.example")) == nil)
        #expect(check(.connect, at: .name("web.example")) { $0.address = .v4(1) }?.address == .v4(1))
    }

    @Test func place() {
        #expect(check(.connect) == expected(.connect))
        #expect(check(.connect) { $0.rise = 7 } == expected(.connect, rise: 7))
        let elsewhere = check(.icmp) { ($0.address, $0.source, $0.port) = (.v6(high: 0, low: 1), .v6(high: 0, low: 2), 99) }
        #expect(elsewhere?.kind == .icmp)
        #expect(elsewhere?.address == .v6(high: 0, low: 1))
        #expect(elsewhere?.source == .v6(high: 0, low: 2))
        #expect(elsewhere?.port == 99)
    }

    @Test func http() {
        #expect(check(.http) == expected(.http(HTTPRequest())))
        #expect(check(.http) { $0.host = "" } == expected(.http(HTTPRequest())))
        var request = HTTPRequest()
        (request.method, request.path, request.host, request.expectedCodes) = ("HEAD", "/up", "shop.example", [204...204])
        func change(_ monitor: inout Monitor) {
            (monitor.method, monitor.path, monitor.host, monitor.expectedCodes) = ("HEAD", "/up", "shop.example", [204...204])
        }
        #expect(check(.http, change) == expected(.http(request)))
        request.tls = LBaaS.TLS()
        #expect(check(.https, change) == expected(.http(request)))
    }

    @Test func tls() {
        var tls = LBaaS.TLS()
        #expect(check(.tls) == expected(.tls(tls)))
        (tls.isVerified, tls.serverName, tls.authorities) = (false, "shop.example", "/ca.pem")
        #expect(check(.tls) { $0.tls = tls } == expected(.tls(tls)))
        var request = HTTPRequest()
        request.tls = tls
        #expect(check(.https) { $0.tls = tls } == expected(.http(request)))
    }

    @Test func udp() {
        #expect(check(.udp) == expected(.udp(payload: [], expected: nil)))
        #expect(check(.udp) { ($0.payload, $0.expectedAnswer) = ([1], []) } == expected(.udp(payload: [1], expected: [])))
    }

    @Test func exec() {
        #expect(check(.exec) { $0.command = ["/bin/look", "a", "b"] } == expected(.exec(path: "/bin/look", arguments: ["a", "b"])))
        #expect(check(.exec) { $0.command = ["/bin/look"] } == expected(.exec(path: "/bin/look", arguments: [])))
    }
}

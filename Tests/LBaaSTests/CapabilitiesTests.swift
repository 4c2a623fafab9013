import LBaaS
import Testing

@Suite("Capabilities")
struct CapabilitiesTests {
    /// Something to ask for, the capability to take away, and what is then missing.
    struct Case: Sendable, CustomTestStringConvertible {
        let field: String
        let asked: String
        let demand: @Sendable (inout LoadBalancer) -> Void
        let removal: @Sendable (inout Capabilities) -> Void

        var testDescription: String { field }
    }

    private static let somewhere = HostAddress.address(.v4(0x0A00_0001))

    static let cases = [
        Case(field: "protocol", asked: "UDP", demand: { $0.serviceProtocol = .udp }, removal: { $0.protocols.remove(.udp) }),
        Case(
            field: "address", asked: "listening on every address", demand: { $0.address = nil },
            removal: { $0.everyAddress = false }),
        Case(
            field: "address", asked: "listening on every address", demand: { $0.address = .v4(0) },
            removal: { $0.everyAddress = false }),
        Case(field: "algorithm", asked: "MAGLEV", demand: { $0.algorithm = .maglev }, removal: { $0.algorithms.remove(.maglev) }),
        Case(
            field: "monitor.type", asked: "HTTPS", demand: { $0.monitor = Monitor(kind: .https) },
            removal: { $0.monitors.remove(.https) }),
        Case(
            field: "monitor.source", asked: "checking from an address of choice",
            demand: { $0.monitor = checked(.connect) { $0.source = .v4(1) } }, removal: { $0.checkSource = false }),
        Case(
            field: "sessionPersistence.type", asked: "SOURCE_IP", demand: { $0.sessionPersistence = .sourceIP(timeout: 300) },
            removal: { $0.sourcePersistence = false }),
        Case(
            field: "sessionPersistence.type", asked: "HTTP_COOKIE", demand: { $0.sessionPersistence = .httpCookie },
            removal: { $0.cookiePersistence = false }),
        Case(
            field: "forwarding", asked: "choosing how packets are forwarded", demand: { $0.forwarding = .nat },
            removal: { $0.forwarding = false }),
        Case(field: "quorum", asked: "a quorum", demand: { $0.quorum = 1 }, removal: { $0.quorum = false }),
        Case(field: "hysteresis", asked: "a hysteresis", demand: { $0.hysteresis = 1 }, removal: { $0.quorum = false }),
        Case(
            field: "sorry_server", asked: "a sorry server", demand: { $0.sorryServer = Endpoint(host: somewhere, port: 80) },
            removal: { $0.sorryServer = false }),
        Case(
            field: "sorry_server.address", asked: "a host name in place of an address",
            demand: { $0.sorryServer = Endpoint(host: .name("sorry.example"), port: 80) }, removal: { $0.hostNames = false }),
        Case(
            field: "nodes[1].address", asked: "a host name in place of an address",
            demand: { $0.nodes = [node("1"), Node(id: "2", address: .name("web.example"), port: 80)] }, removal: { $0.hostNames = false }),
    ]

    @Test("name the field that asks for what is missing, and nothing where it is there", arguments: cases)
    func missing(of it: Case) {
        let asking = balancer("a") { balancer in
            balancer.address = .v4(0x7F00_0001)
            it.demand(&balancer)
        }
        var capabilities = Capabilities.everything
        #expect(capabilities.missing(for: asking) == nil)
        it.removal(&capabilities)
        let missing = capabilities.missing(for: asking)
        #expect(missing?.field == it.field)
        #expect(missing?.asked == it.asked)
    }

    @Test("do not matter to a load balancer that asks for none of them")
    func plain() {
        var capabilities = Capabilities()
        capabilities.protocols = [.http]
        capabilities.algorithms = [.roundRobin]
        let plain = balancer("a") { balancer in
            balancer.address = .v4(0x7F00_0001)
            balancer.sessionPersistence = SessionPersistence.none
            balancer.nodes = [node("1")]
        }
        #expect(capabilities.missing(for: plain) == nil)
        #expect(Capabilities().missing(for: plain)?.field == "protocol")
    }

    @Test("name the program that a check may not run, and which key allows it")
    func forbidden() {
        let asking = balancer("a") { $0.monitor = checked(.exec) { $0.command = ["/usr/bin/look", "/bin/sh"] } }
        var capabilities = Capabilities.everything
        let forbidden = capabilities.forbidden(for: asking)
        #expect(forbidden?.field == "monitor.command[0]")
        #expect(
            forbidden?.reason
                == "'/usr/bin/look' is not a program that checks may run on this host; allow it by the key programs of the section [health]"
        )
        capabilities.programs = ["/bin/sh", "/usr/bin/look"]
        #expect(capabilities.forbidden(for: asking) == nil)
        #expect(Capabilities().forbidden(for: balancer("a") { $0.monitor = checked(.connect) { _ in } }) == nil)
    }

    @Test("object to a file of certificates that cannot be used, unless the load balancer named it before")
    func unusableFile() {
        let old = balancer("a") { $0.monitor = checked(.tls) { $0.tls.authorities = "/gone" } }
        var capabilities = Capabilities.everything
        #expect(capabilities.objection(to: old, driverName: "fake") == nil)
        capabilities.refusalOfFile = { $0 == "/good" ? nil : "'\($0)' is no good" }
        func objection(_ file: String, replacing former: LoadBalancer?) -> String? {
            let new = balancer("a", port: 81) { $0.monitor = checked(.https) { $0.tls.authorities = file } }
            return capabilities.objection(to: new, driverName: "fake", replacing: former).map { "\($0.field): \($0.reason)" }
        }
        #expect(objection("/gone", replacing: nil) == "monitor.ca_file: '/gone' is no good")
        #expect(objection("/other", replacing: old) == "monitor.ca_file: '/other' is no good")
        #expect(objection("/gone", replacing: old) == nil && objection("/good", replacing: old) == nil)
        #expect(capabilities.objection(to: balancer("a") { $0.monitor = checked(.connect) { _ in } }, driverName: "fake") == nil)
    }
}

private func checked(_ kind: Monitor.Kind, _ change: (inout Monitor) -> Void) -> Monitor {
    var monitor = Monitor(kind: kind)
    change(&monitor)
    return monitor
}

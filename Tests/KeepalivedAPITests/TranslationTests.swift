import LBaaS
import Requests
import TestSupport
import Testing

@testable import KeepalivedAPI

/// What a service of go_keepalived is as a load balancer.
@Suite struct TranslationTests {
    private static let service = ["VIP": "10.9.0.1", "Proto": "tcp", "Port": "80"]

    @Test(arguments: [
        (["VIP": "10.9.0.1", "Proto": "tcp", "Port": "80"], "10.9.0.1:tcp:80", ServiceProtocol.tcp),
        (["VIP": "[fc12:1::2]", "Proto": "UDP", "Port": "53"], "[fc12:1::2]:udp:53", .udp),
        (["VIP": "FC12:1:0:0::2", "Proto": "sctp", "Port": "65535"], "[fc12:1::2]:sctp:65535", .sctp),
    ])
    func aServiceIsNamedAsGoKeepalivedNamesIt(fields: [String: String], id: String, kind: ServiceProtocol) throws {
        let made = try added(fields)
        #expect(made.id.text == id && made.serviceProtocol == kind && made.nodes.isEmpty && made.address != nil)
        #expect(made.monitor.map { [$0.delay, $0.timeout, $0.attempts, $0.rise ?? 0] } == [1, 1, 1, 1] && made.monitor?.kind == .connect)
        #expect(made.algorithm == .roundRobin && made.quorum == nil && made.hysteresis == 0)
    }

    @Test(arguments: [
        ("rr", Algorithm.roundRobin), ("wrr", .roundRobin), ("lc", .leastConnections), ("WLC", .leastConnections), ("sh", .sourceIP),
        ("mh", .maglev), ("sed", .shortestExpectedDelay), ("nq", .neverQueue),
    ])
    func aSchedulerIsAnAlgorithm(name: String, algorithm: Algorithm) throws {
        #expect(try added(Self.service, ["Scheduler": name]).algorithm == algorithm)
    }

    @Test(
        arguments: [
            (["Quorum": "1"], nil, 0, 1), (["Quorum": "3"], 3, 0, 1), (["Quorum": "1", "Hysteresis": "1"], 1, 1, 1),
            (["Hysteresis": "2", "Timeout": "7"], 1, 2, 7), (["Hysteresis": "0", "Timeout": "86400"], nil, 0, 86_400),
        ] as [([String: String], UInt32?, UInt32, UInt32)])
    func quorumHysteresisAndTimeoutAreTaken(fields: [String: String], quorum: UInt32?, hysteresis: UInt32, timeout: UInt32) throws {
        let made = try added(Self.service, fields)
        #expect(made.quorum == quorum && made.hysteresis == hysteresis)
        #expect(made.monitor.map { [$0.timeout, $0.delay] } == [timeout, timeout])
    }

    @Test(
        arguments: [
            ("tcp", Monitor.Kind.connect, "/", nil, nil), ("http http://10.0.0.1:8080/ok?a=b#c", .http, "/ok?a=b", nil, nil),
            ("http http://10.0.0.1/", .http, "/", nil, 80), ("HTTP HTTP://shop.example", .http, "/", "shop.example", 80),
            ("https https://shop.example:8080/x", .https, "/x", "shop.example", nil), ("https https://10.0.0.1?q", .https, "/?q", nil, 443),
        ] as [(String, Monitor.Kind, String, String?, UInt16?)])
    func aCheckIsAMonitor(check: String, kind: Monitor.Kind, path: String, host: String?, port: UInt16?) throws {
        var made = try added(Self.service, ["Timeout": "3"])
        try made.take("AddReal", ["RIP": "10.0.0.1", "RealPort": "8080", "Check": check])
        let monitor = try #require(made.monitor)
        #expect(monitor.kind == kind && monitor.path == path && monitor.host == host && monitor.port == port && monitor.timeout == 3)
        #expect(monitor.expectedCodes == (kind == .connect ? [] : [200...200]))
    }

    @Test func realServersAreAddedChangedAndRemoved() throws {
        var made = try added(Self.service)
        try made.take("AddReal", ["RIP": "10.0.0.1", "RealPort": "8080", "Check": "tcp"])
        try made.take("AddReal", ["RIP": "[fd00::1]", "RealPort": "8081", "Weight": "0"])
        #expect(made.nodes.map(\.id) == ["10.0.0.1:8080", "[fd00::1]:8081"] && made.nodes.map(\.weight) == [1, 0])
        try made.take("ChangeReal", ["RIP": "[FD00:0::1]", "RealPort": "8081", "Weight": "256"])
        #expect(made.nodes.map(\.weight) == [1, 256])
        try made.take("RemoveReal", ["RIP": "10.0.0.1", "RealPort": "8080", "Check": "tcp"])
        #expect(made.nodes.map(\.id) == ["[fd00::1]:8081"])
        // What is said of one real server, and is of all, is taken while there is no other.
        try made.take("ChangeReal", ["RIP": "fd00::1", "RealPort": "8081", "Check": "http http://x/", "Meta": "tunnel", "Quorum": "9"])
        #expect(made.monitor?.kind == .http && made.forwarding == .tunnel(Tunnel(kind: .ipip)) && made.quorum == nil)
        try made.take("AddReal", ["RIP": "fd00::2", "RealPort": "8081", "Check": "http http://x/", "Meta": "tun"])
        let former = made
        for fields in [["Check": "tcp"], ["Meta": "nat"]] {
            let refusal = #expect(throws: Refusal.self) {
                try made.take("ChangeReal", ["RIP": "fd00::1", "RealPort": "8081"].merging(fields) { $1 })
            }
            #expect(refusal?.code == .unsupported && refusal?.sentence.contains("ChangeService") == true)
        }
        made = former
        try made.take("ChangeService", ["Check": "http http://y:8081/", "Scheduler": "lc", "Quorum": "2", "Meta": "nat", "Timeout": "9"])
        #expect(made.monitor?.host == "y" && made.monitor?.port == nil && made.monitor?.timeout == 9)
        #expect(made.algorithm == .leastConnections && made.quorum == 2 && made.forwarding == nil && made.nodes == former.nodes)
    }

    @Test(arguments: [
        ("AddReal", Refusal.Code.conflict, "the service 10.9.0.1:tcp:80 has the real server 10.0.0.1:80 already; ChangeReal changes it"),
        ("ChangeReal", .notFound, "the service 10.9.0.1:tcp:80 has no real server 10.0.0.2:80"),
        ("RemoveReal", .notFound, "the service 10.9.0.1:tcp:80 has no real server 10.0.0.2:80"),
    ])
    func aRealServerIsThereOnce(command: String, code: Refusal.Code, sentence: String) throws {
        var made = try added(Self.service)
        try made.take("AddReal", ["RIP": "10.0.0.1", "RealPort": "80"])
        let address = command == "AddReal" ? "10.0.0.1" : "10.0.0.2"
        #expect(throws: Refusal(code, sentence)) { try made.take(command, ["RIP": address, "RealPort": "80"]) }
    }

    @Test(arguments: [
        (["VIP": "10.9.0"], "VIP: '10.9.0' is neither an IPv4 nor an IPv6 address"),
        (["VIP": "[10.9.0.1"], "VIP: '[10.9.0.1' is neither an IPv4 nor an IPv6 address"),
        (["VIP": ""], "VIP: '' is neither an IPv4 nor an IPv6 address"),
        (["Proto": "fwmark"], "Proto: 'fwmark' is none of tcp, udp and sctp; firewall marks are not supported"),
        (["Port": "0"], "Port: '0' is not a port (1 to 65535)"), (["Port": "65536"], "Port: '65536' is not a port (1 to 65535)"),
        (["Port": "+80"], "Port: '+80' is not a port (1 to 65535)"), (["Port": "8O"], "Port: '8O' is not a port (1 to 65535)"),
        (["Port": "99999999999999999999"], "Port: '99999999999999999999' is not a port (1 to 65535)"),
        (["Quorum": "0"], "Quorum: '0' is not a quorum in weight (1 to 2147483647)"),
        (["Hysteresis": "-1"], "Hysteresis: '-1' is not a hysteresis in weight (0 to 2147483647)"),
        (["Timeout": "0"], "Timeout: '0' is not a time in seconds (1 to 86400)"),
        (["Weight": "257"], "Weight: '257' is not a weight (0 to 256)"),
        (["Scheduler": "dh"], "Scheduler: 'dh' is none of lc, mh, nq, rr, sed, sh, wlc, wrr"),
        (["Meta": "gue"], "Meta: 'gue' is none of tunnel and nat"),
        (["RIP": "real.example"], "RIP: 'real.example' is neither an IPv4 nor an IPv6 address"),
        (["Check": ""], "Check: '' is none of 'tcp', 'http URL' and 'https URL'"),
        (["Check": "http"], "Check: 'http' is none of 'tcp', 'http URL' and 'https URL'"),
        (["Check": "http https://a/"], "Check: 'https://a/' does not begin with http://"),
        (["Check": "http http://"], "Check: 'http://' has no host, or a port that is none"),
        (["Check": "http http://a:b/"], "Check: 'http://a:b/' has no host, or a port that is none"),
        (["Check": "http http://a:0/"], "Check: 'http://a:0/' has no host, or a port that is none"),
        (["Check": "http http://u@a/"], "Check: 'http://u@a/' has no host, or a port that is none"),
        (["Check": "http http://[::1/"], "Check: 'http://[::1/' has no host, or a port that is none"),
        (
            ["Check": "http http://10.0.0.9/"],
            "Check: 'http://10.0.0.9/' is not at the real server: write the address of RIP, or a name for the Host header"
        ),
    ])
    func aValueThatIsNoneIsRefusedWithItsField(fields: [String: String], sentence: String) throws {
        let real = Self.service.merging(["RIP": "10.0.0.1", "RealPort": "80"]) { $1 }.merging(fields) { $1 }
        #expect(throws: Refusal(.invalid, sentence)) { try command("AddReal", real) }
    }

    @Test(arguments: [
        ("StopNotification", ["VIP": "[fc12:1::1]"], RouteChange.stop(.v6(high: 0xFC12_0001_0000_0000, low: 1))),
        ("StartNotification", ["VIP": "10.9.0.1"], .start(.v4(0x0A09_0001))), ("StopAllNotification", [:], .stopAll),
        ("StartAllNotification", ["VIP": "192.168.1.1"], .startAll),
    ])
    func notificationIsWhatIsToldOfRoutes(name: String, fields: [String: String], change: RouteChange) throws {
        guard case .routes(let found) = try command(name, fields) else { throw Failure("\(name) is something else") }
        #expect(found == change)
        if change.address != nil { #expect(throws: Refusal.self) { try command(name, [:]) } }
    }

    @Test(arguments: ["VIP", "Proto", "Port", "RIP", "RealPort"])
    func aFieldThatIsMissingIsNamed(field: String) throws {
        let fields = ["VIP": "10.9.0.1", "Proto": "tcp", "Port": "80", "RIP": "10.0.0.1", "RealPort": "80"].filter { $0.key != field }
        let refusal = #expect(throws: Refusal.self) { try command("ChangeReal", fields) }
        #expect(refusal?.sentence.hasPrefix("\(field): is missing; it is ") == true, "\(refusal?.sentence ?? "")")
    }

    /// What goes into a request of HTTP is held to what a job may ask for.
    @Test func aPathWithControlCharactersIsRefusedAsInAJob() throws {
        var made = try added(Self.service)
        let refusal = #expect(throws: Refusal.self) {
            try made.take("AddReal", ["RIP": "10.0.0.1", "RealPort": "80", "Check": "http http://10.0.0.1/a\r\nX:y"])
        }
        #expect(refusal?.code == .invalid && refusal?.sentence.contains("path") == true, "\(refusal?.sentence ?? "")")
    }
}

/// Reads a command with these fields.
private func command(_ name: String, _ fields: [String: String]) throws -> KeepalivedCommand {
    let members = fields.merging(["Command": name]) { $1 }.map { "\(quoted($0.key)): \(quoted($0.value))" }
    return try KeepalivedCommand(try KeepalivedMessage(Array("{\(members.joined(separator: ", "))}".utf8)))
}

private func quoted(_ text: String) -> String {
    let escapes: [Unicode.Scalar: String] = ["\r": "\\r", "\n": "\\n"]
    return "\"\(text.unicodeScalars.map { escapes[$0] ?? String($0) }.joined())\""
}

/// The load balancer of AddService with these fields.
private func added(_ fields: [String: String]...) throws -> LoadBalancer {
    guard case .addService(let name, let settings) = try command("AddService", fields.reduce(into: [:]) { $0.merge($1) { $1 } }) else {
        throw Failure("no AddService")
    }
    return try LoadBalancer(name, settings)
}

extension LoadBalancer {
    /// Does what a command with these fields says of this service.
    fileprivate mutating func take(_ name: String, _ fields: [String: String]) throws {
        let service = ["VIP": "10.9.0.1", "Proto": "tcp", "Port": "80"]
        switch try command(name, service.merging(fields) { $1 }) {
        case .addReal(let real, _, let weight, let settings): try add(real, weight: weight, settings)
        case .changeReal(let real, _, let weight, let settings): try change(real, weight: weight, settings)
        case .removeReal(let real, _): try remove(real)
        case .changeService(_, let settings): try change(settings)
        default: throw Failure("\(name) changes no service")
        }
    }
}

import LBaaS
import Testing

@Suite("Operations in words")
struct OperationsTests {
    private func operations(from old: LoadBalancer?, to new: LoadBalancer?) throws -> [String] {
        PatchGroup([try step(from: old, to: new)]).operations
    }

    @Test("a creation: load balancer first")
    func creation() throws {
        let new = balancer("web") { $0.nodes = [node("1"), node("2", host: 2, weight: 5, isBackup: true, condition: .draining)] }
        #expect(
            try operations(from: nil, to: new) == [
                "create load balancer 'web': HTTP on *:80/tcp, ROUND_ROBIN, 2 nodes",
                "add node '1' to 'web': 10.0.0.1:8080, weight 1",
                "add node '2' to 'web': 10.0.0.2:8080, weight 5, backup, DRAINING",
            ])
    }

    @Test("a creation with a monitor, suspended")
    func suspendedCreation() throws {
        var monitor = Monitor(kind: .http)
        monitor.method = "HEAD"
        monitor.path = "/up"
        monitor.port = 81
        let new = balancer("web") { balancer in
            balancer.monitor = monitor
            balancer.nodes = [node("1")]
            balancer.isSuspended = true
        }
        #expect(
            try operations(from: nil, to: new) == [
                "create load balancer 'web': HTTP on *:80/tcp, ROUND_ROBIN, 1 node, "
                    + "monitor HTTP HEAD /up on port 81 every 30 s, timeout 30 s, down after 2, up after 2",
                "suspend load balancer 'web'",
                "add node '1' to 'web': 10.0.0.1:8080, weight 1",
            ])
    }

    @Test("what each type of monitor checks")
    func monitors() throws {
        func words(_ kind: Monitor.Kind, _ change: (inout Monitor) -> Void) throws -> String? {
            var monitor = Monitor(kind: kind)
            change(&monitor)
            let step = try operations(from: nil, to: balancer("web") { $0.monitor = monitor })
            return step.first?.split(separator: "monitor ").last?.split(separator: " every").first.map { String($0) }
        }
        #expect(
            try words(.connect) { ($0.address, $0.port, $0.source) = (.v4(1), 7, .v4(2)) } == "CONNECT at 0.0.0.1 on port 7 from 0.0.0.2")
        #expect(try words(.https) { ($0.host, $0.tls.isVerified) = ("shop", false) } == "HTTPS shop/ unverified")
        #expect(try words(.tls) { ($0.tls.serverName, $0.tls.authorities) = ("shop", "/ca") } == "TLS as shop by '/ca'")
        #expect(try words(.udp) { _ in } == "UDP")
        #expect(try words(.udp) { ($0.payload, $0.expectedAnswer) = ([10, 255], [0]) } == "UDP sending 0x0aff expecting 0x00")
        #expect(try words(.udp) { $0.expectedAnswer = [] } == "UDP expecting an answer")
        #expect(try words(.icmp) { _ in } == "ICMP")
        #expect(try words(.exec) { $0.command = ["/bin/look", "a\nb"] } == #"EXEC '/bin/look' 'a\nb'"#)
    }

    @Test("a removal: nodes first")
    func removal() throws {
        let old = balancer("web") { $0.nodes = [node("1"), node("2")] }
        #expect(
            try operations(from: old, to: nil) == [
                "remove node '1' from 'web'", "remove node '2' from 'web'", "delete load balancer 'web'",
            ])
    }

    @Test("a change of nodes alone does not mention the load balancer's settings")
    func nodes() throws {
        let old = balancer("web") { $0.nodes = [node("0"), node("1"), node("2")] }
        let new = balancer("web") { $0.nodes = [node("1", weight: 7), node("2", host: 9, isBackup: true, condition: .disabled)] }
        #expect(
            try operations(from: old, to: new) == [
                "remove node '0' from 'web'",
                "change node '1' of 'web': weight 1 → 7",
                "change node '2' of 'web': address 10.0.0.1:8080 → 10.0.0.9:8080, now a backup, ENABLED → DISABLED",
            ])
    }

    @Test("a suspension and its end")
    func suspension() throws {
        let suspended = balancer("web") { $0.isSuspended = true }
        #expect(try operations(from: balancer("web"), to: suspended) == ["suspend load balancer 'web'"])
        #expect(try operations(from: suspended, to: balancer("web")) == ["enable load balancer 'web'"])
    }

    @Test("a change of every setting, and an end of suspension with it")
    func settings() throws {
        let old = balancer("web") { $0.isSuspended = true }
        let new = balancer("web", port: 53) { balancer in
            balancer.serviceProtocol = .udp
            balancer.algorithm = .maglev
            balancer.monitor = Monitor(kind: .connect)
            balancer.timeouts.client = 1
            balancer.sessionPersistence = .sourceIP(timeout: 300)
            balancer.forwarding = .tunnel(Tunnel(kind: .gue, port: 6080, checksum: true))
            balancer.quorum = 2
            balancer.hysteresis = 1
            balancer.sorryServer = Endpoint(host: .name("sorry.example"), port: 80)
        }
        #expect(
            try operations(from: old, to: new) == [
                "change load balancer 'web': protocol HTTP → UDP, listener *:80/tcp → *:53/udp, algorithm ROUND_ROBIN → MAGLEV, "
                    + "monitor none → CONNECT every 30 s, timeout 30 s, down after 2, up after 2, "
                    + "timeouts 30000/30000/30000 ms, 3 retries → 1/30000/30000 ms, 3 retries, "
                    + "session persistence as the driver does → by source address for 300 s, "
                    + "forwarding as the driver does → GUE tunnel to port 6080 with checksum, "
                    + "quorum none → 2, hysteresis 0 → 1, sorry server none → sorry.example:80",
                "enable load balancer 'web'",
            ])
    }

    @Test(
        "a name is quoted on one line, so that it cannot forge another",
        arguments: [
            ("web", "'web'"), ("", "''"), ("b\u{FC}ro 1", "'b\u{FC}ro 1'"), ("a\nb", #"'a\nb'"#), ("a\r\tb", #"'a\r\tb'"#),
            ("it's", #"'it\'s'"#), (#"a\nb"#, #"'a\\nb'"#), ("\u{1B}[2J", #"'\u{1B}[2J'"#), ("\u{85}", #"'\u{0085}'"#),
            ("\u{2028}", #"'\u{2028}'"#),
        ])
    func quoting(text: String, shown: String) {
        #expect(quoted(text) == shown)
    }
}

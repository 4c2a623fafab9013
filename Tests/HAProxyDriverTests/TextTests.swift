import Foundation
import LBaaS
import Testing

@testable import HAProxyDriver

@Suite struct TextTests {
    private let text = ConfigurationText(base: .example)

    /// The section of a load balancer, without the indentation.
    private func section(_ balancer: LoadBalancer, base: BaseConfiguration = .example) -> [String] {
        let text = ConfigurationText(base: base).text(of: [Proxy(loadBalancer: balancer, number: 20_000_000)], fingerprint: "f")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0.drop { $0 == " " }) }
        let start = lines.firstIndex { $0.hasPrefix("listen ") || $0.hasPrefix("backend ") } ?? lines.endIndex
        return Array(lines[start...].dropLast())
    }

    @Test func theWholeFile() {
        var base = BaseConfiguration.example
        base.globalLines = ["maxconn 5000"]
        base.defaultsLines = ["maxconn 4000"]
        base.nameServers = ["10.0.0.53:53"]
        let proxies = [
            Proxy(loadBalancer: balancer("web"), number: 20_000_001),
            Proxy(
                loadBalancer: balancer("db", .galera, port: 3306) {
                    $0.address = .v4(0x0A00_0064)
                    $0.nodes[1].isBackup = true
                }, number: 20_000_002),
            Proxy(loadBalancer: balancer("old", .tcp, port: 99) { $0.isSuspended = true }, number: 20_000_003),
        ]
        let expected = """
            # lbaas-worker writes this file, and undoes what is changed in it by hand.
            global
                description lbaas 1234
                localpeer lbaas
                stats socket /run/example/haproxy.sock mode 600 level admin
                server-state-file /run/example/servers.state
                log-tag _
                log fd@0 len 4096 format rfc5424 local0
                maxconn 5000

            defaults
                log global
                option dontlognull
                load-server-state-from-file global
                timeout connect 30s
                timeout client 30s
                timeout server 30s
                maxconn 4000

            peers lbaas
                peer lbaas unix@/run/example/peers.sock

            resolvers lbaas
                nameserver 1 10.0.0.53:53

            listen db
                id 20000002
                log-tag db
                mode tcp
                option tcplog
                bind 10.0.0.100:3306 transparent
                balance roundrobin
                timeout client 30000
                timeout server 30000
                timeout connect 30000
                timeout check 30s
                retries 3
                option redispatch
                server n1 10.0.0.1:8080 weight 1 check inter 30s rise 2 fall 2 on-marked-down shutdown-sessions on-marked-up shutdown-backup-sessions
                server n2 10.0.0.2:8080 weight 1 check inter 30s rise 2 fall 2 on-marked-down shutdown-sessions backup

            backend old
                id 20000003

            listen web
                id 20000001
                log-tag web
                mode http
                option httplog
                bind 0.0.0.0:80
                bind [::]:80 v6only
                balance roundrobin
                option httpclose
                option forwardfor
                cookie SERVERID insert indirect nocache dynamic
                dynamic-cookie-key web
                timeout client 30000
                timeout server 30000
                timeout connect 30000
                timeout check 30s
                retries 3
                option redispatch
                server n1 10.0.0.1:8080 weight 1 check inter 30s rise 2 fall 2
                server n2 10.0.0.2:8080 weight 1 check inter 30s rise 2 fall 2

            """
        #expect(ConfigurationText(base: base).text(of: proxies, fingerprint: "1234") == expected)
        #expect(ConfigurationText(base: base).text(of: proxies.reversed(), fingerprint: "1234") == expected)
    }

    @Test func logs() {
        var unit = BaseConfiguration.example
        unit.logsByPipe = false
        let text = ConfigurationText(base: unit).text(of: [], fingerprint: "f")
        #expect(text.contains("\n    log /run/example/log.sock len 4096 format rfc5424 local0\n"))
        #expect(section(balancer("a b")).contains("log-tag a_20b"))
    }

    @Test func listeners() {
        func binds(_ address: String?, base: BaseConfiguration = .example) -> [String] {
            section(balancer { $0.address = address.flatMap { IPAddress($0) } }, base: base).filter { $0.hasPrefix("bind") }
        }
        #expect(binds(nil) == ["bind 0.0.0.0:80", "bind [::]:80 v6only"])
        #expect(binds("0.0.0.0") == ["bind 0.0.0.0:80"])
        #expect(binds("::") == ["bind [::]:80 v6only"])
        #expect(binds("fd00::1") == ["bind [fd00::1]:80 transparent"])
        #expect(binds("10.1.2.3") == ["bind 10.1.2.3:80 transparent"])
        var old = BaseConfiguration.example
        old.hasIPv6 = false
        #expect(binds(nil, base: old) == ["bind 0.0.0.0:80"])
    }

    @Test func algorithms() {
        func balance(_ algorithm: Algorithm) -> [String] {
            section(balancer { $0.algorithm = algorithm }).filter { $0.hasPrefix("balance") || $0.hasPrefix("hash") }
        }
        #expect(balance(.roundRobin) == ["balance roundrobin"])
        #expect(balance(.leastConnections) == ["balance leastconn"])
        #expect(balance(.sourceIP) == ["balance source", "hash-type consistent"])
    }

    @Test func stickiness() {
        func sticky(_ serviceProtocol: ServiceProtocol, _ persistence: SessionPersistence?) -> [String] {
            section(balancer("b", serviceProtocol) { $0.sessionPersistence = persistence })
                .filter { $0.hasPrefix("stick") || $0.contains("cookie") }
        }
        let cookie = ["cookie SERVERID insert indirect nocache dynamic", "dynamic-cookie-key b"]
        func source(_ timeout: Int) -> [String] { ["stick-table type ipv6 size 200k expire \(timeout)s peers lbaas", "stick on src"] }
        #expect(sticky(.http, nil) == cookie)
        #expect(sticky(.http, .httpCookie) == cookie)
        #expect(sticky(.http, SessionPersistence.none) == [])
        #expect(sticky(.http, .sourceIP(timeout: 5)) == source(5))
        #expect(sticky(.tcp, nil) == source(1800))
        #expect(sticky(.https, nil) == source(1800))
        #expect(sticky(.tcp, SessionPersistence.none) == [])
        #expect(sticky(.galera, nil) == [])
    }

    @Test func monitors() {
        func check(_ monitor: Monitor?) -> [String] {
            section(
                balancer("b", .tcp) {
                    $0.monitor = monitor
                    $0.nodes.removeLast()
                }
            ).filter { $0.contains("check") || $0.contains("chk") }
        }
        let server = "server n1 10.0.0.1:8080 weight 1 check"
        #expect(check(nil) == ["timeout check 30s", "\(server) inter 30s rise 2 fall 2"])
        let connect = monitor(.connect) {
            ($0.delay, $0.timeout, $0.attempts, $0.rise, $0.port) = (10, 5, 4, 3, 99)
        }
        #expect(check(connect) == ["timeout check 5s", "\(server) inter 10s rise 3 fall 4 port 99"])
        #expect(
            check(monitor(.http)) == [
                "timeout check 30s", "option httpchk", "http-check set-var-fmt(check.host) '[%[bc_dst]]'",
                "http-check set-var(check.host) bc_dst,ipmask(32)",
                "http-check send meth GET uri / ver HTTP/1.1 hdr Host '%[var(check.host)]:%[bc_dst_port]'",
                "http-check expect status 200-399",
                "\(server) inter 30s rise 2 fall 2",
            ])
        let https = monitor(.https) {
            ($0.path, $0.method, $0.host, $0.expectedCodes) = ("/a?b=%20#", "HEAD", "h%x", [200...299, 301...301])
        }
        #expect(
            check(https) == [
                "timeout check 30s", "option httpchk",
                "http-check send meth HEAD uri /a\\x3fb=\\x2520\\x23 ver HTTP/1.1 hdr Host h\\x25\\x25x",
                "http-check expect status 200-299,301",
                "\(server) inter 30s rise 2 fall 2 check-ssl verify required ca-file @system-ca check-sni h\\x25x",
            ])
    }

    @Test func monitorsWithTLS() {
        func words(_ kind: Monitor.Kind, _ change: (inout Monitor) -> Void) -> String {
            let server = balancer("b", .tcp) { $0.monitor = monitor(kind, change) }.servers[0]
            return server.words(with: .example).replacing("10.0.0.1:8080 weight 1 ", with: "")
        }
        let start = "check inter 30s rise 2 fall 2"
        let verified = "\(start) check-ssl verify required ca-file"
        #expect(words(.tls) { _ in } == "\(verified) @system-ca")
        #expect(
            words(.tls) { $0.tls.authorities = "/etc/my ca.pem" }
                == "\(verified) \(BaseConfiguration.example.authorities("/etc/my ca.pem"))")
        #expect(words(.https) { $0.tls.isVerified = false } == "\(start) check-ssl verify none")
        #expect(words(.https) { $0.host = "shop.example:8443" } == "\(verified) @system-ca check-sni shop.example")
        #expect(words(.https) { $0.host = "10.0.0.1:443" } == "\(verified) @system-ca")
        #expect(words(.https) { ($0.host, $0.tls.serverName) = ("a", "b") } == "\(verified) @system-ca check-sni b")
        #expect(words(.connect) { ($0.address, $0.port) = (.v6(high: 0, low: 1), 99) } == "\(start) addr [::1] port 99")
    }

    @Test func nodes() {
        let lines = section(
            balancer("a b", .tcp) {
                $0.nodes = [
                    node("x\ny", "fd00::1") { ($0.weight, $0.condition) = (0, .disabled) },
                    node("z", "web.example") { ($0.weight, $0.isBackup) = (256, true) },
                    node("d") { $0.condition = .draining },
                ]
                $0.sorryServer = Endpoint(host: .address(.v4(0x7F00_0001)), port: 81)
            })
        let check = "check inter 30s rise 2 fall 2"
        #expect(lines.first == "listen a_20b")
        #expect(
            lines.filter { $0.hasPrefix("server") } == [
                "server x_0Ay [fd00::1]:8080 weight 0 \(check) disabled",
                "server z web.example:8080 weight 256 \(check) backup init-addr last,none",
                "server d 10.0.0.1:8080 weight 1 \(check)",
                "server _sorry 127.0.0.1:81 weight 1 backup",
            ])
    }

    @Test func haproxyTakesEveryFeature() throws {
        var base = BaseConfiguration.example
        base.nameServers = ["127.0.0.1:53", "[::1]:53"]
        let kinds: [Monitor.Kind] = [.connect, .http, .https, .tls]
        #expect(Set(kinds) == Capabilities.haproxy.monitors)
        let monitors = kinds.map { kind in
            monitor(kind) {
                ($0.address, $0.tls.serverName) = (.v6(high: 0, low: 1), "shop.example")
                ($0.host, $0.port, $0.method, $0.rise) = ("h%o", 99, "HEAD", 5)
                ($0.path, $0.expectedCodes) = ("/a\"b'c#d$e%f\\g?h=i&j", [200...204, 301...301])
            }
        }
        var proxies: [Proxy] = []
        for serviceProtocol in [ServiceProtocol.http, .https, .tcp, .galera] {
            for (index, monitor) in monitors.enumerated() {
                let number = UInt32(20_000_000 + proxies.count)
                let one = balancer("\(serviceProtocol) \(index)", serviceProtocol, port: UInt16(1000 + proxies.count)) {
                    $0.monitor = monitor
                    if serviceProtocol == .tcp { $0.monitor?.host = nil }
                    $0.algorithm = [.roundRobin, .leastConnections, .sourceIP, .roundRobin][index]
                    $0.sessionPersistence = [nil, SessionPersistence.none, .sourceIP(timeout: 2_147_483), nil][index]
                    $0.timeouts.client = UInt32(Int32.max)
                    $0.nodes.append(node("named", "localhost") { $0.isBackup = true })
                    $0.nodes.append(node("six", "fd00::1") { $0.condition = .disabled })
                    $0.sorryServer = Endpoint(host: .name("sorry.invalid"), port: 1)
                }
                proxies.append(Proxy(loadBalancer: one, number: number))
            }
        }
        let path = NSTemporaryDirectory() + "lbx-\(UUID().uuidString).cfg"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let text = ConfigurationText(base: base).text(of: proxies, fingerprint: "f")
        // No regular expression by any word of haproxy's: it compiles them to machine code, which the worker's unit forbids.
        #expect(text.ranges(of: /reg|replace-|rsprep|rspirep|reqrep|http-check expect r/) == [])
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let check = try DetachedProcess.run("haproxy", ["-c", "-f", path], within: .seconds(30))
        #expect(check.ok, "\(check.output)")
        // It warns of what it cannot resolve, and of its state file, which is not there; of nothing else.
        let warnings = check.output.split(separator: "\n").filter { $0.contains("[WARNING]") }
        #expect(warnings.filter { !$0.contains("could not resolve") && !$0.contains("server state file") } == [])
    }

    @Test func aFaultIsThatOfTheLinesThatHAProxyNames() throws {
        let balancers = [balancer("a"), balancer("b c", port: 81), balancer("d", port: 82)]
        let groups = balancers.compactMap { LoadBalancerPatch(from: nil, to: $0) }.map { PatchGroup([$0]) }
        let change = Change(groups, running: nil)
        let text = text.text(of: balancers.map { Proxy(loadBalancer: $0, number: 20_000_000) }, fingerprint: "f")
        let line = try #require(text.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains(":81") }) + 1
        func culprits(_ message: String) -> [Int] { change.culprits(ApplianceError(.refused, message), in: text, of: "/etc/example.cfg") }
        #expect(culprits("parsing [/etc/example.cfg.new:\(line)] : unknown keyword") == [1])
        #expect(culprits("Binding [/etc/example.cfg:\(line)] for proxy b: cannot bind for [127.0.0.1:3]") == [1])
        #expect(culprits("cannot bind for [127.0.0.1:3]") == [0, 1, 2])
        #expect(culprits("parsing [/etc/example.cfg.new:3] : unknown keyword") == [0, 1, 2])
        #expect(culprits("[/etc/example.cfg:-1] [/etc/example.cfg:99999999999999999999] [/etc/example.cfg:") == [0, 1, 2])
    }

    @Test func theFingerprintIsOfWhatOnlyALoadChanges() {
        func fingerprint(_ change: (inout LoadBalancer) -> Void) -> String {
            text.fingerprint(of: [Proxy(loadBalancer: balancer("b", .http, change), number: .random(in: Proxy.numbers))])
        }
        let plain = fingerprint { _ in }
        #expect(plain == fingerprint { $0.nodes[0].weight = 7 })
        #expect(plain == fingerprint { $0.nodes = [node("new") { $0.condition = .draining }] })
        let others = [
            fingerprint { $0.port = 81 }, fingerprint { $0.algorithm = .sourceIP }, fingerprint { $0.isSuspended = true },
            fingerprint { $0.timeouts.client = 1 }, fingerprint { $0.monitor = monitor(.connect) { $0.port = 5 } },
            fingerprint { $0.sessionPersistence = SessionPersistence.none }, fingerprint { $0.id = "c" }, text.fingerprint(of: []),
        ]
        #expect(Set(others + [plain]).count == others.count + 1)
    }
}

import KeepalivedFile
import Testing

/// What a keepalived.conf becomes, without its comments, and its remarks as `LINE: SENTENCE`.
private func imported(_ text: String) throws -> (lines: [String], remarks: [String]) {
    let result = KeepalivedImport(try KeepalivedFile(Array(text.utf8)), name: "k.conf")
    let lines = result.configuration.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    return (lines, result.remarks.map { "\($0.line): \($0.sentence)" })
}

/// The lines of the only service of a virtual_server with these statements and one real_server.
private func service(_ statements: String, node: String = "", port: Int = 80) throws -> (lines: [String], remarks: [String]) {
    let (lines, remarks) = try imported("virtual_server 10.9.0.1 80 {\n\(statements)\nreal_server 10.0.0.1 \(port) {\n\(node)\n}\n}\n")
    return (Array(lines.drop { !$0.hasPrefix("[service:") }), remarks)
}

@Suite struct ImportTests {
    @Test func aVirtualServerBecomesAStaticService() throws {
        func node(_ address: String, _ weight: Int) -> String {
            """
            real_server \(address) 8443 { weight \(weight)
                SSL_GET {
                    url {
                        path /health
                        status_code 200-299 301
                        virtualhost shop.example
                    }
                    connect_timeout 3
                    retry 3
                }
            }

            """
        }
        let (lines, remarks) = try imported(
            """
            virtual_server 10.9.0.1 443 {
                delay_loop 6
                lvs_sched wrr
                lvs_method NAT
                persistence_timeout 50
                protocol TCP
                alpha
                quorum 4
                hysteresis 1
                sorry_server 10.0.0.9 444
            \(node("10.0.0.1", 3))\(node("10.0.0.2", 2))}
            """)
        #expect(remarks.isEmpty)
        #expect(
            lines == [
                "[worker]", "driver = ipvs", "[service:tcp-10.9.0.1-443]", "protocol = TCP", "address = 10.9.0.1", "port = 443",
                "algorithm = ROUND_ROBIN", "sessionPersistence.type = SOURCE_IP", "sessionPersistence.timeout = 50", "quorum = 4",
                "hysteresis = 1", "sorry_server.address = 10.0.0.9", "sorry_server.port = 444", "monitor.type = HTTPS", "monitor.delay = 6",
                "monitor.timeout = 3", "monitor.attempts = 4", "monitor.rise = 1", "monitor.expected_codes = 200-299,301",
                "monitor.host = shop.example", "monitor.path = /health", "monitor.verify = false",
                "nodes = [{\"id\": \"10.0.0.1:8443\", \"address\": \"10.0.0.1\", \"port\": 8443, \"weight\": 3},",
                "         {\"id\": \"10.0.0.2:8443\", \"address\": \"10.0.0.2\", \"port\": 8443, \"weight\": 2}]",
            ])
    }

    @Test(arguments: [
        ("TCP_CHECK {\n}", ["type = CONNECT", "timeout = 5", "attempts = 2"]),
        ("PING_CHECK {\nretry 4\n}", ["type = ICMP", "attempts = 5"]),
        (
            "TCP_CHECK {\nconnect_port 81\nbindto 10.0.0.7\nconnect_ip 10.0.0.8\n}",
            ["port = 81", "source = 10.0.0.7", "address = 10.0.0.8"]
        ),
        ("UDP_CHECK {\npayload 0a0B\nrequire_reply\n}", ["type = UDP", "send = 0x0a0B", "expect = "]),
        ("HTTP_GET {\nurl {\npath /\n}\n}", ["type = HTTP", "path = /", "expected_codes = 200-299"]),
        (
            "MISC_CHECK {\nmisc_path \"/usr/bin/check 'a b' ;x\"\nmisc_timeout 4\n}",
            ["type = EXEC", "timeout = 4", "attempts = 1", "command = [\"/usr/bin/check\", \"a b\", \"\\u003bx\"]"]
        ),
    ])
    func aCheckBecomesAMonitor(check: String, expected: [String]) throws {
        let (lines, remarks) = try service("", node: check)
        #expect(remarks.isEmpty)
        for line in expected { #expect(lines.contains("monitor.\(line)"), "\(line) is not among \(lines)") }
        #expect(lines.contains("monitor.delay = 60") && lines.contains("monitor.initial = UP") && lines.contains("monitor.rise = 1"))
    }

    @Test(arguments: [
        ("SMTP_CHECK {\nhelo_name a\n}", ["SMTP_CHECK: becomes a check whether a connection", "helo_name: is not translated"]),
        ("DNS_CHECK {\n}", ["DNS_CHECK: is not translated"]), ("MISC_CHECK {\nmisc_path check\n}", ["misc_path must be the whole path"]),
        ("HTTP_GET {\nurl {\npath \"/a ;b\"\ndigest 12\n}\nurl {\npath /\n}\n}", ["path: ", "digest: ", "only the first URL"]),
        ("TCP_CHECK {\n}\nTCP_CHECK {\n}", ["a node has one check"]), ("notify_up x", ["[notifier:exec]"]),
        ("weight 300", ["becomes 256"]), ("UDP_CHECK {\npayload abc\n}", ["whole number of bytes"]),
        ("TCP_CHECK {\nconnect_port 0\n}", ["number from 1 to 65535"]), ("TCP_CHECK {\nconnect_timeout 1.5\n}", ["becomes 2 s"]),
        ("delay_loop 2\nTCP_CHECK {\n}", ["its timeout becomes 2 s"]),
    ])
    func whatANodeHasAndTheResultHasNotIsTold(node: String, expected: [String]) throws {
        let remarks = try service("", node: node).remarks
        for part in expected { #expect(remarks.contains { $0.contains(part) }, "'\(part)' is not in \(remarks)") }
    }

    @Test func aCheckThatDiffersFromThatOfTheFirstNodeIsTold() throws {
        func remarks(_ first: String, _ second: String) throws -> [String] {
            try imported("virtual_server 10.9.0.1 80 {\nreal_server 10.0.0.1 80 {\(first)}\nreal_server 10.0.0.2 81 {\(second)}\n}\n")
                .remarks
        }
        #expect(try remarks("TCP_CHECK {\n}\n", "TCP_CHECK {\n}\n").isEmpty)
        #expect(try remarks("TCP_CHECK {\nconnect_port 9\n}\n", "TCP_CHECK {\nconnect_port 9\n}\n").isEmpty)
        #expect(try remarks("TCP_CHECK {\nconnect_ip 10.0.0.1\n}\n", "TCP_CHECK {\n}\n").isEmpty)
        let one = "a load balancer has one check for all its nodes"
        #expect(try remarks("TCP_CHECK {\n}\n", "") == ["5: real_server: it is checked as the first that has a check; \(one)"])
        #expect(
            try remarks("TCP_CHECK {\n}\n", "TCP_CHECK {\nretry 9\n}\n") == ["5: real_server: its check becomes that of the first; \(one)"])
    }

    @Test func packetsKeepTheirPortWithoutNAT() throws {
        let (lines, remarks) = try service("lb_kind DR", node: "TCP_CHECK {\n}", port: 8080)
        #expect(lines.contains("forwarding = DIRECT") && lines.contains("monitor.port = 8080"))
        #expect(lines.last?.contains("\"port\": 80}") == true)
        #expect(remarks == ["3: real_server: gets the port 80 of the virtual server, which packets keep with DIRECT"])
        let tunnel = try service("lb_kind TUN type gue port 6080 csum")
        #expect(tunnel.lines.filter { $0.hasPrefix("tunnel.") } == ["tunnel.type = GUE", "tunnel.port = 6080", "tunnel.checksum = true"])
    }

    @Test func aGroupBecomesAServiceForEachPlace() throws {
        let (lines, remarks) = try imported(
            """
            virtual_server group web {
                real_server 10.0.0.1 80 {
                }
                real_server 10.9.0.1 80 {
                }
            }
            virtual_server_group web {
                10.9.0.1 80
                10.9.1.254-10.9.2.1 80
                10.9.3.7-8 81
                10.9.4.9/31 82
                fd00::fffe-ffff 80
                fwmark 1
                10.0.0.0/8 80
            }
            """)
        #expect(
            lines.filter { $0.hasPrefix("[service:") }
                == [
                    "10.9.0.1-80", "10.9.1.254-80", "10.9.1.255-80", "10.9.2.0-80", "10.9.2.1-80", "10.9.3.7-81", "10.9.3.8-81",
                    "10.9.4.8-82", "10.9.4.9-82", "fd00::fffe-80", "fd00::ffff-80",
                ].map { "[service:tcp-\($0)]" })
        #expect(remarks.contains { $0.hasPrefix("4: real_server: is not translated; a virtual_server listens at 10.9.0.1:80") })
        #expect(remarks.contains { $0.hasPrefix("2: real_server: is not translated; with NAT it must be IPv4 or IPv6") })
        #expect(remarks.contains { $0.hasPrefix("13: fwmark: ") } && remarks.contains { $0.hasPrefix("14: 10.0.0.0/8: is not translated") })
    }

    @Test func instancesBecomeVirtualIPs() throws {
        let (lines, remarks) = try imported(
            """
            vrrp_instance net {
                state MASTER
                interface eth0
                virtual_router_id 51
                priority 255
                preempt_delay 30
                virtual_ipaddress {
                    10.20.0.9/32 dev eth1
                    fd00::9
                    10.20.0.9
                    224.0.0.1
                    10.20.0.10/24 label eth0:1
                }
                track_script {
                    a
                }
            }
            """)
        #expect(
            lines == [
                "[virtual_ip:net]", "address = 10.20.0.9", "interface = eth1", "priority = 254", "preempt = 30", "[virtual_ip:net-2]",
                "address = fd00::9", "interface = eth0", "priority = 254", "preempt = 30", "[virtual_ip:net-3]", "address = 10.20.0.10",
                "interface = eth0", "priority = 254", "preempt = 30",
            ])
        #expect(remarks.map { String($0.prefix { $0 != ":" }) } == ["5", "10", "11", "12", "12", "14"])
    }

    @Test func whatIsNotTranslatedIsToldAndLeavesNothing() throws {
        let (lines, remarks) = try imported(
            "include a\nglobal_defs {\nrouter_id x\nlvs_flush\n}\nvirtual_server fwmark 3 {\n}\nx {\ny\n}\n")
        #expect(lines.isEmpty && remarks.count == 4)
        #expect(remarks[0].hasPrefix("1: include: ") && remarks[1] == "4: lvs_flush: is not translated")
        #expect(remarks[2].hasPrefix("6: virtual_server: ") && remarks[3] == "8: x: is not translated")
    }
}

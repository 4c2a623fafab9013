import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// Virtual IPs that requests make, of workers in network namespaces.
    @Suite("Virtual IPs of requests", .enabled(if: geteuid() == 0, "needs root")) struct VirtualIPRequestTests {
        private static let address = VirtualIPHost.address
        private static let new = #"{"ip": "\#(address)/32", "interface": "eth0"}"#

        @Test("come and go, are changed, and survive a restart without a flap")
        func life() async throws {
            try await VirtualIPHost.alone { host in
                let first = try host.start("")
                try await first.says("started")
                #expect(try await host.ask("GET", "/ips").body == #"{"ips": []}"# + "\n")
                let added = try await host.ask("POST", "/ips", Self.new)
                #expect(added.status == 201)
                #expect(added.body.hasPrefix(#"{"id": "vip-10.0.0.100", "ip": "10.0.0.100/32", "status": ""#))
                try await host.takesOver()
                try await eventually("it is told as bound") {
                    try await host.ask("GET", "/ips/vip-10.0.0.100").body.contains(#""status": "ACTIVATED", "bound": true"#)
                }
                #expect(try await host.ask("POST", "/ips", Self.new) == (400, #"{"error": "IP already assigned"}"# + "\n"))
                let changed = try await host.ask("PATCH", "/ips/vip-10.0.0.100", #"{"priority": 7}"#)
                #expect(changed.status == 200)
                #expect(changed.body.contains(#""priority": 7"#))
                _ = try await first.end(by: SIGKILL)
                #expect(try host.serves())
                let second = try host.start("")
                try await second.says("started")
                #expect(try host.serves())
                #expect(try second.log.lines("\(Self.address) is bound").isEmpty)
                #expect(try await host.ask("GET", "/ips").body.contains(#""priority": 7"#))
                #expect(try await host.ask("DELETE", "/ips/vip-10.0.0.100").status == 204)
                try await eventually("the address is gone") { try !host.hasAddress() }
                let missing = (404, #"{"resource": "IP", "error": "not found"}"# + "\n")
                #expect(try await host.ask("DELETE", "/ips/vip-10.0.0.100") == missing)
                #expect(try await host.ask("GET", "/ips/vip-10.0.0.100") == missing)
                #expect(try await host.ask("PATCH", "/ips/vip-10.0.0.100", #"{"priority": 8}"#) == missing)
                #expect(try await host.ask("POST", "/ips/vip-10.0.0.100/failover") == missing)
                try await second.stopsInGoodOrder()
            }
        }

        @Test(
            "that cannot be are refused with a sentence",
            arguments: [
                (
                    #"{"ip": "10.0.0.1", "interface": "eth0"}"#,
                    "address: 10.0.0.1 cannot be a virtual IP: it is an address of the host itself, with prefix length 24 on eth0: remove it there, or take another virtual IP"
                ),
                (#"{"ip": "224.0.0.9", "interface": "eth0"}"#, "ip: 224.0.0.9 cannot be a virtual IP: it is a multicast address"),
                (
                    #"{"ip": "10.0.0.100/24", "interface": "eth0"}"#,
                    "ip: \"10.0.0.100/24\" is a network; a virtual IP is one address, without a prefix length or with /32"
                ),
                (#"{"ip": "10.0.0.100"}"#, "interface: is missing; it says where the address is bound"),
                (
                    #"{"ip": "10.0.0.100", "interface": "eth0", "policy": "both"}"#,
                    "policy: \"both\" is not one of at_most_one, at_least_one"
                ),
                (#"{"ip": "10.0.0.100", "interface": "eth0", "priority": 255}"#, "priority: 255 is not a priority (1 to 254)"),
                (#"{"ip": "10.0.0.101", "interface": "eth0"}"#, "IP already assigned"),
            ])
        func refused(body: String, sentence: String) async throws {
            try await VirtualIPHost.alone { host in
                let worker = try host.start("[virtual_ip:mine]\naddress = 10.0.0.101\ninterface = eth0\n")
                try await worker.says("started")
                let answer = try await host.ask("POST", "/ips", body)
                #expect(answer.status == 400)
                let text = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: String])
                #expect(text == ["error": sentence])
            }
        }

        @Test("are added by lbaasctl with several checks, each of which must pass")
        func checks() async throws {
            try await VirtualIPHost.alone { host in
                try await host.start("").says("started")
                func add(_ check: String) async throws -> Control.Run {
                    try await host.control.run(
                        "ips", "add", "\(Self.address)", "--interface", "eth0", "--check", "10.0.0.1:81", "--check", check)
                }
                let wrong = try await add("[2001:db8::1]")
                #expect(wrong.status == 64 && wrong.errors.contains("--check: '[2001:db8::1]' is not HOST:PORT"))
                let added = try await add("[2001:db8::1]:82")
                #expect(added.status == 0 && added.lines == ["vip-\(Self.address)"], "\(added)")
                let body = try await host.ask("GET", "/ips/vip-\(Self.address)").body
                for check in [#""host": "10.0.0.1", "port": 81"#, #""host": "2001:db8::1", "port": 82"#] {
                    #expect(body.contains(#"{"type": "TCP", \#(check), "#), "\(body)")
                }
                // Nobody listens there.
                try await eventually("it fails for both") {
                    let body = try await host.ask("GET", "/ips/vip-\(Self.address)").body
                    return body.contains(#""status": "FAILING""#) && body.contains("10.0.0.1:81") && body.contains("[2001:db8::1]:82")
                }
            }
        }

        @Test("of the configuration file are not changed by requests")
        func sections() async throws {
            try await VirtualIPHost.alone { host in
                let worker = try host.start()
                try await worker.says("started")
                for (method, body) in [("PATCH", #"{"priority": 7}"#), ("DELETE", nil)] {
                    let answer = try await host.ask(method, "/ips/vip-10.0.0.100", body)
                    #expect(answer.status == 400)
                    #expect(
                        answer.body.contains("10.0.0.100 is a virtual IP of the configuration file, [virtual_ip:test]; change it there"))
                }
                #expect(try await host.ask("POST", "/ips/vip-10.0.0.100/failover").status == 400)
                #expect(try host.serves())
            }
        }

        @Test("fail over on request, from the owner alone", arguments: ["at_least_one", "at_most_one"])
        func failover(policy: String) async throws {
            try await VirtualIPHost.withCluster("policy = \(policy)") { hosts, _ in
                for host in hosts { try await host.start().says("started") }
                try await eventually("one host has the address, and the other one takes part") {
                    let bodies = try await [hosts[0].ask("GET", "/ips").body, hosts[1].ask("GET", "/ips").body]
                    return bodies.contains { $0.contains(#""bound": true"#) } && bodies.contains { $0.contains(#""status": "STANDBY""#) }
                }
                let owner = try hosts[0].hasAddress() ? 0 : 1
                #expect(try await hosts[1 - owner].ask("POST", "/ips/vip-10.0.0.100/failover").status == 400)
                try await eventually("the owner can give it up") {
                    try await hosts[owner].ask("POST", "/ips/vip-10.0.0.100/failover").status == 204
                }
                try await hosts[1 - owner].takesOver()
                try await eventually("the first has given it up") { try !hosts[owner].hasAddress() }
                try await eventually("it is told whose it is") {
                    try await hosts[owner].ask("GET", "/ips").body.contains(#""owner": "h\#(2 - owner)""#)
                }
            }
        }

        @Test("made on one host are known on all, also where one was away, and go on all")
        func shared() async throws {
            try await VirtualIPHost.withCluster { hosts, links in
                let first = try hosts[0].start(hosts[0].more)
                try await first.says("the cluster is reached")
                try await first.says("started")
                let second = try hosts[1].start(hosts[1].more)
                try await second.says("the cluster is reached")
                try await second.says("started")
                #expect(try await hosts[0].ask("POST", "/ips", Self.new).status == 201)
                func knows(_ host: VirtualIPHost, _ text: String) async throws -> Bool {
                    try await host.ask("GET", "/ips").body.contains(text)
                }
                try await eventually("the other host knows it") { try await knows(hosts[1], #""status": "STANDBY""#) }
                try await hosts[0].takesOver()
                #expect(try await hosts[1].ask("PATCH", "/ips/vip-10.0.0.100", #"{"priority": 7}"#).status == 200)
                try await eventually("the first knows the change") { try await knows(hosts[0], #""priority": 7"#) }
                // The one that stops gives the address up, and misses the removal.
                try await first.stopsInGoodOrder()
                try await hosts[1].takesOver()
                #expect(try await hosts[1].ask("DELETE", "/ips/vip-10.0.0.100").status == 204)
                try await eventually("the address is gone") { try !hosts[1].hasAddress() }
                #expect(try await hosts[1].ask("POST", "/ips", #"{"ip": "10.0.0.101", "interface": "eth0"}"#).status == 201)
                let third = try hosts[0].start(hosts[0].more)
                try await third.says("the cluster is reached")
                try await third.says("started")
                try await eventually("it knows what was removed and added meanwhile") {
                    let body = try await hosts[0].ask("GET", "/ips").body
                    return body.contains("10.0.0.101") && !body.contains("10.0.0.100")
                }
                // What is made without etcd holds here at once, and there later.
                links[0].set(.cut)
                #expect(try await hosts[0].ask("DELETE", "/ips/vip-10.0.0.101").status == 204)
                #expect(try await hosts[0].ask("GET", "/ips").body == #"{"ips": []}"# + "\n")
                links[0].set(.open)
                try await eventually("the other host knows the removal") { try await !knows(hosts[1], "10.0.0.101") }
            }
        }

        @Test("come and go by jobs, and are told by STATS")
        func jobs() async throws {
            try await VirtualIPHost.alone { host in
                try await host.start("").says("started")
                func job(_ text: String) async throws -> String { try await host.ask("POST", "/v1/jobs", text).body }
                let stats = #"{"hpcs_action": "STATS"}"#
                #expect(try await job(stats) == #"{"hpcs_action": "STATS", "nodes": [], "hpcs_response": "PASS"}"#)
                let created = try await job(
                    #"{"hpcs_action": "CREATE", "virtualIPs": [{"address": "10.0.0.100", "interface": "eth0"}]}"#)
                #expect(
                    created
                        == #"{"hpcs_action": "CREATE", "virtualIPs": [{"address": "10.0.0.100", "interface": "eth0"}], "hpcs_response": "PASS"}"#
                )
                try await host.takesOver()
                try await eventually("STATS tells it") {
                    try await job(stats).contains(#""virtualIPs": [{"address": "10.0.0.100", "status": "ACTIVATED", "owner": "#)
                }
                #expect(try await job(#"{"hpcs_action": "DELETE"}"#).contains("PASS"))
                #expect(try host.serves())
                #expect(
                    try await job(#"{"hpcs_action": "DELETE", "virtualIPs": [{"address": "10.0.0.101"}]}"#)
                        .contains("virtualIPs[0]: there is no virtual IP 10.0.0.101"))
                #expect(try await job(#"{"hpcs_action": "DELETE", "virtualIPs": [{"address": "10.0.0.100"}]}"#).contains("PASS"))
                try await eventually("the address is gone") { try !host.hasAddress() }
            }
        }

        @Test("200 at once are bound, and one that was there is not interrupted")
        func many() async throws {
            try await VirtualIPHost.alone { host in
                let worker = try host.start()
                try await host.takesOver()
                try await worker.says("started")
                let list = (1...200).map { #"{"address": "10.0.1.\#($0)", "interface": "eth0"}"# }.joined(separator: ", ")
                func count() throws -> Int {
                    try host.namespace.run { try runProgram("/sbin/ip", ["-o", "-4", "addr", "show", "dev", "eth0"]) }
                        .split(separator: "\n").count { $0.contains(" 10.0.1.") }
                }
                let created = try await host.ask("POST", "/v1/jobs", #"{"hpcs_action": "CREATE", "virtualIPs": [\#(list)]}"#)
                #expect(created.body.contains("PASS"))
                try await eventually("all are bound") { try count() == 200 }
                let deleted = try await host.ask("POST", "/v1/jobs", #"{"hpcs_action": "DELETE", "virtualIPs": [\#(list)]}"#)
                #expect(deleted.body.contains("PASS"))
                try await eventually("all are gone") { try count() == 0 }
                #expect(try host.serves())
                #expect(try worker.log.lines("\(Self.address) is bound").count == 1)
                #expect(try worker.log.lines("\(Self.address) is unbound").isEmpty)
            }
        }

        @Test("that follow their services are not owned before these are known")
        func coldStart() async throws {
            try await VirtualIPHost.alone { host in
                let worker = try host.start(
                    "[virtual_ip:test]\naddress = \(Self.address)\ninterface = eth0\nfollow_services = yes\n"
                        + "[service:web]\nprotocol = TCP\naddress = \(Self.address)\nport = 80\nnodes = []\n")
                try await worker.says("started")
                try await eventually("it fails for its service") {
                    try await host.ask("GET", "/ips").body.contains("none of the 1 load balancers that listen on it is up")
                }
                #expect(try worker.log.lines("\(Self.address) is bound").isEmpty)
                #expect(try worker.log.lines("\(Self.address) is ACTIVATED").isEmpty)
                let create =
                    #"{"hpcs_action": "CREATE", "loadBalancers": [{"id": "b", "protocol": "TCP", "port": 81, "address": "10.0.0.100", "#
                    + #""nodes": [{"id": "n", "address": "10.0.0.1", "port": 80}]}]}"#
                #expect(try await host.ask("POST", "/v1/jobs", create).body.contains("PASS"))
                try await host.takesOver()
            }
        }

        @Test("go to the host that has a carrier")
        func carrier() async throws {
            try await VirtualIPHost.withCluster("policy = at_least_one") { hosts, _ in
                try await hosts[0].start().says("started")
                try await hosts[0].takesOver()
                try await hosts[1].start().says("another host owns the name")
                try hosts[0].namespace.ip("link set eth0 down")
                try await hosts[1].takesOver()
                try hosts[0].namespace.ip("link set eth0 up")
                try await eventually("the first takes part again") {
                    try await hosts[1].ask("POST", "/ips/vip-10.0.0.100/failover").status == 204
                }
                try await hosts[0].takesOver()
            }
        }

        @Test("are changed by one of two at once who have read the same, and not by who has read something older")
        func conditions() async throws {
            try await VirtualIPHost.alone { host in
                try await host.start("").says("started")
                #expect(try await host.ask("POST", "/ips", Self.new).status == 201)
                for round in 0..<3 {
                    let status = try JSON(bytes: Array(try await host.ask("GET", "/v1/status").body.utf8))
                    let match = "If-Match: \"\(status["revision"])\""
                    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                        for writer in 0..<2 {
                            group.addTask {
                                let body = "{\"priority\": \(2 + 2 * round + writer)}"
                                return try await host.ask("PATCH", "/ips/vip-10.0.0.100", body, header: match).status
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(statuses.sorted() == [200, 412])
                    #expect(try await host.ask("DELETE", "/ips/vip-10.0.0.100", header: match).status == 412)
                }
            }
        }
    }
}

import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What serves behind virtual IPs: haproxy, and routers that are told where they are.
    @Suite("Virtual IPs and what serves on them", .enabled(if: geteuid() == 0, "needs root")) struct VirtualIPServingTests {
        private static let address = VirtualIPHost.address

        private static let service = """
            [service:web]
            protocol = HTTP
            address = \(address)
            port = 80
            nodes = [{"id": "n", "address": "10.0.0.1", "port": 8080}]

            """

        @Test("haproxy listens on a standby already, and serves as soon as the address comes")
        func haproxy() async throws {
            func more(_ rig: Rig, _ number: Int) -> String {
                "[worker:haproxy]\nrun_dir = \(rig.path("run-\(number)"))\nconfig = \(rig.path("haproxy-\(number).cfg"))\n" + Self.service
            }
            try await VirtualIPHost.withCluster("policy = at_most_one") { hosts, _ in
                var workers: [WorkerProcess] = []
                for host in hosts {
                    var host = host
                    host.driver = "haproxy"
                    host.more += more(host.rig, host.number)
                    host.rig.endHAProxyAtEnd(file: "haproxy-\(host.number).cfg")
                    try host.namespace.set(["net.ipv4.ip_nonlocal_bind": 1])
                    workers.append(try host.start())
                    try await workers[host.number - 1].says("started")
                }
                func listens(_ host: VirtualIPHost) throws -> Bool {
                    try host.namespace.run { try runProgram("/bin/ss", ["-Hltn"]) }.contains("\(Self.address):80 ")
                }
                /// No node is there, so haproxy answers by itself.
                func answers() throws -> Bool {
                    try hosts[0].lab.client.run {
                        try runProgram(
                            "/usr/bin/curl", ["-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "http://\(Self.address)/"])
                    } == "503"
                }
                try await hosts[0].takesOver()
                for host in hosts { try await eventually("haproxy of host \(host.number) listens") { try listens(host) } }
                #expect(try !hosts[1].hasAddress())
                #expect(try answers())
                for (host, words) in zip(hosts, ["this host owns \(Self.address), and eth0 has it", "host h1 owns \(Self.address)"]) {
                    try await eventually("host \(host.number) tells whose the address is") {
                        try await host.ask("GET", "/v1/why/web").body.contains(#"{"step": "address", "time": "2"#)
                            && host.ask("GET", "/v1/why/web").body.contains(words)
                    }
                }
                _ = try await workers[0].end(by: SIGKILL)
                try await hosts[1].takesOver()
                #expect(try answers())
            }
        }

        @Test("The route is told by the owner alone, and goes with the right to the address")
        func routes() async throws {
            try await withRig { first in
                try await withRig { second in
                    let networks = try [Network(first), Network(second)]
                    func notifier(_ number: Int) -> String {
                        "[notifier:bgp]\n" + networks[number - 1].section.map { "\($0.key) = \($0.value)\n" }.joined() + Self.service
                    }
                    try await VirtualIPHost.withCluster("policy = at_least_one", notifier) { hosts, _ in
                        for host in hosts { try await host.start().says("started") }
                        let told = ["\(Self.address)"]
                        try await hosts[0].takesOver()
                        try await networks[0].bird.has(Set(told))
                        try await networks[1].bird.has([])
                        try await eventually("the owner can give it up") {
                            try await hosts[0].ask("POST", "/ips/vip-\(Self.address)/failover").status == 204
                        }
                        try await networks[1].bird.has(Set(told))
                        try await networks[0].bird.has([])
                        // Another one, made by a request on an address with a service, and removed.
                        let other = "10.0.0.101"
                        let create =
                            #"{"hpcs_action": "CREATE", "virtualIPs": [{"address": "\#(other)", "interface": "eth0"}], "#
                            + #""loadBalancers": [{"id": "b", "protocol": "TCP", "port": 81, "address": "\#(other)", "#
                            + #""nodes": [{"id": "n", "address": "10.0.0.1", "port": 80}]}]}"#
                        #expect(try await hosts[1].ask("POST", "/v1/jobs", create).body.contains("PASS"))
                        try await networks[1].bird.has(Set(told + [other]))
                        let remove = #"{"hpcs_action": "DELETE", "virtualIPs": [{"address": "\#(other)"}]}"#
                        #expect(try await hosts[1].ask("POST", "/v1/jobs", remove).body.contains("PASS"))
                        try await networks[1].bird.has(Set(told))
                    }
                }
            }
        }
    }
}

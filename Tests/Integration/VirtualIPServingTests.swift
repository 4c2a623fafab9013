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
                        let body = try await host.ask("GET", "/v1/why/web").body
                        return body.contains(#"{"step": "address", "time": "2"#) && body.contains(words)
                    }
                }
                _ = try await workers[0].end(by: SIGKILL)
                try await hosts[1].takesOver()
                #expect(try answers())
            }
        }

        /// A host alone whose worker has the driver haproxy.
        private func withHAProxy(_ body: (VirtualIPHost) async throws -> Void) async throws {
            try await VirtualIPHost.alone { host in
                var host = host
                host.driver = "haproxy"
                host.rig.endHAProxyAtEnd(file: "haproxy.cfg")
                let worker = try host.start(
                    "[worker:haproxy]\nrun_dir = \(host.rig.path("run"))\nconfig = \(host.rig.path("haproxy.cfg"))\n")
                try await worker.says("started")
                try await body(host)
            }
        }

        private static func job(_ action: String, _ address: String, port: Int = 80, virtualIPs: [String]) -> String {
            let list = virtualIPs.map { #"{"address": "\#($0)", "interface": "eth0"}"# }.joined(separator: ", ")
            return #"{"hpcs_action": "\#(action)", "virtualIPs": [\#(list)], "loadBalancers": [{"id": "b\#(port)", "protocol": "HTTP", "#
                + #""address": "\#(address)", "port": \#(port), "nodes": [{"id": "n", "address": "10.0.0.1", "port": 8080}]}]}"#
        }

        @Test("A job brings a virtual IP and a haproxy on it, of which no client is refused", arguments: [EthernetLab.v4, EthernetLab.v6])
        func together(address: IPAddress) async throws {
            try await withHAProxy { host in
                func ask() throws -> String {
                    let url = "http://\(Endpoint(host: .address(address), port: 80))/"
                    let words = ["-gs", "-m", "0.5", "-o", "/dev/null", "-w", "%{http_code} %{errormsg}", url]
                    return try host.lab.client.run { try runProgram("/bin/sh", ["-c", "curl \"$@\"; true", "-"] + words) }
                }
                let before = try await host.ask("POST", "/v1/jobs", Self.job("CREATE", "\(address)", virtualIPs: []))
                #expect(before.body.contains("this host does not have the address: make it a virtual IP, or set net."), "\(before)")
                let create = try await host.ask("POST", "/v1/jobs", Self.job("CREATE", "\(address)", virtualIPs: ["\(address)"]))
                #expect(create.body.contains("PASS"), "\(create)")
                // What answers first is haproxy, and no kernel without a listener.
                var answer = ""
                try await eventually("haproxy answers on the address") {
                    answer = try ask()
                    return answer.hasPrefix("503") || answer.contains("refused")
                }
                #expect(answer.hasPrefix("503"), "\(answer)")
                // The address goes, and haproxy can be loaded all the same.
                let remove = #"{"hpcs_action": "DELETE", "virtualIPs": [{"address": "\#(address)"}]}"#
                #expect(try await host.ask("POST", "/v1/jobs", remove).body.contains("PASS"))
                try await eventually("the address is gone") { try !host.hasAddress("\(address)") }
                let other = try await host.ask("POST", "/v1/jobs", Self.job("CREATE", "10.0.0.1", port: 81, virtualIPs: []))
                #expect(other.body.contains("PASS"), "\(other)")
                let bring = #"{"hpcs_action": "CREATE", "virtualIPs": [{"address": "\#(address)", "interface": "eth0"}]}"#
                #expect(try await host.ask("POST", "/v1/jobs", bring).body.contains("PASS"))
                try await eventually("haproxy answers on the address again") { try ask().hasPrefix("503") }
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

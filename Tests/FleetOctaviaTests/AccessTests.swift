import FleetModel
import FleetTestSupport
import TestSupport
import Testing

@Suite struct AccessTests {
    @Test("Projects see and change only their own, viewers change nothing, and admins do all")
    func projects() async throws {
        try await Bench.run { bench in
            let (loadBalancer, listener, pool, memberID) = try bench.shop()
            let paths = [
                "loadbalancers/\(loadBalancer)", "loadbalancers/\(loadBalancer)/status", "loadbalancers/\(loadBalancer)/stats",
                "listeners/\(listener)",
                "listeners/\(listener)/stats", "pools/\(pool)", "pools/\(pool)/members", "pools/\(pool)/members/\(memberID)",
            ]
            for path in paths {
                #expect(try bench.ask("GET", path, as: "eve").status == 200 && bench.ask("GET", path, as: "root").status == 200)
                let other = try bench.ask("GET", path, as: "bob")
                #expect(try other.status == 403 && fault(other) == "Policy does not allow this request to be performed.")
                let nobody = try bench.ask("GET", path, as: nil)
                #expect(try nobody.status == 401 && member(nobody.body, "error", "code") == "401")
                #expect(nobody.headers["www-authenticate"] == "Keystone uri=\"http://fleet.example/v3\"")
                #expect(try bench.ask("GET", path, as: "wrong").status == 401)
            }
            for (list, name) in [("loadbalancers", "loadbalancers"), ("listeners", "listeners"), ("pools", "pools")] {
                #expect(try column(bench.ask("GET", list, as: "bob").body, name, "id") == [])
                #expect(try column(bench.ask("GET", list, as: "eve").body, name, "id").count == 1)
                let project = try #require(bench.projects["ann"])
                #expect(try column(bench.ask("GET", list + "?project_id=\(project)", as: "root").body, name, "id").count == 1)
                #expect(try bench.ask("GET", list + "?project_id=\(project)", as: "bob").status == 403)
            }
            let changes: [(String, String, String?)] = [
                ("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "x"}}"#), ("DELETE", "listeners/\(listener)", nil),
                ("POST", "listeners", #"{"listener": {"loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 99}}"#),
                ("PUT", "pools/\(pool)/members", #"{"members": []}"#), ("DELETE", "loadbalancers/\(loadBalancer)?cascade=true", nil),
            ]
            for (method, path, body) in changes {
                for user in ["bob", "eve"] {
                    #expect(try bench.ask(method, path, body, as: user).status == 403, "\(method) \(path) \(user)")
                }
            }
            #expect(try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {}}"#, as: "eve").status == 403)
            let shop = try #require(bench.projects["ann"])
            let made = try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {"project_id": "\#(shop)"}}"#, as: "root")
            #expect(try made.status == 201 && member(made.body, "loadbalancer", "tenant_id") == shop)
        }
    }

    @Test("A quota is the most that a project may have")
    func quotas() async throws {
        try await Bench.run { bench in
            let project = try #require(bench.projects["ann"])
            #expect(try member(bench.ask("GET", "quotas/\(project)").body, "quota", "load_balancer") == "-1")
            #expect(
                try bench.ask("PUT", "quotas/\(project)", #"{"quota": {"loadbalancer": 1, "listener": 1, "member": 1}}"#, as: "root").status
                    == 202)
            #expect(try member(bench.ask("GET", "quotas/\(project)").body, "quota", "loadbalancer") == "1")
            #expect(try column(bench.ask("GET", "quotas", as: "root").body, "quotas", "project_id") == [project])
            let (loadBalancer, listener, pool, _) = try bench.shop()
            let refused: [(String, String, String, String)] = [
                ("POST", "loadbalancers", #"{"loadbalancer": {}}"#, "Load Balancer"),
                (
                    "POST", "listeners", #"{"listener": {"loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 99}}"#,
                    "Listener"
                ),
                ("POST", "pools/\(pool)/members", #"{"member": {"address": "192.0.2.7", "protocol_port": 1}}"#, "Member"),
                (
                    "PUT", "pools/\(pool)/members?additive_only=true", #"{"members": [{"address": "192.0.2.7", "protocol_port": 1}]}"#,
                    "Member"
                ),
            ]
            for (method, path, body, name) in refused {
                let response = try bench.ask(method, path, body)
                #expect(try response.status == 403 && fault(response) == "Quota has been met for resources: \(name)", "\(path)")
            }
            #expect(
                try bench.ask("PUT", "pools/\(pool)/members", #"{"members": [{"address": "192.0.2.7", "protocol_port": 1}]}"#).status == 202
            )
            try bench.settle()
            #expect(try bench.ask("DELETE", "listeners/\(listener)").status == 204)
            try bench.settle()
            _ = try bench.create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 99"#)
            #expect(try bench.ask("DELETE", "quotas/\(project)", as: "root").status == 204)
            #expect(try bench.ask("DELETE", "quotas/\(project)", as: "root").status == 404)
            #expect(try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {}}"#).status == 201)
        }
    }

    @Test("Groups are networks and their ranges subnets, by which a load balancer is placed")
    func networks() async throws {
        try await Bench.run { bench in
            for version in ["/v2", "/v2.0"] {
                let networks = try bench.ask("GET", version + "/networks", as: "eve").body
                #expect(try column(networks, "networks", "name") == ["blue", "green"])
                let subnets = try bench.ask("GET", version + "/subnets").body
                #expect(try column(subnets, "subnets", "cidr") == ["10.20.0.0/24", "10.30.0.0/30", "fd00::/64"])
                for (list, text) in [("networks", networks), ("subnets", subnets)] {
                    for id in try column(text, list, "id") {
                        #expect(try bench.ask("GET", "\(version)/\(list)/\(id)").status == 200)
                        #expect(try column(bench.ask("GET", "\(version)/\(list)?id=\(id)").body, list, "id") == [id])
                    }
                    #expect(
                        try bench.ask("GET", "\(version)/\(list)/x").status == 404
                            && bench.ask("GET", "\(version)/\(list)", as: nil).status == 401)
                }
                #expect(try column(bench.ask("GET", version + "/networks?name=green").body, "networks", "name") == ["green"])
            }
            let subnets = try bench.ask("GET", "/v2/subnets").body
            for (subnet, network) in zip(try column(subnets, "subnets", "id"), try column(subnets, "subnets", "network_id")) {
                let response = try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {"vip_subnet_id": "\#(subnet)"}}"#)
                #expect(try response.status == 201 && member(response.body, "loadbalancer", "vip_subnet_id") == subnet)
                #expect(try member(response.body, "loadbalancer", "vip_network_id") == network)
                #expect(try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {"vip_network_id": "\#(network)"}}"#).status == 201)
            }
        }
    }

    @Test("Providers, and what there is nothing of, are lists")
    func lists() async throws {
        try await Bench.run { bench in
            #expect(try column(bench.ask("GET", "providers").body, "providers", "name") == ["lbaas", "octavia"])
            for (path, name) in [
                ("flavors", "flavors"), ("availabilityzones", "availability_zones"), ("l7policies", "l7policies"),
                ("providers/lbaas/flavor_capabilities", "flavor_capabilities"),
                ("providers/lbaas/availability_zone_capabilities", "availability_zone_capabilities"),
            ] {
                let response = try bench.ask("GET", path)
                #expect(try response.status == 200 && member(response.body, name) == "[]")
            }
        }
    }
}

import FleetModel
import FleetTestSupport
import LBaaS
import TestSupport
import Testing

@Suite struct LifeCycleTests {
    @Test("A load balancer becomes ACTIVE when its workers have it, with a free address of the group with most room")
    func loadBalancer() async throws {
        try await Bench.run { bench in
            let response = try bench.ask(
                "POST", "loadbalancers", #"{"loadbalancer": {"name": "näme \"1\"", "description": "d", "tags": ["a", "b"]}}"#)
            #expect(response.status == 201, "\(response.body)")
            let body = response.body
            let id = try #require(try member(body, "loadbalancer", "id"))
            #expect(
                try member(body, "loadbalancer", "name") == "näme \"1\""
                    && member(body, "loadbalancer", "provisioning_status") == "PENDING_CREATE")
            #expect(
                try member(body, "loadbalancer", "operating_status") == "OFFLINE"
                    && member(body, "loadbalancer", "admin_state_up") == "true")
            #expect(try member(body, "loadbalancer", "project_id") == bench.projects["ann"])
            let address = try #require(try member(body, "loadbalancer", "vip_address"))
            // The group green has an IPv6 network, which is the most room.
            #expect(address.hasPrefix("10.30.0."))
            #expect(try bench.status("loadbalancers/\(id)") == "ACTIVE")
            let second = try bench.create("loadbalancer", #""vip_address": "10.20.0.9""#)
            #expect(try bench.status("loadbalancers/\(second)") == "PENDING_CREATE")
            for worker in ["w1", "w2"] {
                let part = bench.cache.read { $0.wanted[worker]?.virtualIPs["10.20.0.9"].map { String(decoding: $0.text, as: UTF8.self) } }
                #expect(part?.contains("\"address\": \"10.20.0.9\", \"interface\": \"eth0\"") == true, "\(part ?? "-")")
            }
            try bench.settle()
            let shown = try bench.ask("GET", "loadbalancers/\(second)").body
            #expect(
                try member(shown, "loadbalancer", "provisioning_status") == "ACTIVE"
                    && member(shown, "loadbalancer", "operating_status") == "ONLINE")
            for path in ["/v2/lbaas/loadbalancers/\(second)", "/v2.0/lbaas/loadbalancers/\(second)"] {
                #expect(try bench.ask("GET", path).status == 200)
            }
        }
    }

    @Test("A listener with its pool, members and monitor is one load balancer of each worker")
    func tree() async throws {
        try await Bench.run { bench in
            let loadBalancer = try bench.loadBalancer(#""vip_address": "10.20.0.9""#)
            let listener = try bench.create(
                "listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "HTTP", "protocol_port": 80, "timeout_client_data": 1000"#)
            #expect(
                try bench.status("loadbalancers/\(loadBalancer)") == "PENDING_UPDATE"
                    && bench.status("listeners/\(listener)") == "PENDING_CREATE")
            #expect(
                bench.part("w1", listener)
                    == #"{"id":"\#(listener)","protocol":"HTTP","port":80,"address":"10.20.0.9","options":{"client_timeout":1000,"server_timeout":50000,"connect_timeout":5000,"connect_retries":3},"sessionPersistence":null,"nodes":[]}"#
            )
            try bench.settle()
            let pool = try bench.create(
                "pool",
                #""listener_id": "\#(listener)", "protocol": "HTTP", "lb_algorithm": "LEAST_CONNECTIONS", "session_persistence": {"type": "HTTP_COOKIE"}"#
            )
            try bench.settle()
            let path = "pools/\(pool)/members"
            let member1 = try bench.create("member", #""address": "192.0.2.1", "protocol_port": 8080, "weight": 5"#, at: path)
            #expect(try bench.status("\(path)/\(member1)") == "PENDING_CREATE" && bench.status("pools/\(pool)") == "PENDING_UPDATE")
            try bench.settle()
            let member2 = try bench.create("member", #""address": "192.0.2.2", "protocol_port": 8080, "backup": true"#, at: path)
            try bench.settle()
            let monitor = try bench.create(
                "healthmonitor",
                #""pool_id": "\#(pool)", "type": "HTTP", "delay": 5, "timeout": 2, "max_retries": 3, "url_path": "/ok", "expected_codes": "200,202""#
            )
            #expect(try bench.status("healthmonitors/\(monitor)") == "PENDING_CREATE")
            try bench.settle()
            let part = try #require(bench.part("w1", listener))
            #expect(part == bench.part("w2", listener) && part.contains(#""algorithm":"LEAST_CONNECTIONS""#), "\(part)")
            #expect(
                part.contains(
                    #""monitor":{"type":"HTTP","delay":5,"timeout":2,"attempts":3,"path":"/ok","rise":3,"method":"GET","expected_codes":"200-200,202-202"}"#
                ), "\(part)")
            #expect(part.contains(#""sessionPersistence":{"type":"HTTP_COOKIE"}"#))
            #expect(
                part.hasSuffix(
                    #""nodes":[{"id":"\#(member1)","address":"192.0.2.1","port":8080,"weight":5},{"id":"\#(member2)","address":"192.0.2.2","port":8080,"backup":true}]}"#
                ))
            #expect(try bench.ask("PUT", "\(path)/\(member1)", #"{"member": {"weight": 0}}"#).status == 200)
            #expect(bench.part("w1", listener)?.contains(#""weight":0,"condition":"DRAINING"}"#) == true)
            #expect(try member(bench.ask("GET", "\(path)/\(member1)").body, "member", "operating_status") == "DRAINING")
            try bench.settle()
            #expect(try bench.ask("PUT", "listeners/\(listener)", #"{"listener": {"admin_state_up": false}}"#).status == 200)
            #expect(bench.part("w2", listener)?.hasSuffix(#"],"suspended":true}"#) == true)
        }
    }

    @Test("What changes is PENDING and immutable until it is settled, and a name alone settles at once")
    func immutability() async throws {
        try await Bench.run { bench in
            let (loadBalancer, listener, pool, memberID) = try bench.shop()
            #expect(try bench.ask("PUT", "listeners/\(listener)", #"{"listener": {"timeout_member_data": 7}}"#).status == 200)
            #expect(
                try bench.status("loadbalancers/\(loadBalancer)") == "PENDING_UPDATE"
                    && bench.status("listeners/\(listener)") == "PENDING_UPDATE")
            #expect(try bench.status("pools/\(pool)") == "ACTIVE")
            let refused: [(String, String, String?)] = [
                ("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "x"}}"#),
                ("DELETE", "loadbalancers/\(loadBalancer)?cascade=true", nil),
                ("PUT", "loadbalancers/\(loadBalancer)/failover", nil), ("PUT", "listeners/\(listener)", #"{"listener": {"name": "x"}}"#),
                ("DELETE", "listeners/\(listener)", nil), ("PUT", "pools/\(pool)", #"{"pool": {"name": "x"}}"#),
                ("DELETE", "pools/\(pool)", nil),
                ("PUT", "pools/\(pool)/members/\(memberID)", #"{"member": {"weight": 7}}"#),
                ("DELETE", "pools/\(pool)/members/\(memberID)", nil),
                ("POST", "pools/\(pool)/members", #"{"member": {"address": "192.0.2.9", "protocol_port": 1}}"#),
                ("PUT", "pools/\(pool)/members", #"{"members": [{"address": "192.0.2.9", "protocol_port": 1}]}"#),
                (
                    "POST", "healthmonitors",
                    #"{"healthmonitor": {"pool_id": "\#(pool)", "type": "TCP", "delay": 5, "timeout": 5, "max_retries": 1}}"#
                ),
                ("POST", "listeners", #"{"listener": {"loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 81}}"#),
                ("POST", "pools", #"{"pool": {"loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}}"#),
            ]
            for (method, path, body) in refused {
                let response = try bench.ask(method, path, body)
                #expect(response.status == 409, "\(method) \(path): \(response.body)")
                let text = try fault(response)
                #expect(
                    text == "Load Balancer \(loadBalancer) is immutable and cannot be updated."
                        || text == "Invalid state PENDING_UPDATE of loadbalancer resource \(loadBalancer)")
            }
            try bench.settle()
            let renamed = try bench.ask("PUT", "loadbalancers/\(loadBalancer)", #"{"loadbalancer": {"name": "new"}}"#)
            #expect(try member(renamed.body, "loadbalancer", "provisioning_status") == "PENDING_UPDATE")
            #expect(try bench.status("loadbalancers/\(loadBalancer)") == "ACTIVE")
        }
    }

    @Test("What a worker refuses is in ERROR with its words, and can be mended")
    func refusal() async throws {
        try await Bench.run { bench in
            let loadBalancer = try bench.loadBalancer(#""vip_address": "10.20.0.9""#)
            let listener = try bench.create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "SCTP", "protocol_port": 80"#)
            try bench.settle(refused: [listener: "protocol: haproxy carries no SCTP"])
            #expect(try bench.status("listeners/\(listener)") == "ERROR" && bench.status("loadbalancers/\(loadBalancer)") == "ERROR")
            let shown = try bench.ask("GET", "listeners/\(listener)").body
            #expect(try member(shown, "listener", "provisioning_error") == "protocol: haproxy carries no SCTP")
            #expect(try bench.ask("DELETE", "listeners/\(listener)").status == 204)
            #expect(try bench.status("listeners/\(listener)") == "PENDING_DELETE")
            try bench.settle()
            #expect(try bench.status("listeners/\(listener)") == nil && bench.status("loadbalancers/\(loadBalancer)") == "ACTIVE")
        }
    }

    @Test("What is deleted is gone with its parts, its records and its address when that is settled")
    func deletion() async throws {
        try await Bench.run { bench in
            let loadBalancer = try bench.loadBalancer(#""vip_address": "10.20.0.9""#)
            let listener = try bench.create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 80"#)
            try bench.settle()
            let pool = try bench.create("pool", #""listener_id": "\#(listener)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN""#)
            try bench.settle()
            let path = "pools/\(pool)/members"
            let memberID = try bench.create("member", #""address": "192.0.2.1", "protocol_port": 1"#, at: path)
            try bench.settle()
            let monitor = try bench.create(
                "healthmonitor", #""pool_id": "\#(pool)", "type": "PING", "delay": 5, "timeout": 5, "max_retries": 1"#)
            try bench.settle()
            let children = try bench.ask("DELETE", "loadbalancers/\(loadBalancer)")
            #expect(
                try children.status == 400
                    && fault(children) == "Validation failure: Cannot delete Load Balancer \(loadBalancer) - it has children")
            for (object, names) in [
                ("healthmonitors/\(monitor)", "healthmonitors"), ("\(path)/\(memberID)", path), ("pools/\(pool)", "pools"),
                ("listeners/\(listener)", "listeners"),
            ] {
                #expect(try bench.ask("DELETE", object).status == 204)
                #expect(try bench.status(object) == "PENDING_DELETE", "\(object)")
                try bench.settle()
                #expect(try bench.status(object) == nil && bench.ask("DELETE", object).status == 404, "\(object)")
                #expect(
                    try column(bench.ask("GET", names).body, String(names.split(separator: "/").last ?? ""), "id").isEmpty || names == path)
                #expect(try bench.status("loadbalancers/\(loadBalancer)") == "ACTIVE")
            }
            #expect(try bench.ask("DELETE", "loadbalancers/\(loadBalancer)").status == 204)
            #expect(try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {"vip_address": "10.20.0.9"}}"#).status == 409)
            try bench.settle()
            for prefix in ["octavia/", "address/", "wanted/"] { #expect(try bench.store.list(prefix).entries.map(\.key) == []) }
            #expect(try bench.ask("POST", "loadbalancers", #"{"loadbalancer": {"vip_address": "10.20.0.9"}}"#).status == 201)
        }
    }

    @Test("One request creates a load balancer with all that is below it, and another deletes it")
    func populated() async throws {
        try await Bench.run { bench in
            let body = """
                {"loadbalancer": {"name": "all", "vip_address": "10.20.0.9", "listeners": [
                  {"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                    "members": [{"address": "192.0.2.1", "protocol_port": 80}, {"address": "192.0.2.2", "protocol_port": 80}],
                    "healthmonitor": {"type": "HTTP", "delay": 3, "timeout": 2, "max_retries": 2}}},
                  {"protocol": "TCP", "protocol_port": 81, "default_pool": {"name": "other"}}],
                  "pools": [{"name": "other", "protocol": "TCP", "lb_algorithm": "SOURCE_IP"}]}}
                """
            let response = try bench.ask("POST", "loadbalancers", body)
            #expect(response.status == 201, "\(response.body)")
            #expect(try member(response.body, "loadbalancer", "listeners", "0", "protocol_port") == "80")
            #expect(try member(response.body, "loadbalancer", "pools", "1", "members", "1", "address") == "192.0.2.2")
            #expect(try member(response.body, "loadbalancer", "pools", "1", "healthmonitor", "type") == "HTTP")
            let id = try #require(try member(response.body, "loadbalancer", "id"))
            try bench.settle()
            let tree = try bench.ask("GET", "loadbalancers/\(id)/status").body
            #expect(try member(tree, "statuses", "loadbalancer", "provisioning_status") == "ACTIVE")
            #expect(try member(tree, "statuses", "loadbalancer", "listeners", "0", "pools", "0", "members", "0", "protocol_port") == "80")
            #expect(try member(tree, "statuses", "loadbalancer", "listeners", "0", "pools", "0", "health_monitor", "type") == "HTTP")
            #expect(try bench.ask("DELETE", "loadbalancers/\(id)?cascade=True").status == 204)
            for list in ["loadbalancers", "listeners", "pools", "healthmonitors"] {
                #expect(try column(bench.ask("GET", list).body, list, "provisioning_status").allSatisfy { $0 == "PENDING_DELETE" })
            }
            try bench.settle()
            for list in ["loadbalancers", "listeners", "pools", "healthmonitors"] {
                #expect(try column(bench.ask("GET", list).body, list, "id") == [])
            }
            #expect(try bench.store.list("octavia/").entries.isEmpty)
        }
    }

    @Test("A batch makes the members of a pool those of a list, in one change")
    func batch() async throws {
        try await Bench.run { bench in
            let (_, _, pool, first) = try bench.shop()
            let path = "pools/\(pool)/members"
            func members() throws -> [String] { try column(bench.ask("GET", path).body, "members", "address").sorted() }
            let many = (1...300).map { "{\"address\": \"198.51.100.\($0 % 250 + 1)\", \"protocol_port\": \($0)}" }.joined(separator: ", ")
            #expect(
                try bench.ask("PUT", path, "{\"members\": [{\"address\": \"192.0.2.1\", \"protocol_port\": 8080, \"weight\": 9}, \(many)]}")
                    .status == 202)
            #expect(try member(bench.ask("GET", "\(path)/\(first)").body, "member", "weight") == "9")
            try bench.settle()
            #expect(try members().count == 301)
            #expect(
                try bench.ask("PUT", path + "?additive_only=true", #"{"members": [{"address": "192.0.2.7", "protocol_port": 1}]}"#).status
                    == 202)
            try bench.settle()
            #expect(try members().count == 302)
            #expect(try bench.ask("PUT", path, #"{"members": [{"address": "192.0.2.7", "protocol_port": 1}]}"#).status == 202)
            #expect(try bench.status("\(path)/\(first)") == "PENDING_DELETE")
            try bench.settle()
            #expect(try members() == ["192.0.2.7"] && bench.status("\(path)/\(first)") == nil)
            let kept = try #require(try column(bench.ask("GET", path).body, "members", "id").first)
            let fields = #"{"member": {"name": "n", "weight": 5, "backup": true, "admin_state_up": false}}"#
            #expect(try bench.ask("PUT", "\(path)/\(kept)", fields).status == 200)
            try bench.settle()
            // What a batch does not say is the default again, but for the name.
            #expect(try bench.ask("PUT", path, #"{"members": [{"address": "192.0.2.7", "protocol_port": 1}]}"#).status == 202)
            let shown = try bench.ask("GET", "\(path)/\(kept)").body
            #expect(try member(shown, "member", "name") == "n" && member(shown, "member", "weight") == "1")
            #expect(try member(shown, "member", "backup") == "false" && member(shown, "member", "admin_state_up") == "true")
            try bench.settle()
            #expect(try bench.ask("PUT", path, #"{"members": []}"#).status == 202)
            try bench.settle()
            #expect(try members() == [])
            let twice = try bench.ask(
                "PUT", path, #"{"members": [{"address": "::1", "protocol_port": 1}, {"address": "0:0::1", "protocol_port": 1}]}"#)
            #expect(twice.status == 409)
        }
    }

    @Test("A failover gives the address to the next worker of the group")
    func failover() async throws {
        try await Bench.run { bench in
            let id = try bench.loadBalancer(#""vip_address": "10.20.0.9""#)
            func owners() -> [String] {
                ["w1", "w2"].filter { worker in
                    bench.cache.read {
                        $0.wanted[worker]?.virtualIPs["10.20.0.9"].map {
                            String(decoding: $0.text, as: UTF8.self).contains("\"priority\": 150")
                        }
                    } == true
                }
            }
            let before = owners()
            #expect(try bench.ask("PUT", "loadbalancers/\(id)/failover").status == 202)
            #expect(before.count == 1 && owners().count == 1 && before != owners())
            #expect(try bench.status("loadbalancers/\(id)") == "PENDING_UPDATE")
            let single = try bench.loadBalancer(#""vip_address": "10.30.0.1""#)
            #expect(try bench.ask("PUT", "loadbalancers/\(single)/failover").status == 501)
        }
    }

    @Test("Statistics are the sum of those of the workers, and states of nodes make the operating status")
    func traffic() async throws {
        try await Bench.run { bench in
            let loadBalancer = try bench.loadBalancer(#""vip_address": "10.20.0.9""#)
            let listener = try bench.create("listener", #""loadbalancer_id": "\#(loadBalancer)", "protocol": "TCP", "protocol_port": 80"#)
            try bench.settle()
            let pool = try bench.create("pool", #""listener_id": "\#(listener)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN""#)
            try bench.settle()
            #expect(
                try bench.ask(
                    "PUT", "pools/\(pool)/members",
                    #"{"members": [{"address": "192.0.2.1", "protocol_port": 1}, {"address": "192.0.2.2", "protocol_port": 1}]}"#
                ).status == 202)
            try bench.settle()
            _ = try bench.create("healthmonitor", #""pool_id": "\#(pool)", "type": "TCP", "delay": 5, "timeout": 5, "max_retries": 1"#)
            try bench.settle()
            var counters = StatisticsRecord()
            (counters.bytesIn, counters.bytesOut, counters.totalConnections) = (7, 11, 3)
            for worker in ["w1", "w2"] { try bench.put(.statistics(listener: listener, worker: worker), counters.json) }
            for path in ["loadbalancers/\(loadBalancer)/stats", "listeners/\(listener)/stats"] {
                let body = try bench.ask("GET", path).body
                #expect(try member(body, "stats", "bytes_in") == "14" && member(body, "stats", "bytes_out") == "22")
                #expect(try member(body, "stats", "total_connections") == "6" && member(body, "stats", "request_errors") == "0")
            }
            let members = try column(bench.ask("GET", "pools/\(pool)/members").body, "members", "id")
            let cases: [(Bool, Bool, String, [String])] = [
                (true, true, "ONLINE", ["ONLINE", "ONLINE"]), (true, false, "DEGRADED", ["ONLINE", "ERROR"]),
                (false, false, "ERROR", ["ERROR", "ERROR"]),
            ]
            for (one, two, whole, each) in cases {
                let record = OperatingRecord(nodes: [listener: [members[0]: one, members[1]: two]])
                for worker in ["w1", "w2"] { try bench.put(.operating(worker: worker), record.json) }
                #expect(try column(bench.ask("GET", "pools/\(pool)/members").body, "members", "operating_status") == each)
                for (path, kind) in [
                    ("pools/\(pool)", "pool"), ("listeners/\(listener)", "listener"), ("loadbalancers/\(loadBalancer)", "loadbalancer"),
                ] {
                    #expect(try member(bench.ask("GET", path).body, kind, "operating_status") == whole)
                }
            }
        }
    }
}

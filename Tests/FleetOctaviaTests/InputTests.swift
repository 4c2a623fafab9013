import FleetModel
import FleetTestSupport
import JSON
import LBaaS
import TestSupport
import Testing

/// A request that is refused: method, path, body, status, and a part of the sentence.
private typealias Refusal = (method: String, path: String, body: String?, status: Int, words: String)

@Suite struct InputTests {
    @Test("Bad input of each kind of object is refused with what is wrong, and changes nothing")
    func badInput() async throws {
        try await Bench.run { bench in
            let (loadBalancer, listener, pool, memberID) = try bench.shop()
            let unknown = "00000000-0000-4000-8000-000000000000"
            let refusals =
                loadBalancerRefusals(loadBalancer) + listenerRefusals(loadBalancer, listener, unknown)
                + poolRefusals(loadBalancer, listener, pool, unknown) + memberRefusals(pool, memberID, unknown)
                + monitorRefusals(pool, unknown)
                + quotaRefusals()
            let before = try bench.store.all("").entries.filter { !$0.key.hasPrefix("auth/") && !$0.key.hasPrefix("audit/") }
            for (method, path, body, status, words) in refusals {
                let response = try bench.ask(method, path, body)
                let text = try fault(response)
                #expect(response.status == status && text.contains(words), "\(method) \(path) \(body ?? "-"): \(response.status) \(text)")
                #expect(try response.status == 415 || member(response.body, "faultcode") == "Client" || status >= 500)
                #expect(try status < 500 || member(response.body, "faultcode") == "Server")
            }
            let after = try bench.store.all("").entries.filter { !$0.key.hasPrefix("auth/") && !$0.key.hasPrefix("audit/") }
            #expect(before == after)
        }
    }

    private func loadBalancerRefusals(_ id: String) -> [Refusal] {
        func post(_ members: String, _ status: Int, _ words: String) -> Refusal {
            ("POST", "loadbalancers", "{\"loadbalancer\": {\(members)}}", status, words)
        }
        return [
            ("POST", "loadbalancers", "", 400, "not JSON"), ("POST", "loadbalancers", "{", 400, "not JSON"),
            ("POST", "loadbalancers", "[]", 400, "body"),
            ("POST", "loadbalancers", "{}", 400, "loadbalancer. Value: 'None'. Mandatory"),
            ("POST", "loadbalancers", #"{"loadbalancer": 7}"#, 400, "should be an object"),
            ("POST", "loadbalancers", #"{"loadbalancer": {}, "x": 1}"#, 400, "Unknown attribute: x"),
            post(#""nome": "x""#, 400, "Unknown attribute: nome"),
            post(#""name": 7"#, 400, "attribute name. Value: '7'. Value should be text"),
            post("\"name\": \"\(String(repeating: "é", count: 256))\"", 400, "maximum character requirement of 255"),
            post(#""admin_state_up": "maybe""#, 400, "attribute admin_state_up"),
            post(#""vip_address": "10.20.0""#, 400, "IPv4 or IPv6 format"),
            post(#""vip_address": "192.0.2.1""#, 400, "in no range"), post(#""vip_address": "10.20.0.0""#, 400, "in no range"),
            post(#""vip_address": "10.20.0.255""#, 400, "in no range"),
            post(#""vip_subnet_id": "x""#, 400, "Value should be UUID format"),
            post(#""vip_subnet_id": "00000000-0000-4000-8000-000000000000""#, 400, "Subnet 00000000-0000-4000-8000-000000000000 not found"),
            post(
                #""vip_network_id": "00000000-0000-4000-8000-000000000000""#, 400, "Network 00000000-0000-4000-8000-000000000000 not found"),
            post(#""vip_port_id": "00000000-0000-4000-8000-000000000000""#, 400, "Port 00000000-0000-4000-8000-000000000000 not found."),
            post(#""provider": "nobody""#, 501, "Provider 'nobody' was not found."), post(#""flavor_id": "x""#, 400, "Invalid flavor_id."),
            post(#""availability_zone": "x""#, 400, "Invalid availability zone."), post(#""additional_vips": [{}]"#, 501, "one virtual IP"),
            post(#""vip_qos_policy_id": "x""#, 501, "bandwidth"), post(#""vip_sg_ids": ["x"]"#, 501, "security groups"),
            post(#""tags": "x""#, 400, "list of texts"), post(#""tags": [1]"#, 400, "list of texts"),
            post(#""project_id": "other""#, 403, "Policy"),
            post(#""listeners": [{"protocol": "TCP"}]"#, 400, "listeners[0].protocol_port. Value: 'None'. Mandatory"),
            post(#""listeners": [7]"#, 400, "listeners[0]"), post(#""listeners": {}"#, 400, "should be a list"),
            post(
                #""listeners": [{"protocol": "TCP", "protocol_port": 1}, {"protocol": "HTTP", "protocol_port": 1}]"#, 409, "protocol_port 1"
            ),
            post(#""listeners": [{"protocol": "TCP", "protocol_port": 1, "default_pool": {"name": "x"}}]"#, 400, "'x' was referenced"),
            post(#""pools": [{"protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}]"#, 400, "Pools must be named"),
            post(
                #""pools": [{"name": "a", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": [{"address": "x", "protocol_port": 1}]}]"#,
                400,
                "pools[0].members[0].address"),
            ("PUT", "loadbalancers/\(id)", #"{"loadbalancer": {"vip_address": "10.20.0.8"}}"#, 400, "Unknown attribute: vip_address"),
            ("PUT", "loadbalancers/x", #"{"loadbalancer": {}}"#, 404, "Load Balancer x not found."),
            ("GET", "loadbalancers/x", nil, 404, "Load Balancer x not found."),
            ("DELETE", "loadbalancers/x", nil, 404, "Load Balancer x not found."),
            ("PUT", "loadbalancers/x/failover", nil, 404, "Load Balancer x not found."),
            ("GET", "loadbalancers/x/stats", nil, 404, "not found."),
            ("GET", "loadbalancers/x/status", nil, 404, "not found."), ("GET", "loadbalancers?limit=x", nil, 400, "pagination limit 'x'"),
            ("GET", "loadbalancers?marker=x", nil, 400, "marker 'x'"), ("GET", "loadbalancers?sort=x", nil, 400, "sort key 'x'"),
            ("GET", "loadbalancers?sort=name:up", nil, 400, "sort direction 'up'"),
            ("GET", "loadbalancers?sort=a:b:c", nil, 400, "sort key"),
            ("GET", "loadbalancers?colour=red", nil, 400, "duplicate or invalid"),
            ("GET", "loadbalancers?sort_key=listeners", nil, 400, "sort key"),
        ]
    }

    private func listenerRefusals(_ loadBalancer: String, _ id: String, _ unknown: String) -> [Refusal] {
        func post(_ members: String, _ status: Int, _ words: String, port: String = #""protocol": "HTTP", "protocol_port": 81"#) -> Refusal
        {
            (
                "POST", "listeners",
                "{\"listener\": {\"loadbalancer_id\": \"\(loadBalancer)\", \(port)\(members.isEmpty ? "" : ", " + members)}}", status, words
            )
        }
        return [
            (
                "POST", "listeners", #"{"listener": {"protocol": "TCP", "protocol_port": 1}}"#, 400,
                "loadbalancer_id. Value: 'None'. Mandatory"
            ),
            (
                "POST", "listeners", #"{"listener": {"loadbalancer_id": "\#(unknown)", "protocol": "TCP", "protocol_port": 1}}"#, 404,
                "Load Balancer \(unknown) not found."
            ),
            post("", 400, "protocol. Value: 'BAD'. Value should be one of: TCP", port: #""protocol": "BAD", "protocol_port": 1"#),
            post("", 400, "Value should be greater or equal to 1", port: #""protocol": "TCP", "protocol_port": 0"#),
            post("", 400, "Value should be lower or equal to 65535", port: #""protocol": "TCP", "protocol_port": 65536"#),
            post("", 400, "whole number", port: #""protocol": "TCP", "protocol_port": 80.5"#),
            post(
                "", 409, "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80",
                port: #""protocol": "TCP", "protocol_port": 80.0"#),
            post("", 501, "ends TLS", port: #""protocol": "TERMINATED_HTTPS", "protocol_port": 443"#),
            post("", 501, "PROMETHEUS", port: #""protocol": "PROMETHEUS", "protocol_port": 443"#),
            post(#""default_tls_container_ref": "x""#, 501, "Leave out default_tls_container_ref"),
            post(#""l7policies": [{}]"#, 501, "l7policies"),
            post(#""connection_limit": 5"#, 501, "connection_limit"), post(#""connection_limit": -2"#, 400, "connection_limit"),
            post(#""allowed_cidrs": ["10.0.0.0/8"]"#, 501, "allowed_cidrs"),
            post(#""insert_headers": {"X-Real-IP": "true"}"#, 501, "X-Real-IP"),
            post(#""insert_headers": 7"#, 400, "insert_headers"), post(#""timeout_client_data": -1"#, 400, "timeout_client_data"),
            post(#""client_authentication": "MANDATORY""#, 501, "TLS"),
            post(#""default_pool_id": "\#(unknown)""#, 404, "Pool \(unknown) not found."),
            post(
                #""default_pool": {"protocol": "UDP", "lb_algorithm": "ROUND_ROBIN"}"#, 400,
                "The pool protocol 'UDP' is invalid while the listener protocol is 'HTTP'."),
            ("PUT", "listeners/\(id)", #"{"listener": {"protocol_port": 81}}"#, 400, "Unknown attribute: protocol_port"),
            ("PUT", "listeners/\(id)", #"{"listener": {"default_pool_id": "\#(unknown)"}}"#, 404, "Pool \(unknown) not found."),
            ("PUT", "listeners/x", #"{"listener": {}}"#, 404, "Listener x not found."),
            ("GET", "listeners/x", nil, 404, "Listener x not found."),
            ("DELETE", "listeners/x", nil, 404, "Listener x not found."), ("GET", "listeners/x/stats", nil, 404, "Listener x not found."),
            ("GET", "listeners?protocol_port=x&nothing=1", nil, 400, "duplicate or invalid"),
        ]
    }

    private func poolRefusals(_ loadBalancer: String, _ listener: String, _ id: String, _ unknown: String) -> [Refusal] {
        func post(_ members: String, _ status: Int, _ words: String, kind: String = #""protocol": "TCP", "lb_algorithm": "ROUND_ROBIN""#)
            -> Refusal
        {
            (
                "POST", "pools", "{\"pool\": {\"loadbalancer_id\": \"\(loadBalancer)\", \(kind)\(members.isEmpty ? "" : ", " + members)}}",
                status, words
            )
        }
        return [
            (
                "POST", "pools", #"{"pool": {"protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}}"#, 400,
                "Must provide at least one of: loadbalancer_id, listener_id"
            ),
            (
                "POST", "pools", #"{"pool": {"listener_id": "\#(unknown)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}}"#, 404,
                "Listener \(unknown) not found."
            ),
            (
                "POST", "pools", #"{"pool": {"listener_id": "\#(listener)", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}}"#, 409,
                "already has a default pool"
            ),
            (
                "POST", "pools", #"{"pool": {"listener_id": "\#(listener)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}}"#, 400,
                "The pool protocol 'TCP'"
            ),
            post("", 400, "protocol. Value: 'X'", kind: #""protocol": "X", "lb_algorithm": "ROUND_ROBIN""#),
            post("", 400, "lb_algorithm. Value: 'None'. Mandatory", kind: #""protocol": "TCP""#),
            post("", 501, "PROXY", kind: #""protocol": "PROXYV2", "lb_algorithm": "ROUND_ROBIN""#),
            post("", 501, "address and port", kind: #""protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT""#),
            post(#""session_persistence": {"type": "X"}"#, 400, "session_persistence.type"),
            post(#""session_persistence": {}"#, 400, "session_persistence.type"),
            post(#""session_persistence": {"type": "APP_COOKIE", "cookie_name": "x"}"#, 501, "cookie of an application"),
            post(#""session_persistence": {"type": "HTTP_COOKIE", "cookie_name": "x"}"#, 400, "cookie_name"),
            post(#""session_persistence": {"type": "SOURCE_IP", "persistence_timeout": 5}"#, 400, "only for UDP and SCTP"),
            post(#""tls_enabled": true"#, 501, "TLS with members"),
            post(#""members": [{"address": "::1", "protocol_port": 1}, {"address": "0::1", "protocol_port": 1}]"#, 409, "Another member"),
            ("PUT", "pools/\(id)", #"{"pool": {"protocol": "TCP"}}"#, 400, "Unknown attribute: protocol"),
            ("PUT", "pools/x", #"{"pool": {}}"#, 404, "Pool x not found."), ("GET", "pools/x", nil, 404, "Pool x not found."),
            ("DELETE", "pools/x", nil, 404, "Pool x not found."),
        ]
    }

    private func memberRefusals(_ pool: String, _ id: String, _ unknown: String) -> [Refusal] {
        let path = "pools/\(pool)/members"
        func post(_ members: String, _ status: Int, _ words: String) -> Refusal {
            ("POST", path, "{\"member\": {\(members)}}", status, words)
        }
        let place = #""address": "192.0.2.5", "protocol_port": 80"#
        return [
            post("", 400, "address. Value: 'None'. Mandatory"),
            post(#""address": "192.0.2.5""#, 400, "protocol_port. Value: 'None'. Mandatory"),
            post(#""address": "web.example", "protocol_port": 80"#, 400, "IPv4 or IPv6 format"),
            post(#""address": "0.0.0.0", "protocol_port": 80"#, 400, "one host"),
            post(place + #", "weight": 257"#, 400, "lower or equal to 256"), post(place + #", "weight": -1"#, 400, "greater or equal to 0"),
            post(place + #", "backup": "x""#, 400, "backup"), post(place + #", "monitor_port": 81"#, 501, "monitor_port"),
            post(place + #", "monitor_address": "192.0.2.6""#, 501, "monitor_address"),
            post(place + #", "monitor_port": 0"#, 400, "monitor_port"),
            post(place + #", "subnet_id": "x""#, 400, "subnet_id"),
            post(
                #""address": "192.0.2.1", "protocol_port": 8080"#, 409,
                "Another member on this pool is already using ip 192.0.2.1 on protocol_port 8080"),
            ("POST", "pools/x/members", "{\"member\": {\(place)}}", 404, "Pool x not found."),
            ("GET", "pools/x/members", nil, 404, "Pool x not found."),
            ("GET", path + "/x", nil, 404, "Member x not found."), ("DELETE", path + "/x", nil, 404, "Member x not found."),
            ("PUT", path + "/x", #"{"member": {}}"#, 404, "Member x not found."),
            ("PUT", path + "/\(id)", #"{"member": {"address": "192.0.2.9"}}"#, 400, "Unknown attribute: address"),
            ("PUT", path, #"{"members": 7}"#, 400, "should be a list"), ("PUT", path, #"{}"#, 400, "Mandatory"),
            ("PUT", path, "{\"members\": [{\(place)}, {\(place)}]}", 409, "Another member"),
            (
                "PUT", path,
                #"{"members": [{"address": "192.0.2.1", "protocol_port": 8080}, {"address": "192.0.2.1", "protocol_port": 8080}]}"#, 400,
                "only once"
            ),
            ("PUT", path, #"{"members": [{}]}"#, 400, "members[0].address"),
            (
                "PUT", path,
                "{\"members\": [\((0...1000).map { "{\"address\": \"192.0.2.5\", \"protocol_port\": \($0 + 1)}" }.joined(separator: ","))]}",
                400, "1000 members"
            ),
        ]
    }

    private func monitorRefusals(_ pool: String, _ unknown: String) -> [Refusal] {
        func post(_ members: String, _ status: Int, _ words: String, of pool: String? = nil) -> Refusal {
            ("POST", "healthmonitors", "{\"healthmonitor\": {\(pool.map { "\"pool_id\": \"\($0)\", " } ?? "")\(members)}}", status, words)
        }
        let times = #""delay": 5, "timeout": 5, "max_retries": 3"#
        return [
            post("\"type\": \"TCP\", " + times, 400, "pool_id. Value: 'None'. Mandatory"),
            post("\"type\": \"TCP\", " + times, 404, "Pool \(unknown) not found.", of: unknown),
            post("\"type\": \"X\", " + times, 400, "type. Value: 'X'", of: pool),
            post("\"type\": \"SCTP\", " + times, 501, "SCTP", of: pool),
            post("\"type\": \"UDP-CONNECT\", " + times, 400, "only supported for pools of type UDP/SCTP", of: pool),
            post(#""type": "TCP", "timeout": 5, "max_retries": 3"#, 400, "delay. Value: 'None'. Mandatory", of: pool),
            post(#""type": "TCP", "delay": 5, "timeout": 6, "max_retries": 3"#, 400, "longer than the delay", of: pool),
            post(#""type": "TCP", "delay": 0, "timeout": 0, "max_retries": 3"#, 400, "one second at least", of: pool),
            post(#""type": "TCP", "delay": 5, "timeout": 5, "max_retries": 11"#, 400, "max_retries", of: pool),
            post(
                "\"type\": \"TCP\", \"url_path\": \"/x\", " + times, 400, "url_path is not a valid option for health monitors of type TCP",
                of: pool),
            post("\"type\": \"HTTP\", \"url_path\": \"x\", " + times, 400, "url_path", of: pool),
            post("\"type\": \"HTTP\", \"url_path\": \"/x y\", " + times, 400, "url_path", of: pool),
            post("\"type\": \"HTTP\", \"expected_codes\": \"2xx\", " + times, 400, "expected_codes", of: pool),
            post("\"type\": \"HTTP\", \"expected_codes\": \"999\", " + times, 400, "expected_codes", of: pool),
            post("\"type\": \"HTTP\", \"http_method\": \"BREW\", " + times, 400, "http_method", of: pool),
            post("\"type\": \"HTTP\", \"http_version\": 2, " + times, 400, "http_version", of: pool),
            post("\"type\": \"HTTP\", \"domain_name\": \"a.example\", " + times, 400, "'http_version' must be specified", of: pool),
            post("\"type\": \"HTTP\", \"domain_name\": \"a.example\", \"http_version\": 1.0, " + times, 400, "http_version 1.0", of: pool),
            ("GET", "healthmonitors/x", nil, 404, "HealthMonitor x not found."),
            ("DELETE", "healthmonitors/x", nil, 404, "HealthMonitor x not found."),
            ("PUT", "healthmonitors/x", #"{"healthmonitor": {}}"#, 404, "HealthMonitor x not found."),
        ]
    }

    private func quotaRefusals() -> [Refusal] {
        [
            ("PUT", "quotas/x", #"{"quota": {"listener": 1}}"#, 403, "Policy"), ("DELETE", "quotas/x", nil, 403, "Policy"),
            ("GET", "quotas/x", nil, 403, "Policy"),
            ("POST", "l7policies", #"{"l7policy": {}}"#, 501, "L7 policies"), ("POST", "flavors", #"{}"#, 501, "flavors"),
            ("GET", "l7policies/x", nil, 404, "L7Policy x not found."),
        ]
    }

    @Test("Names, descriptions and tags can have any characters, and are found by them byte for byte")
    func names() async throws {
        try await Bench.run { bench in
            let names = [
                "é", "e\u{301}", "\u{0}\u{1F} \"\\", "日本語 🏔", "../..", "%2F&x=1#", "'; DROP TABLE entry; --",
                "<img src=x onerror=alert(1)>", "\u{202E}x",
            ]
            for name in names {
                let quoted = JSONWriting.string(name)
                let response = try bench.ask(
                    "POST", "loadbalancers", "{\"loadbalancer\": {\"name\": \(quoted), \"description\": \(quoted), \"tags\": [\(quoted)]}}")
                #expect(response.status == 201, "\(response.body)")
                #expect(try member(response.body, "loadbalancer", "name").map { Array($0.utf8) } == Array(name.utf8))
                #expect(try member(response.body, "loadbalancer", "tags", "0").map { Array($0.utf8) } == Array(name.utf8))
                // An escaped NUL is refused before any room sees it.
                if name.contains("\0") { continue }
                let escaped = name.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                let found = try bench.ask("GET", "loadbalancers?name=\(escaped)").body
                #expect(try column(found, "loadbalancers", "name").map { Array($0.utf8) } == [Array(name.utf8)])
                if !name.contains(",") {
                    #expect(try column(bench.ask("GET", "loadbalancers?tags=\(escaped)").body, "loadbalancers", "id").count == 1)
                }
            }
        }
    }
}

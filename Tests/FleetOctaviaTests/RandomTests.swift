import FleetStore
import FleetTestSupport
import JSON
import LBaaS
import TestSupport
import Testing

@testable import FleetModel
@testable import FleetOctavia

@Suite struct RandomTests {
    @Test("After any requests each part is that of an object, each address that of a load balancer, and all of it goes", arguments: 0..<4)
    func sequences(_ round: Int) async throws {
        let seed = UInt64.random(in: 0...99_999)
        try await Bench.run { bench in
            var client = RandomClient(bench, seed: seed)
            for step in 0..<250 {
                try client.act()
                check(bench, "seed \(seed), step \(step): \(client.last)")
            }
            try bench.settle()
            check(bench, "seed \(seed), at the end")
            for list in ["loadbalancers", "listeners", "pools", "healthmonitors"] {
                let statuses = try column(bench.ask("GET", list, as: "root").body, list, "provisioning_status")
                #expect(statuses.allSatisfy { $0 == "ACTIVE" }, "seed \(seed): \(list) \(statuses)")
            }
            for id in try column(bench.ask("GET", "loadbalancers").body, "loadbalancers", "id") {
                #expect(try bench.ask("DELETE", "loadbalancers/\(id)?cascade=true").status == 204, "seed \(seed)")
            }
            try bench.settle()
            for prefix in ["octavia/", "wanted/", "address/"] {
                #expect(try bench.store.list(prefix).entries.map(\.key) == [], "seed \(seed)")
            }
        }
    }

    private func check(_ bench: Bench, _ place: String) {
        let faults = bench.cache.read { state -> [String] in
            var faults: [String] = []
            for entry in state.loadBalancers.ordered {
                let record = entry.record
                if state.addresses[record.group]?[record.address] != record.head.id { faults.append("\(record.head.id) has no address") }
            }
            for (group, addresses) in state.addresses {
                for (address, id) in addresses where state.loadBalancers[id]?.record.address != address {
                    faults.append("the address \(address) of \(group) is of nobody")
                }
            }
            for (worker, wanted) in state.wanted {
                for (id, part) in wanted.loadBalancers {
                    guard let listener = state.listeners[id]?.record, listener.head.change != .delete,
                        let parent = state.loadBalancers[listener.loadBalancer]?.record, parent.head.change != .delete,
                        state.workers(of: parent).contains(worker)
                    else {
                        faults.append("the part \(id) of \(worker) has no listener")
                        continue
                    }
                    let pool = listener.defaultPool.flatMap { state.pools[$0]?.record }
                    if listener.defaultPool != nil, pool == nil { faults.append("\(id) has a pool that is not there") }
                    if part.text != WantedPart.text(of: Translation.loadBalancer(listener, pool, of: parent)) {
                        faults.append("the part \(id) is old")
                    }
                }
                for address in wanted.virtualIPs.keys {
                    let owner = state.loadBalancers.ordered.first {
                        $0.record.address.description == address && $0.record.head.change != .delete
                    }
                    if owner == nil { faults.append("the virtual IP \(address) of \(worker) is of nobody") }
                }
            }
            for entry in state.listeners.ordered where entry.record.head.change != .delete {
                guard let parent = state.loadBalancers[entry.record.loadBalancer]?.record, parent.head.change != .delete else { continue }
                for worker in state.workers(of: parent) where state.wanted[worker]?.loadBalancers[entry.record.head.id] == nil {
                    faults.append("\(worker) has no part of \(entry.record.head.id)")
                }
            }
            return faults
        }
        #expect(faults.isEmpty, "\(place): \(faults)")
    }
}

/// Sends random requests, most of which make sense.
private struct RandomClient {
    let bench: Bench
    var random: SeededGenerator
    var last = ""

    init(_ bench: Bench, seed: UInt64) {
        self.bench = bench
        random = SeededGenerator(seed: seed)
    }

    private mutating func any(_ list: String) throws -> String {
        let ids = try column(bench.ask("GET", list).body, String(list.split(separator: "/").last ?? ""), "id")
        return ids.randomElement(using: &random) ?? "none"
    }

    private mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func act() throws {
        switch number(0..<20) {
        case 0, 1:
            let address = Bool.random(using: &random) ? "" : "\"vip_address\": \"10.20.0.\(number(1..<20))\""
            try send("POST", "loadbalancers", "{\"loadbalancer\": {\(address)}}")
        case 2, 3:
            let kind = ["TCP", "HTTP", "UDP"][number(0..<3)]
            try send(
                "POST", "listeners",
                "{\"listener\": {\"loadbalancer_id\": \"\(any("loadbalancers"))\", \"protocol\": \"\(kind)\", \"protocol_port\": \(number(1..<6))}}"
            )
        case 4, 5:
            let parent =
                Bool.random(using: &random)
                ? "\"listener_id\": \"\(try any("listeners"))\"" : "\"loadbalancer_id\": \"\(try any("loadbalancers"))\""
            let kind = ["TCP", "HTTP", "UDP"][number(0..<3)]
            try send("POST", "pools", "{\"pool\": {\(parent), \"protocol\": \"\(kind)\", \"lb_algorithm\": \"ROUND_ROBIN\"}}")
        case 6, 7:
            let member = "{\"address\": \"192.0.2.\(number(1..<9))\", \"protocol_port\": \(number(1..<4)), \"weight\": \(number(0..<3))}"
            try send("POST", "pools/\(any("pools"))/members", "{\"member\": \(member)}")
        case 8:
            let members = (0..<number(0..<5)).map { "{\"address\": \"192.0.2.\($0 + 1)\", \"protocol_port\": 1}" }
            try send("PUT", "pools/\(any("pools"))/members", "{\"members\": [\(members.joined(separator: ", "))]}")
        case 9:
            let body =
                "{\"healthmonitor\": {\"pool_id\": \"\(try any("pools"))\", \"type\": \"TCP\", \"delay\": 5, \"timeout\": 5, \"max_retries\": 1}}"
            try send("POST", "healthmonitors", body)
        case 10:
            try send(
                "PUT", "loadbalancers/\(any("loadbalancers"))", "{\"loadbalancer\": {\"admin_state_up\": \(Bool.random(using: &random))}}")
        case 11: try send("PUT", "listeners/\(any("listeners"))", "{\"listener\": {\"default_pool_id\": \"\(any("pools"))\"}}")
        case 12: try send("DELETE", "listeners/\(any("listeners"))", nil)
        case 13: try send("DELETE", "pools/\(any("pools"))", nil)
        case 14: try send("DELETE", "healthmonitors/\(any("healthmonitors"))", nil)
        case 15:
            let pool = try any("pools")
            if pool != "none" { try send("DELETE", "pools/\(pool)/members/\(any("pools/\(pool)/members"))", nil) }
        case 16: try send("DELETE", "loadbalancers/\(any("loadbalancers"))" + (Bool.random(using: &random) ? "?cascade=true" : ""), nil)
        case 17: try send("PUT", "loadbalancers/\(any("loadbalancers"))/failover", nil)
        default:
            last = "settle"
            try bench.settle()
        }
    }

    private mutating func send(_ method: String, _ path: String, _ body: String?) throws {
        let response = try bench.ask(method, path, body)
        last = "\(method) \(path) \(body ?? "-") -> \(response.status)"
        #expect([200, 201, 202, 204, 400, 404, 409, 501].contains(response.status), "\(last): \(response.body)")
        // Most of the time what was done is settled before the next request.
        if number(0..<3) > 0 { try bench.settle() }
    }
}

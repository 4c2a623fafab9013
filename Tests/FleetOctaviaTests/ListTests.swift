import FleetModel
import FleetStore
import FleetTestSupport
import LBaaS
import TestSupport
import Testing

@Suite struct ListTests {
    @Test("Lists are filtered by any field, sorted by several, and show the fields that are asked for")
    func queries() async throws {
        try await Bench.run { bench in
            for (name, tags, isUp) in [
                ("b", #"["red", "new"]"#, true), ("a", #"["red"]"#, false), ("b", "[]", false), ("c", #"["new"]"#, true),
            ] {
                _ = try bench.create(
                    "loadbalancer",
                    #""name": "\#(name)", "tags": \#(tags), "admin_state_up": \#(isUp), "vip_network_id": "\#(network(bench))""#)
            }
            func names(_ query: String) throws -> String {
                try column(bench.ask("GET", "loadbalancers?" + query).body, "loadbalancers", "name").joined()
            }
            #expect(
                try names("") == "babc" && names("name=b") == "bb" && names("name=b&admin_state_up=true") == "b" && names("name=x") == "")
            #expect(
                try names("admin_state_up=False") == "ab" && names("provisioning_status=PENDING_CREATE") == "babc"
                    && names("provisioning_status=ERROR") == "")
            #expect(
                try names("sort=name") == "abbc" && names("sort=name:desc") == "cbba" && names("sort=admin_state_up,name:desc") == "bacb")
            #expect(try names("sort_key=name&sort_dir=desc") == "cbba" && names("sort_key=admin_state_up,name") == "abbc")
            #expect(
                try names("tags=red") == "ba" && names("tags=red,new") == "b" && names("tags-any=red,new") == "bac"
                    && names("not-tags=red") == "bc")
            #expect(
                try names("not-tags-any=red,new") == "b" && names("limit=2") == "ba" && names("limit=0") == "babc"
                    && names("limit=infinite") == "babc")
            let shown = try bench.ask("GET", "loadbalancers?fields=id&fields=name&limit=1").body
            #expect(try member(shown, "loadbalancers", "0", "name") == "b" && member(shown, "loadbalancers", "0", "vip_address") == nil)
            let id = try #require(try member(shown, "loadbalancers", "0", "id"))
            #expect(try member(bench.ask("GET", "loadbalancers/\(id)?fields=name").body, "loadbalancer", "id") == nil)
        }
    }

    private func network(_ bench: Bench) throws -> String {
        try column(bench.ask("GET", "/v2/networks?name=blue").body, "networks", "id").first ?? ""
    }

    @Test("Pages follow each other by their links, in both directions, in any order", arguments: ["", "&sort=name:desc"])
    func pages(_ sort: String) async throws {
        try await Bench.run { bench in
            let network = try network(bench)
            for number in 0..<25 { _ = try bench.create("loadbalancer", #""name": "\#(number % 7)", "vip_network_id": "\#(network)""#) }
            let all = try column(bench.ask("GET", "loadbalancers?fields=id" + sort).body, "loadbalancers", "id")
            var seen: [String] = []
            var path = "loadbalancers?limit=10" + sort
            var previous: String?
            for _ in 0..<5 {
                let body = try bench.ask("GET", path).body
                let page = try column(body, "loadbalancers", "id")
                seen += page
                let links = Dictionary(
                    uniqueKeysWithValues: zip(
                        try column(body, "loadbalancers_links", "rel"), try column(body, "loadbalancers_links", "href")))
                previous = links["previous"] ?? previous
                guard let next = links["next"] else { break }
                #expect(next.hasPrefix("http://fleet.example/v2.0/lbaas/loadbalancers?"))
                path = String(next.dropFirst("http://fleet.example".count))
            }
            #expect(seen == all && all.count == 25)
            let back = try bench.ask("GET", String(try #require(previous).dropFirst("http://fleet.example".count))).body
            #expect(try column(back, "loadbalancers", "id") == Array(all[10..<20]))
        }
    }

    @Test("A limit of any size is a page, whose links have one that is no larger than a list", arguments: ["", "&page_reverse=true"])
    func largeLimits(_ direction: String) async throws {
        try await Bench.run { bench in
            let network = try network(bench)
            let ids = try (0..<3).map { try bench.create("loadbalancer", #""name": "\#($0)", "vip_network_id": "\#(network)""#) }
            for path in ["loadbalancers", "listeners", "pools", "healthmonitors"] {
                for limit in [Int.max, .max - 1, 1 << 62, 1_000_001] {
                    #expect(try bench.ask("GET", "\(path)?limit=\(limit)\(direction)").status == 200)
                    let marked = try bench.ask("GET", "\(path)?limit=\(limit)&marker=\(ids[1])\(direction)")
                    guard path == "loadbalancers" else { continue }
                    #expect(try column(marked.body, path, "id") == [ids[direction.isEmpty ? 2 : 0]])
                    let links = try column(marked.body, path + "_links", "href")
                    #expect(links.count == 1 && links[0].contains("limit=1000000&"), "\(links)")
                }
                #expect(try bench.ask("GET", "\(path)?limit=9223372036854775808\(direction)").status == 400)
            }
        }
    }

    @Test("A list of 10,000 load balancers is whole, and a page or one of them by its name does not take the time of all")
    func many() async throws {
        let group = FleetGroup(name: "big", workers: ["w1"], addresses: [try FleetModel.AddressRange("10.64.0.0/16")], interface: nil)
        try await onThread {
            let store = MemoryStore()
            let bench = try Bench(store, groups: [group])
            let project = try #require(bench.projects["ann"])
            var revision = 0
            for batch in 0..<200 {
                var transaction = StoreTransaction()
                for number in batch * 50..<(batch + 1) * 50 {
                    let head = ObjectHead(
                        id: "lb-\(number)", project: project, name: "n\(number)", created: Timestamp(microseconds: Int64(number)))
                    let record = LoadBalancerRecord(
                        head, group: "big", address: .v4(0x0A40_0001 + UInt32(number)), provider: "lbaas", preferredWorker: 0)
                    transaction.create(FleetKey.object(.loadBalancer, id: head.id).text, record.json)
                }
                revision = try store.commit(transaction)
            }
            #expect(bench.cache.wait(for: revision, within: .seconds(30)))
            let whole = try bench.ask("GET", "loadbalancers").body
            #expect(try column(whole, "loadbalancers", "name") == (0..<10_000).map { "n\($0)" })
            #expect(try column(bench.ask("GET", "loadbalancers?name=n9999").body, "loadbalancers", "id") == ["lb-9999"])
            let page = try bench.ask("GET", "loadbalancers?limit=3&marker=lb-5000").body
            #expect(try column(page, "loadbalancers", "id") == ["lb-5001", "lb-5002", "lb-5003"])
            #expect(try column(bench.ask("GET", "loadbalancers?sort=name:desc&limit=1").body, "loadbalancers", "id") == ["lb-9999"])
            let clock = ContinuousClock()
            let client = try HTTPTestClient(bench.port)
            let time = try clock.measure { for _ in 0..<20 { try bench.ask("GET", "loadbalancers?name=n77", client: client) } }
            let listTime = try clock.measure { for _ in 0..<5 { try bench.ask("GET", "loadbalancers", client: client) } }
            #expect(time / 20 < listTime / 5, "one: \(time / 20), all: \(listTime / 5)")
        }
    }
}

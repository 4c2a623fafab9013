import Testing
import WorkerHarness

extension RealServers {
    /// Every action, from the client to the driver and back.
    @Suite struct Actions {
        @Test func aLoadBalancerIsCreatedSuspendedEnabledAndDeleted() async throws {
            try await withWorker { gearmand, _ in
                let created = try await gearmand.ask(job("create", loadBalancer("web", weights: 1, 0)))
                #expect(created.isPass)
                #expect(created["hpcs_action"] == "create")
                #expect(created["loadBalancers"][0]["nodes"].elements.map { $0["condition"] } == ["ENABLED", "ENABLED"])
                #expect(try await gearmand.nodes() == ["web-0": "UP", "web-1": "DOWN"])
                #expect(try await gearmand.ask(job("SUSPEND")) == ["hpcs_action": "SUSPEND", "hpcs_response": "PASS"])
                #expect(try await gearmand.nodes() == ["web-0": "DOWN", "web-1": "DOWN"])
                try await gearmand.succeed(job("ENABLE", named("web")))
                #expect(try await gearmand.nodes() == ["web-0": "UP", "web-1": "DOWN"])
                #expect(try await gearmand.ask(job("DELETE")) == ["hpcs_action": "DELETE", "hpcs_response": "PASS"])
                for action in ["STATS", "METRICS"] {
                    let reply = try await gearmand.ask(job(action))
                    #expect(reply["status"] == "DELETED")
                    #expect(reply.failure == "Invalid operation \(action) on a deleted LB.")
                }
            }
        }

        @Test func anUpdateIsTheFullStateAndACreationIsNot() async throws {
            try await withWorker { gearmand, _ in
                try await gearmand.succeed(job("CREATE", loadBalancer("a", port: 1), loadBalancer("b", port: 2)))
                try await gearmand.succeed(job("CREATE", loadBalancer("c", port: 3)))
                #expect(try await gearmand.nodes().keys.sorted() == ["a-0", "b-0", "c-0"])
                try await gearmand.succeed(job("UPDATE", loadBalancer("c", port: 3, weights: 1, 2), loadBalancer("d", port: 4)))
                #expect(try await gearmand.nodes().keys.sorted() == ["c-0", "c-1", "d-0"])
                try await gearmand.succeed(["hpcs_action": "UPDATE", "loadBalancers": []])
                #expect(try await gearmand.nodes().isEmpty)
            }
        }

        @Test func aJobNamesWhichLoadBalancersItMeans() async throws {
            try await withWorker { gearmand, _ in
                let all = (1...3).map { loadBalancer("lb\($0)", port: $0) }
                try await gearmand.succeed(job("CREATE", all))
                try await gearmand.succeed(job("SUSPEND", named("lb2")))
                try await gearmand.succeed(job("SUSPEND", named("lb2")))
                #expect(try await gearmand.nodes() == ["lb1-0": "UP", "lb2-0": "DOWN", "lb3-0": "UP"])
                #expect(try await gearmand.nodes(of: named("lb2")) == ["lb2-0": "DOWN"])
                try await gearmand.succeed(job("DELETE", named("lb1")))
                try await gearmand.succeed(job("DELETE", named("lb1")))
                #expect(try await gearmand.ask(job("STATS", named("lb1")))["status"] == "DELETED")
                let failure = try await gearmand.ask(job("ENABLE", named("lb2"), named("lb9"))).failure
                #expect(failure?.contains("loadBalancers[1]") == true && failure?.contains("lb9") == true)
                #expect(try await gearmand.nodes() == ["lb2-0": "DOWN", "lb3-0": "UP"], "all or nothing")
            }
        }

        @Test func aJobCanKeepALoadBalancerSuspended() async throws {
            try await withWorker { gearmand, _ in
                let entry: JSON = [
                    "id": "lb", "protocol": "TCP", "port": 1, "suspended": true,
                    "nodes": [["id": "n", "address": "10.0.0.1", "port": 80]],
                ]
                try await gearmand.succeed(["hpcs_action": "UPDATE", "loadBalancers": [entry]])
                #expect(try await gearmand.nodes() == ["n": "DOWN"])
                let again = try await gearmand.ask(["hpcs_action": "UPDATE", "loadBalancers": [entry], "hpcs_dry_run": true])
                #expect(again["plan"] == [])
                try await gearmand.succeed(job("ENABLE", named("lb")))
                #expect(try await gearmand.nodes() == ["n": "UP"])
            }
        }

        @Test func aDryRunTellsThePlanAndChangesNothing() async throws {
            try await withWorker { gearmand, _ in
                let creation = job("CREATE", loadBalancer("web"), dryRun: true)
                for _ in 0..<2 {
                    let plan = try await gearmand.ask(creation)["plan"].texts
                    #expect(plan.first?.hasPrefix("create load balancer 'web'") == true && plan.count == 2, "\(plan)")
                }
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                #expect(try await gearmand.ask(creation)["plan"] == [])
                #expect(try await gearmand.ask(job("SUSPEND", dryRun: true))["plan"] == ["suspend load balancer 'web'"])
                #expect(try await gearmand.ask(job("ENABLE", dryRun: true))["plan"] == [])
                let removal = try await gearmand.ask(["hpcs_action": "UPDATE", "loadBalancers": [], "hpcs_dry_run": true])
                #expect(removal["plan"].texts.last == "delete load balancer 'web'")
                #expect(try await gearmand.ask(job("DELETE", dryRun: true))["plan"] == removal["plan"])
                #expect(try await gearmand.nodes() == ["web-0": "UP"])
            }
        }

        @Test func metricsTellEachByteOnce() async throws {
            try await withWorker(dummy: "bytes_per_report = 1000") { gearmand, _ in
                try await gearmand.succeed(job("CREATE", loadBalancer("a", port: 1), loadBalancer("b", port: 2)))
                var end: JSON = .null
                for round in 0..<3 {
                    let reply = try await gearmand.ask(job("METRICS"))
                    #expect(reply.isPass)
                    let entries: JSON = [
                        ["id": "a", "protocol": "tcp", "bytes_out": 1000], ["id": "b", "protocol": "tcp", "bytes_out": 1000],
                    ]
                    #expect(reply["loadBalancers"] == entries)
                    let (from, to) = (try #require(reply["utc_start"].text), try #require(reply["utc_end"].text))
                    #expect(from.wholeMatch(of: #/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}/#) != nil && from <= to)
                    if round > 0 { #expect(reply["utc_start"] == end) }
                    end = reply["utc_end"]
                }
                let own = try await gearmand.ask(job("METRICS", named("b")))["loadBalancers"]
                #expect(own == [["id": "b", "protocol": "tcp", "bytes_out": 1000]])
                try await gearmand.succeed(job("SUSPEND", named("a")))
                let entries = try await gearmand.ask(job("METRICS"))["loadBalancers"].elements
                #expect(entries.map { $0["bytes_out"] } == [0, 1000])
                let totals = try await gearmand.ask(["hpcs_action": "METRICS", "hpcs_totals": true])["loadBalancers"].elements
                #expect(totals.map { $0["bytes_out_total"] } == [3000, 6000])
            }
        }

        @Test func discoverTellsTheVersion() async throws {
            try await withWorker { gearmand, _ in
                let reply = try await gearmand.ask(job("Discover"))
                #expect(reply.isPass)
                #expect(reply["version"].text?.isEmpty == false && reply["release"].text?.isEmpty == false)
            }
        }

        @Test func theReplyIsTheRequestByteForByteWithFieldsAdded() async throws {
            try await withWorker { gearmand, _ in
                let request = #"{ "z":1.0,"hpcs_action":"sUsPeNd", "n":12345678901234567890,"é":"\u00e9\/", "a" : [ 1e2,null ] }"#
                let reply = String(decoding: try await gearmand.ask(bytes: Array(request.utf8)), as: UTF8.self)
                #expect(reply.hasPrefix(#"{ "z":1.0,"hpcs_action":"sUsPeNd", "n":12345678901234567890,"é":"\u00e9\/", "a" : [ 1e2,null ]"#))
                #expect(try JSON(bytes: Array(reply.utf8)).isPass)
            }
        }

        @Test func jobsOfManyClientsAreEachAnsweredTheirOwn() async throws {
            try await withWorker { gearmand, worker in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for client in 0..<16 {
                        group.addTask {
                            let id = "client-\(client)"
                            let reply = try await gearmand.ask(job("CREATE", loadBalancer(id, port: 9000 + client)))
                            #expect(reply.isPass && reply["loadBalancers"][0]["id"] == .string(id))
                            #expect(try await gearmand.nodes(of: named(id)) == ["\(id)-0": "UP"])
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await worker.log.jobs(32).count == 32)
            }
        }
    }
}

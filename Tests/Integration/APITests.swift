import Foundation
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// The API of a running worker.
    @Suite struct API {
        @Test func theReplyToAJobIsByteForByteThatOfGearman() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let api = try APIClient(in: rig)
                var options = rig.options(gearmand)
                options.configuration = api.section
                let worker = try await rig.startWorker(options)
                var jobs = BadInput.jobs
                jobs.append(
                    (
                        "CREATE",
                        Array(
                            #"{ "hpcs_action":"create", "x": [1.0, "é"],  "loadBalancers":[{"id":"a","protocol":"TCP","port":"81","nodes":[{"id":1,"address":"10.0.0.1","port":80}]}]}"#
                                .utf8)
                    ))
                jobs.append(("STATS", Array(#"{"hpcs_action": "STATS"}"#.utf8)))
                jobs.append(("DISCOVER", Array(#"{"hpcs_action": "DISCOVER"}"#.utf8)))
                jobs.append(("DIAGNOSTICS", Array(#"{"hpcs_action": "DIAGNOSTICS"}"#.utf8)))
                jobs.append(("an unknown field", Array(#"{"hpcs_action": "STATS", "loadbalancers": []}"#.utf8)))
                jobs.append(("an unknown id", Array(#"{"hpcs_action": "DELETE", "loadBalancers": [{"id": "b"}]}"#.utf8)))
                jobs.append(("a dry run", Array(#"{"hpcs_action": "DELETE", "hpcs_dry_run": true}"#.utf8)))
                for (name, bytes) in jobs {
                    let expected = try await gearmand.ask(bytes: bytes)
                    let response = try await api.submit(bytes)
                    #expect(response.status == 200 && response.body == String(decoding: expected, as: UTF8.self), "\(name)")
                }
                let lines = try await worker.log.jobs(2 * jobs.count)
                #expect(lines.filter { $0["handle"] == "api:bob" }.count == jobs.count)
            }
        }

        @Test func aWorkerWithoutJobServersIsSteeredByTheAPIAlone() async throws {
            try await withAPI { rig, options, api, worker in
                #expect(try await api.curl("/healthz").status == 200)
                #expect(try await api.curl("/readyz").status == 200)
                let created = try await api.submit(try job("CREATE", loadBalancer("shop"), loadBalancer("mail", port: 25)).bytes)
                #expect(try JSON(bytes: Array(created.body.utf8)).isPass)

                let status = try JSON(bytes: Array(try await api.curl("/v1/status").body.utf8))
                #expect(status["load_balancers"] == 2 && status["driver"] == "dummy" && status["job_servers"] == [])
                #expect(status["last_change"]["origin"] == "api:bob" && status["last_change"]["revision"] == status["revision"])
                let list = try JSON(bytes: Array(try await api.curl("/v1/load-balancers").body.utf8))
                #expect(list["loadBalancers"].elements.map { $0["id"] } == ["mail", "shop"])
                let shop = try JSON(bytes: Array(try await api.curl("/v1/load-balancers/shop").body.utf8))
                #expect(shop["status"] == "UP" && shop["nodes"][0]["status"] == "UP" && shop["nodes"][0]["weight"] == 1)
                let head = try await api.curl("/v1/load-balancers/shop", "-I").body
                #expect(head.contains("ETag: \"\(list["revision"])\""))

                let missing = try await api.curl("/v1/load-balancers/none")
                #expect(missing.status == 404 && missing.body.contains("\"code\": \"not_found\""))
                let plan = try await api.curl(
                    "/v1/plan", "-H", "Content-Type: application/json", "-d",
                    #"{"hpcs_action": "DELETE", "loadBalancers": [{"id": "shop"}]}"#)
                #expect(plan.status == 200 && plan.body.contains("shop"))
                #expect(try await api.curl("/v1/load-balancers/shop").status == 200)

                // What was done is there after a restart, and so is the journal.
                #expect(try await worker.end() == .exit(0))
                let again = try rig.spawnWorker(options)
                try await again.says("started")
                let journal = try JSON(bytes: Array(try await api.curl("/v1/journal?limit=10").body.utf8))
                #expect(journal["journal"].elements.map { $0["origin"] } == ["api:bob"])
                #expect(try await api.curl("/v1/load-balancers/mail").status == 200)
            }
        }

        @Test func whoMayNotChangeIsRefusedAndTheWorkerTakesTheNextRequest() async throws {
            try await withAPI { _, _, api, worker in
                let change = try job("CREATE", loadBalancer("shop")).bytes
                #expect(try await api.submit(change, token: "look").status == 403)
                #expect(try await api.submit(change, token: "guess").status == 401)
                #expect(try await api.submit([UInt8](repeating: 0x20, count: 10_000_000)).status == 413)
                #expect(try await api.curl("/v1/jobs", "-d", "{}").status == 415)
                #expect(try await api.curl("/v1/jobs").status == 405)
                #expect(try await api.curl("/v1/nothing").status == 404)
                // One leaves in the middle of a job.
                try await onThread { [port = api.port] in
                    let head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer work\r\n"
                    try HTTPTestClient(port).send("\(head)Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
                }
                let list = try JSON(bytes: Array(try await api.curl("/v1/load-balancers").body.utf8))
                #expect(list["loadBalancers"] == [])
                #expect(!worker.log.text.contains("guess") && !worker.log.text.contains("Bearer"))
                #expect(try await worker.end() == .exit(0))
                #expect(!FileManager.default.fileExists(atPath: api.socket))
            }
        }

        @Test func aChangeIsMadeOnlyWhereTheLoadBalancerIsAsItsClientHasReadIt() async throws {
            try await withAPI { _, _, api, _ in
                let created = try await api.submit(try job("CREATE", loadBalancer("shop"), loadBalancer("mail", port: 25)).bytes)
                #expect(created.status == 200)
                let read = try JSON(bytes: Array(try await api.curl("/v1/status").body.utf8))["revision"]
                let match = "If-Match: \"\(read)\""
                #expect(try await api.curl("/v1/load-balancers/mail", "-X", "DELETE").status == 204)
                // Another load balancer has changed, this one has not.
                let suspended = try await api.curl("/v1/load-balancers/shop/suspend", "-X", "POST", "-H", match)
                #expect(suspended.status == 200 && suspended.body.contains("\"status\":\"SUSPENDED\""))
                let stale = try await api.curl("/v1/load-balancers/shop", "-X", "DELETE", "-H", match)
                #expect(stale.status == 412 && stale.body.contains("\"code\": \"precondition\""))
                let plan = try await api.curl("/v1/load-balancers/shop/enable?dry_run=true", "-X", "POST")
                #expect(plan.status == 200 && plan.body.contains("\"plan\": ["))
                #expect(try await api.curl("/v1/load-balancers/shop").body.contains("\"status\":\"SUSPENDED\""))
                #expect(try await api.curl("/v1/load-balancers/shop/enable", "-X", "POST").status == 200)
                #expect(try await api.curl("/v1/load-balancers/none/suspend", "-X", "POST").status == 404)
            }
        }

        @Test func aLoadBalancerThatIsPutIsThatOfTheBody() async throws {
            try await withAPI { _, _, api, _ in
                func put(_ id: String, _ body: String, _ more: String...) async throws -> (status: Int, body: String) {
                    let type = "Content-Type: application/json"
                    return try await api.curl(
                        "/v1/load-balancers/\(id)\(more.first ?? "")", "-X", "PUT", "-H", type, "-H", more.last ?? type, "-d", body)
                }
                let nodes = #""nodes": [{"id": "n", "address": "10.0.0.1", "port": 80}]"#
                let made = try await put("shop", "{\"protocol\": \"TCP\", \"port\": 81, \(nodes)}")
                #expect(made.status == 200 && made.body.contains(#""id":"shop","protocol":"TCP","port":81"#))
                // What is read can be put back.
                let again = try await put("shop", try await api.curl("/v1/load-balancers/shop").body)
                #expect(again == made)
                let wrong = try await put("shop", "{\"protocol\": \"TCP\", \"port\": 70000, \(nodes)}")
                #expect(wrong.status == 400 && wrong.body.contains("\"pointer\": \"/loadBalancers/0/port\""))
                #expect(try await put("shop", "{\"id\": \"mail\", \"protocol\": \"TCP\", \(nodes)}").status == 400)
                let taken = try await put("mail", "{\"protocol\": \"TCP\", \"port\": 81, \(nodes)}")
                #expect(taken.status == 409 && taken.body.contains("listens already"))
                #expect(
                    try await put("web", "{\"protocol\": \"TCP\", \"port\": 82, \(nodes)}", "?dry_run=true", "X: y").body.contains(
                        "\"plan\""))
                #expect(try await put("web", "{\"protocol\": \"TCP\", \"port\": 82, \(nodes)}", "", "If-Match: \"1\"").status == 412)
                let list = try JSON(bytes: Array(try await api.curl("/v1/load-balancers").body.utf8))
                #expect(list["loadBalancers"].elements.map { $0["id"] } == ["shop"])
            }
        }

        @Test func patchesOfTwoNodesAtOnceBothHold() async throws {
            try await withAPI { _, _, api, _ in
                let created = try await api.submit(try job("CREATE", loadBalancer("shop", weights: 1, 1)).bytes)
                #expect(created.status == 200)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for node in 0...1 {
                        group.addTask {
                            for weight in 2...6 {
                                let response = try await api.curl(
                                    "/v1/load-balancers/shop/nodes/shop-\(node)", "-X", "PATCH", "-H", "Content-Type: application/json",
                                    "-d", "{\"weight\": \(weight)}")
                                #expect(response.status == 200, "\(response)")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let shop = try JSON(bytes: Array(try await api.curl("/v1/load-balancers/shop").body.utf8))
                #expect(shop["nodes"].elements.map { $0["weight"] } == [6, 6])
            }
        }

        @Test func aSocketThatIsConfiguredAndCannotBeMadeEndsTheStart() async throws {
            try await withRig { rig in
                var options = rig.options()
                options.configuration = "[gearman]\nservers =\n[api]\nsocket = \(rig.path("missing/api.sock"))\n"
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(78))
                #expect(errors.contains("socket: the folder \(rig.path("missing")) cannot be written to"))
            }
        }
    }
}

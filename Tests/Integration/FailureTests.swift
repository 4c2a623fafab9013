import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// The appliance that fails, is slow, or cannot do what is asked.
    @Suite struct Failures {
        @Test(arguments: ["create", "update", "suspend", "enable", "delete", "status", "statistics"])
        func aFailureOfTheDriverFailsTheJobAndChangesNothing(operation: String) async throws {
            try await withWorker(dummy: "fail = \(operation):bad") { gearmand, worker in
                let creation = job("CREATE", loadBalancer("bad", port: 1), loadBalancer("good", port: 2))
                let isCreated = try await gearmand.ask(creation).isPass
                #expect(isCreated == (operation != "create"))
                let attempt: JSON =
                    switch operation {
                    case "create": creation
                    case "update": job("UPDATE", loadBalancer("bad", port: 1, weights: 5), loadBalancer("new", port: 3))
                    case "suspend", "delete": job(operation)
                    case "enable": job("CREATE", loadBalancer("bad", port: 1))
                    case "status": job("STATS")
                    default: job("METRICS")
                    }
                if operation == "enable" { #expect(try await gearmand.ask(job("SUSPEND")).isPass) }
                let reply = try await gearmand.ask(attempt)
                #expect(reply.failure?.contains("the dummy driver was told to fail \(operation) of 'bad'") == true, "\(reply)")
                for node in reply["loadBalancers"][0]["nodes"].elements { #expect(node["condition"] != "ENABLED") }

                // The good one is as it was, and so is the bad one.
                if operation == "create" {
                    #expect(try await gearmand.nodes().isEmpty)
                } else {
                    let plan = try await gearmand.succeed(job("UPDATE", creation["loadBalancers"].elements, dryRun: true))["plan"].texts
                    #expect(plan == (operation == "enable" ? ["enable load balancer 'bad'", "enable load balancer 'good'"] : []))
                }
                try await gearmand.succeed(job("CREATE", loadBalancer("other", port: 4)))
                func failed() throws -> [WorkerLog.Line] { try worker.log.jobs.filter { $0["outcome"] == "FAIL" } }
                try await eventually("the failure is logged") { try !failed().isEmpty }
                #expect(try failed().allSatisfy { $0["error"]?.contains("'bad'") ?? false })
            }
        }

        @Test func ofJobsThatCameTogetherOnlyTheBadOneFails() async throws {
            // The first job is slow, so the others wait and are committed together.
            let section = "fail = create:bad\nslow = create:slow=3000"
            try await withWorker(dummy: section, arguments: ["--concurrency", "12"]) { gearmand, _ in
                async let slow = gearmand.ask(job("CREATE", loadBalancer("slow", port: 1)))
                try await eventually("the slow job runs") { try await gearmand.function(WorkerOptions.function).running == 1 }
                let names = (0..<10).map { $0 == 4 ? "bad" : "good\($0)" }
                let replies = try await withThrowingTaskGroup(of: (String, JSON).self) { group in
                    for (index, name) in names.enumerated() {
                        group.addTask { (name, try await gearmand.ask(job("CREATE", loadBalancer(name, port: 10 + index)))) }
                    }
                    return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                }
                #expect(try await slow.isPass)
                for (name, reply) in replies { #expect(reply.isPass == (name != "bad"), "\(name): \(reply)") }
                #expect(try await gearmand.nodes().count == 10)
            }
        }

        @Test func aSlowChangeKeepsNobodyFromAskingForTheStatus() async throws {
            try await withWorker(dummy: "slow = create:slow=5000") { gearmand, worker in
                try await gearmand.succeed(job("CREATE", loadBalancer("quick", port: 1)))
                async let slow = gearmand.ask(job("CREATE", loadBalancer("slow", port: 2)))
                try await eventually("the slow job runs") { try await gearmand.function(WorkerOptions.function).running == 1 }
                #expect(try await gearmand.nodes() == ["quick-0": "UP"])
                #expect(try await gearmand.function(WorkerOptions.function).running == 1, "the slow job is still in hand")
                #expect(try await slow.isPass)
                try await eventually("the slow job is logged") { try worker.log.jobs.contains { $0["load_balancers"] == "slow" } }
                let line = try worker.log.jobs.last { $0["load_balancers"] == "slow" }
                #expect((Double(line?["ms"] ?? "") ?? 0) >= 5000)
            }
        }

        @Test func whatTheDriverCannotDoIsRefusedBeforeAnythingIsTouched() async throws {
            try await withWorker(dummy: "lacks = UDP, MAGLEV") { gearmand, _ in
                var udp = loadBalancer("udp", port: 53)
                udp["protocol"] = "UDP"
                let failure = try await gearmand.ask(job("CREATE", loadBalancer("good"), udp)).failure
                #expect(failure == "loadBalancers[1].protocol: UDP is beyond the dummy driver")
                var maglev = loadBalancer("maglev", port: 54)
                maglev["algorithm"] = "maglev"
                let refusal = try await gearmand.ask(job("CREATE", maglev)).failure
                #expect(refusal == "loadBalancers[0].algorithm: MAGLEV is beyond the dummy driver")
                #expect(try await gearmand.nodes().isEmpty)
            }
        }

        @Test func nodesThatAreDownAreReported() async throws {
            try await withWorker(dummy: "down = web-1") { gearmand, _ in
                try await gearmand.succeed(job("CREATE", loadBalancer("web", weights: 1, 1, 1)))
                #expect(try await gearmand.nodes() == ["web-0": "UP", "web-1": "DOWN", "web-2": "UP"])
            }
        }

        @Test func archivesAreRefusedByADriverThatKeepsNoLogsAndMadeByOneThatDoes() async throws {
            let archive: JSON = [
                "hpcs_action": "ARCHIVE", "hpcs_object_store_type": "Swift", "hpcs_object_store_basepath": "lbaaslogs",
                "hpcs_object_store_endpoint": "https://example.com/v1/100", "hpcs_object_store_token": "TOKEN",
                "loadBalancers": [["id": "15", "protocol": "HTTP"]],
            ]
            for (section, isDone) in [("archive = no", false), ("archive = yes", true), ("archive = yes\nfail = archive", false)] {
                try await withWorker(dummy: section) { gearmand, _ in
                    try await gearmand.succeed(job("CREATE", loadBalancer("15")))
                    let reply = try await gearmand.ask(archive)
                    #expect(reply.isPass == isDone && (reply.failure == nil) == isDone, "\(section): \(reply)")
                    #expect(reply["hpcs_object_store_token"] == "*****")
                }
            }
        }
    }
}

import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

/// The samples of a text of metrics, by their names with labels.
func samples(_ text: String) -> [String: Double] {
    var samples: [String: Double] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        guard let blank = line.lastIndex(of: " ") else { continue }
        samples[String(line[..<blank])] = Double(line[line.index(after: blank)...])
    }
    return samples
}

/// A file of the project.
private func projectFile(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent(path)
}

extension RealServers {
    /// What a running worker has for Prometheus.
    @Suite struct Metrics {
        private func scrape(_ api: APIClient) async throws -> String {
            let response = try await api.curl("/metrics")
            #expect(response.status == 200)
            return response.body
        }

        private func withWorker(
            _ more: String = "", dummy: String = "checks = yes", _ body: (Rig, Gearmand, APIClient, WorkerProcess) async throws -> Void
        ) async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let api = try APIClient(in: rig)
                var options = rig.options(gearmand)
                options.configuration = "[worker:dummy]\n\(dummy)\n\(api.section)\n\(more)"
                try await body(rig, gearmand, api, try await rig.startWorker(options))
            }
        }

        @Test func whatHappensIsCountedAndPassesTheCheckOfPrometheus() async throws {
            try await withWorker { _, gearmand, api, _ in
                let server = try nodeServer()
                let gone = try nodeServer().port
                try await gearmand.succeed(job("CREATE", checkedBalancer("web", port: 80, nodes: [server.port, gone])))
                try await gearmand.succeed(job("CREATE", loadBalancer("a\"\\b", port: 81, weights: 7)))
                try await gearmand.succeed(job("SUSPEND", named("a\"\\b")))
                _ = try await gearmand.ask(job("SUSPEND", named("none")))
                try await eventually("the node is up") { try await gearmand.nodes(of: named("web"))["n0"] == "UP" }
                #expect(try await api.curl("/v1/load-balancers/none").status == 404)
                let text = try await scrape(api)
                #expect(try await onThread { try runProgram("/usr/bin/promtool", ["check", "metrics"], input: text) } == "")
                let found = samples(text)
                let expected: [String: Double] = [
                    #"lbaas_load_balancers{state="UP"}"#: 1, #"lbaas_load_balancers{state="SUSPENDED"}"#: 1,
                    #"lbaas_nodes{state="UP"}"#: 1, #"lbaas_nodes{state="DOWN"}"#: 1, #"lbaas_nodes{state="SUSPENDED"}"#: 1,
                    #"lbaas_load_balancer_state{load_balancer="web",state="UP"}"#: 1,
                    #"lbaas_load_balancer_state{load_balancer="web",state="DOWN"}"#: 0,
                    #"lbaas_load_balancer_nodes{load_balancer="web"}"#: 2, #"lbaas_load_balancer_nodes_up{load_balancer="web"}"#: 1,
                    #"lbaas_node_up{load_balancer="web",node="n0"}"#: 1, #"lbaas_node_up{load_balancer="web",node="n1"}"#: 0,
                    #"lbaas_node_state{load_balancer="a\"\\b",node="a\"\\b-0",state="SUSPENDED"}"#: 1,
                    #"lbaas_node_weight{load_balancer="web",node="n0"}"#: 1,
                    #"lbaas_jobs_total{action="CREATE",result="PASS"}"#: 2, #"lbaas_jobs_total{action="SUSPEND",result="FAIL"}"#: 1,
                    #"lbaas_job_duration_seconds_count{action="SUSPEND"}"#: 2, "lbaas_appliance_up": 1,
                    #"lbaas_job_server_connected{server="\#(gearmand.address)"}"#: 1,
                    #"lbaas_api_requests_total{route="/v1/load-balancers/{id}",method="GET",code="404"}"#: 1,
                    "lbaas_sse_clients": 0,
                    "lbaas_drift_repaired_total": 0,
                ]
                for (name, value) in expected { #expect(found[name] == value, "\(name)") }
                #expect(found["lbaas_commit_duration_seconds_count"] ?? 0 >= 3)
                #expect(found[#"lbaas_driver_operations_total{operation="apply",result="ok"}"#] ?? 0 >= 3)
                #expect(found[#"lbaas_checks_total{type="connect",result="passed"}"#] ?? 0 >= 1)
                #expect(found[#"lbaas_checks_total{type="connect",result="failed"}"#] ?? 0 >= 1)
                #expect(found[#"lbaas_check_duration_seconds_count{type="connect"}"#] ?? 0 >= 2)
                // Every family is explained.
                let page = try String(contentsOf: projectFile("docs/metrics.md"), encoding: .utf8)
                for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
                    let words = line.split(separator: " ")
                    #expect(page.contains("| `\(words[2])` | \(words[3]) |"), "\(line)")
                }
            }
        }

        @Test func seriesOfNodesCanBeTurnedOff() async throws {
            try await withWorker("[metrics]\nper_node = false\n") { _, gearmand, api, _ in
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                let text = try await scrape(api)
                #expect(!text.contains("lbaas_node_") && text.contains("lbaas_load_balancer_nodes{load_balancer=\"web\"} 1"))
            }
        }

        @Test func alertsPassTheirUnitTestsAndEachIsExplained() async throws {
            let rules = projectFile("etc/lbaas-alerts.yml").path
            try await onThread { () throws in
                #expect(try runProgram("/usr/bin/promtool", ["check", "rules", rules]).contains("SUCCESS"))
                let tests = projectFile("etc/lbaas-alerts-test.yml").path
                #expect(try runProgram("/usr/bin/promtool", ["test", "rules", tests]).contains("SUCCESS"))
            }
            let text = try String(contentsOfFile: rules, encoding: .utf8)
            let tests = try String(contentsOf: projectFile("etc/lbaas-alerts-test.yml"), encoding: .utf8)
            let page = try String(contentsOf: projectFile("docs/metrics.md"), encoding: .utf8)
            let names = text.matches(of: #/alert: (\w+)/#).map { String($0.output.1) }
            #expect(names.count > 15)
            for name in names {
                #expect(page.contains("| `\(name)` |"), "\(name)")
                #expect(tests.contains("alertname: \(name)\n"), "\(name)")
            }
            #expect(page.matches(of: #/\| `LBaaS\w+` \|/#).count == names.count)
        }

        /// The expressions of the dashboard.
        private func expressions() throws -> [String] {
            let dashboard = try JSON(bytes: Array(try Data(contentsOf: projectFile("etc/grafana-dashboard.json"))))
            return dashboard["panels"].elements.flatMap { $0["targets"].elements }.compactMap { $0["expr"].text }
        }

        @Test func everyExpressionOfTheDashboardHasAnAnswerOfARealPrometheus() async throws {
            try await withWorker { rig, gearmand, api, _ in
                let server = try nodeServer()
                try await gearmand.succeed(job("CREATE", checkedBalancer("web", port: 80, nodes: [server.port])))
                try await gearmand.succeed(job("CREATE", loadBalancer("off", port: 81)))
                try await gearmand.succeed(job("SUSPEND", named("off")))
                let port = try freePort()
                let configuration = try rig.write(
                    """
                    global: {scrape_interval: 1s}
                    scrape_configs:
                      - job_name: lbaas
                        authorization: {credentials: look}
                        static_configs: [{targets: ["127.0.0.1:\(api.port)"]}]
                    """, to: "prometheus.yml")
                _ = try rig.run(
                    "/usr/bin/prometheus",
                    [
                        "--config.file=\(configuration)", "--storage.tsdb.path=\(rig.path("tsdb"))",
                        "--web.listen-address=127.0.0.1:\(port)",
                    ], name: "prometheus")
                @Sendable func ask(_ expression: String) async throws -> JSON {
                    let words = [
                        "-sS", "-G", "http://127.0.0.1:\(port)/api/v1/query", "--data-urlencode",
                        "query=\(expression.replacingOccurrences(of: "$instance", with: ".*").replacingOccurrences(of: "[5m]", with: "[1m]"))",
                    ]
                    return try JSON(bytes: Array(try await onThread { try runProgram("/usr/bin/curl", words) }.utf8))
                }
                try await eventually("prometheus has scraped several times") {
                    let answer = try? await ask(#"count_over_time(lbaas_build_info[1m])"#)
                    return Int(answer?["data"]["result"][0]["value"][1].text ?? "") ?? 0 >= 3
                }
                let expressions = try expressions()
                #expect(expressions.count > 30)
                for expression in expressions {
                    let answer = try await ask(expression)
                    #expect(answer["status"] == "success", "\(expression): \(answer)")
                    // This worker has no virtual IPs.
                    let isOfVirtualIPs =
                        expression.contains("lbaas_virtual_ip") || expression.contains("lbaas_ip_") || expression.contains("lbaas_cluster")
                    #expect(answer["data"]["result"].elements.isEmpty == isOfVirtualIPs, "\(expression)")
                }
            }
        }

        @Test func aWorkerWhoseApplianceDoesNotAnswerIsNotReady() async throws {
            try await withWorker(dummy: "fail = status") { _, gearmand, api, _ in
                #expect(try await api.curl("/readyz").status == 200)
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                let answer = try await api.curl("/readyz")
                #expect(answer.status == 503 && answer.body.contains("the appliance cannot be asked: "))
                let text = try await scrape(api)
                #expect(samples(text)["lbaas_appliance_up"] == 0 && !text.contains("lbaas_load_balancer_state"))
                #expect(samples(text)["lbaas_revision"] == 1)
                #expect(samples(text)[#"lbaas_driver_operations_total{operation="status",result="failed"}"#] ?? 0 >= 2)
                try await gearmand.succeed(job("SUSPEND", named("web")))
                try await gearmand.end(by: SIGKILL)
                try await eventually("the job server is missed") {
                    try await api.curl("/readyz").body.contains("none of the 1 job servers is connected")
                }
            }
        }

        @Test func aChangeByTheAPIHasALineInTheLog() async throws {
            try await withWorker { _, gearmand, api, worker in
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                #expect(try await api.curl("/v1/load-balancers/web/suspend", "-X", "POST").status == 200)
                #expect(try await api.curl("/v1/load-balancers/none", "-X", "DELETE", "-H", "If-Match: x").status == 400)
                #expect(try await api.curl("/v1/load-balancers/web").status == 200)
                let lines = try await worker.log.lines("request", count: 2)
                #expect(lines[0]["action"] == "POST /v1/load-balancers/web/suspend" && lines[0]["outcome"] == "PASS")
                #expect(lines[0]["handle"] == "api:uid:\(getuid())" && lines[0]["status"] == "200")
                #expect(lines[1]["outcome"] == "FAIL" && lines[1]["error"]?.contains("If-Match: x") == true)
                #expect(try worker.log.lines("request").count == 2)
            }
        }
    }
}

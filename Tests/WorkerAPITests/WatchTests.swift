import LBaaS
import TestSupport
import Testing

@testable import WorkerAPI

/// What others than operators look at: readiness, metrics, the log.
@Suite struct WatchTests {
    @Test func aWorkerIsReadyWhereNothingKeepsItFromItsWork() throws {
        let api = try TestAPI(servers: [false, true])
        #expect(try api.ask("GET", "/readyz", as: nil).body == "{\"ready\": true, \"reasons\": []}\n")
        api.problems.add("the appliance cannot be asked: no \"haproxy\"")
        let response = try api.ask("GET", "/readyz", as: nil)
        #expect(response.status == 503)
        #expect(response.body == "{\"ready\": false, \"reasons\": [\"the appliance cannot be asked: no \\\"haproxy\\\"\"]}\n")
        let alone = try TestAPI(servers: [false])
        alone.problems.add("etcd cannot be reached")
        let reasons = try alone.ask("GET", "/readyz", as: nil).body
        #expect(reasons.contains("[\"none of the 1 job servers is connected\", \"etcd cannot be reached\"]"))
    }

    @Test func metricsAreForViewersAndHaveEachLoadBalancer() throws {
        let api = try TestAPI()
        #expect(try api.ask("GET", "/metrics", as: nil).status == 401)
        let down = NodeStatus(id: "n1", isUp: false, reason: "connect: refused")
        api.core.hold([item("a", NodeStatus(id: "n0", isUp: true), down)])
        let response = try api.ask("GET", "/metrics", as: "viewer")
        #expect(response.status == 200 && response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        for line in [
            "lbaas_revision 7", "lbaas_load_balancer_sent_bytes_total{load_balancer=\"a\"} 7",
            "lbaas_load_balancer_received_bytes_total{load_balancer=\"a\"} 3", "lbaas_node_connections{load_balancer=\"a\",node=\"n0\"} 5",
            "lbaas_node_up{load_balancer=\"a\",node=\"n0\"} 1", "lbaas_node_state{load_balancer=\"a\",node=\"n1\",state=\"DOWN\"} 1",
            "lbaas_load_balancer_nodes_up{load_balancer=\"a\"} 1", "lbaas_nodes{state=\"DOWN\"} 1",
            "lbaas_api_requests_total{route=\"/metrics\",method=\"GET\",code=\"401\"} 1",
        ] {
            #expect(response.body.contains("\(line)\n"), "\(line)")
        }
    }

    @Test func requestsThatChangeSomethingAreLoggedAndNoOthers() throws {
        let api = try TestAPI()
        _ = try api.ask("GET", "/v1/status", as: "viewer")
        _ = try api.ask("POST", "/v1/jobs", "a", as: "operator")
        _ = try api.ask("DELETE", "/v1/load-balancers/a?dry_run=true", as: "viewer")
        _ = try api.ask("DELETE", "/v1/load-balancers/b", as: "viewer")
        _ = try api.ask("DELETE", "/v1/load-balancers/c", as: "guess")
        try waitUntil("all are logged") { api.log.lines.count == 3 }
        let lines = api.log.lines
        #expect(lines[0].hasPrefix("info request handle=api:viewer-name action=DELETE /v1/load-balancers/a outcome=PASS status=20"))
        #expect(lines[0].hasSuffix(" dry_run=yes"))
        #expect(lines[1].contains("warning request handle=api:viewer-name action=DELETE /v1/load-balancers/b outcome=FAIL status=403"))
        #expect(lines[2].contains("handle=api:- ") && lines[2].contains("status=401") && !lines[2].contains("guess"))
    }
}

import TestSupport
import Testing
import WorkerHarness

extension OnKernel {
    /// The API of a worker, and the kernel's table.
    @Suite("The API") struct APITests {
        @Test("explains a node by what the kernel has, and tells what somebody else has changed there")
        func why() async throws {
            try await withAPI { lab, api in
                let web = try lab.listed(weights: ["r1": 1, "r2": 2])
                #expect(try await api.send("PUT", "/v1/load-balancers/web", web).status == 200)
                let connection = try lab.connect(Service(transport: .tcp, family: .v4), reaching: "r1")
                try await eventually("the connection is counted") {
                    try await api.get("/v1/load-balancers/web")["nodes"][0]["connections"] == 1
                }
                #expect(try await api.metric("lbaas_node_connections{load_balancer=\"web\",node=\"r1\"}") == 1)
                #expect(try await api.metric("lbaas_node_connections{load_balancer=\"web\",node=\"r2\"}") == 0)
                try await eventually("the first packets are counted, with their headers") {
                    try await api.metric("lbaas_load_balancer_received_bytes_total{load_balancer=\"web\"}") ?? 0 > 50
                }
                withExtendedLifetime(connection) {}
                let before = try await api.get("/v1/why/web/r1")
                #expect(before["differs"] == [])
                #expect(before["summary"] == "node 'r1' gets traffic: weight 1, as the appliance says: NAT")
                #expect(before["why"][5]["what"] == "NAT, weight 1, 1 connection", "\(before)")
                try lab.director.run {
                    _ = try runProgram("/sbin/ipvsadm", ["-e", "-t", "10.9.0.1:80", "-r", "10.2.0.11:80", "-m", "-w", "7"])
                }
                let after = try await api.get("/v1/why/web/r1")
                #expect(after["differs"] == ["set real server 10.2.0.11:80 of 10.9.0.1:80/tcp: NAT, weight 1"], "\(after)")
                #expect(
                    after["summary"].text?.hasPrefix("node 'r1' is not as it should be on the appliance, which says: NAT, weight 7") == true
                )
                try lab.director.run { _ = try runProgram("/sbin/ipvsadm", ["-d", "-t", "10.9.0.1:80", "-r", "10.2.0.12:80"]) }
                let gone = try await api.get("/v1/why/web")
                #expect(gone["differs"].texts.contains("add real server 10.2.0.12:80 to 10.9.0.1:80/tcp: NAT, weight 2"), "\(gone)")
                #expect(gone["why"].elements.map { $0["step"] } == ["job", "wanted", "facts", "effective", "operation", "appliance"])
            }
        }
    }
}

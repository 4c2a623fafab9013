import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

/// A load balancer with a monitor that connects each second, and nodes at these ports of this host.
private func checked(_ id: String, port: UInt16, nodes: [(id: String, port: UInt16)], attempts: Int = 2) -> JSON {
    [
        "id": .string(id), "protocol": "TCP", "address": "127.0.0.1", "port": .number(Double(port)),
        "monitor": ["type": "CONNECT", "delay": 1, "timeout": 1, "attempts": .number(Double(attempts))],
        "nodes": .array(
            nodes.map { ["id": .string($0.id), "address": "127.0.0.1", "port": .number(Double($0.port)), "weight": 3] }),
    ]
}

extension JSON {
    /// The step of an explanation.
    fileprivate func step(_ name: String) -> JSON { self["why"].elements.first { $0["step"].text == name } ?? .null }

    /// What it says, with its details.
    fileprivate var words: String {
        ([self["what"].text ?? ""] + self["details"].elements.compactMap { $0["what"].text }).joined(separator: "\n")
    }
}

private let order = ["job", "wanted", "facts", "effective", "operation", "appliance"]

extension RealServers {
    /// Why load balancers and nodes are as they are, as a running worker tells it.
    @Suite struct Why {
        @Test func aNodeThatAnswersNoCheckIsExplainedFromItsJobToTheAppliance() async throws {
            try await withAPI("[worker:dummy]\nchecks = yes\n") { rig, options, api, worker in
                let server = try LoopbackSocket.bound(listens: true)
                let shop = checked("shop", port: 81, nodes: [("a", server.port), ("b", try freePort())])
                #expect(try JSON(bytes: Array(try await api.submit(try job("CREATE", shop).bytes).body.utf8)).isPass)
                try await eventually("a is up and b is down") {
                    let nodes = try await api.get("/v1/load-balancers/shop")["nodes"]
                    return nodes[0]["state"] == "UP" && nodes[1]["reason"].text?.contains("refused") == true
                        && nodes[0]["weight_now"] == 3 && nodes[1]["weight_now"] == 0 && nodes[0]["connections"] == .null
                }
                let why = try await api.get("/v1/why/shop/b")
                #expect(why["why"].elements.map { $0["step"].text } == order)
                #expect(why["why"].elements.allSatisfy { $0["time"].text?.hasSuffix("Z") == true })
                #expect(why.step("job")["what"].text?.hasPrefix("CREATE shop by api:bob, revision ") == true)
                #expect(why.step("wanted")["what"].text?.hasPrefix("ENABLED at 127.0.0.1:") == true)
                let since = try #require(why.step("facts")["time"].text)
                let facts = "is down: no check of it has passed yet, since \(since)"
                #expect(why.step("facts")["what"].text?.contains("connect: refused") == true || why.step("facts")["what"].text == facts)
                #expect(why.step("effective")["what"] == "should get nothing")
                #expect(why["summary"].text?.hasPrefix("node 'b' gets nothing: it is down: ") == true, "\(why["summary"])")
                #expect(why["differs"] == [])

                let running = try await api.get("/v1/why/shop/a")
                #expect(running["summary"].text?.hasPrefix("node 'a' gets traffic: weight 3") == true, "\(running["summary"])")
                #expect(running.step("operation").words.contains("node 'a' of 'shop': DISABLED → ENABLED"))

                // What was refused since is told with the job.
                let refused = try await api.send("PUT", "/v1/load-balancers/mail", shop.with("id", "mail"))
                #expect(refused.status == 409)
                #expect(try await api.curl("/v1/why/mail").status == 404)
                let moved = try await api.send("PUT", "/v1/load-balancers/shop", shop.with("port", 0))
                #expect(moved.status == 400)
                #expect(try await api.send("PUT", "/v1/load-balancers/web", shop.with("id", "web").with("port", 82)).status == 200)
                let taken = try await api.send("PUT", "/v1/load-balancers/shop", shop.with("port", 82))
                #expect(taken.status == 409)
                let job = try await api.get("/v1/why/shop").step("job")
                #expect(job.words.contains("refused since: CREATE by api:uid:"), "\(job)")

                // A restart forgets the operation, and nothing else.
                #expect(try await worker.end() == .exit(0))
                let again = try rig.spawnWorker(options)
                try await again.says("started")
                let after = try await api.get("/v1/why/shop/b")
                #expect(after.step("job")["what"] == why.step("job")["what"] && after.step("job")["time"] == why.step("job")["time"])
                #expect(after["why"].elements.map { $0["step"].text } == order)
            }
        }

        @Test func aCheckThatBeginsToFailIsCounted() async throws {
            try await withAPI("[worker:dummy]\nchecks = yes\n") { _, _, api, _ in
                var server: LoopbackSocket? = try LoopbackSocket.bound(listens: true)
                let port = try #require(server?.port)
                let shop = checked("shop", port: 81, nodes: [("a", port)], attempts: 3)
                #expect(try await api.send("PUT", "/v1/load-balancers/shop", shop).status == 200)
                try await eventually("it is up") { try await api.get("/v1/load-balancers/shop")["status"] == "UP" }
                withExtendedLifetime(server) {}
                server = nil
                var seen: Set<String> = []
                try await eventually("it is down") {
                    let what = try await api.get("/v1/why/shop/a").step("facts")["what"].text ?? ""
                    if let found = what.firstMatch(of: /is (up|down): (check \d of 3 failed): connect: refused, since 2/) {
                        seen.insert("\(found.1) \(found.2)")
                    }
                    return seen.contains("down check 3 of 3 failed")
                }
                let summary = try await api.get("/v1/why/shop")["summary"].text ?? ""
                #expect(summary.hasPrefix("'shop': the service is down: weight 0 of 3; node 'a' gets nothing: it is down: check 3 of 3"))
            }
        }

        @Test func whatTheOperatorOfHAProxyDidByHandIsWhatDiffers() async throws {
            try await withHAProxy { rig, options in
                let api = try APIClient(in: rig)
                var options = options
                options.configuration += "resync_interval = 3600\n[gearman]\nservers =\n" + api.section
                let worker = try rig.spawnWorker(options)
                try await worker.says("started")
                let server = try LoopbackSocket.bound(listens: true)
                let port = try freePort()
                let shop = checked("shop", port: port, nodes: [("a", server.port), ("b", try freePort())], attempts: 1)
                let created = try await api.send("PUT", "/v1/load-balancers/shop", shop)
                try #require(created.status == 200, "\(created) \(worker.log.text.suffix(3000))")
                try await eventually("b is down") {
                    try await api.get("/v1/why/shop/b").step("facts")["what"].text?.contains("check 1 of 1 failed: Layer4") == true
                }
                let down = try await api.get("/v1/why/shop/b")
                #expect(down["why"].elements.map { $0["step"].text } == order)
                #expect(down.step("appliance")["what"].text?.hasPrefix("DOWN, Layer4 connection problem") == true, "\(down)")
                #expect(down["differs"] == [])
                let client = try LoopbackSocket.connected(to: port)
                try client.send("some bytes")
                try await eventually("the connection is counted") {
                    try await api.get("/v1/load-balancers/shop")["nodes"][0]["connections"] == 1
                }
                #expect(try await api.metric("lbaas_node_connections{load_balancer=\"shop\",node=\"a\"}") == 1)
                #expect(try await api.metric("lbaas_node_connections{load_balancer=\"shop\",node=\"b\"}") == 0)
                try await eventually("the bytes are counted") {
                    try await api.metric("lbaas_load_balancer_received_bytes_total{load_balancer=\"shop\"}") == 10
                }
                withExtendedLifetime(client) {}
                let socket = rig.path("run/haproxy.sock")
                let script =
                    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'set server shop/a weight 1\\n');"
                    + " print(s.recv(1000))"
                _ = try await onThread { try runProgram("/usr/bin/python3", ["-c", script, socket]) }
                let why = try await api.get("/v1/why/shop/a")
                #expect(why["differs"] == ["change node 'a' of 'shop': weight 1 → 3"], "\(why)")
                #expect(why["summary"].text?.contains("not as it should be on the appliance") == true)
                #expect(why.step("appliance").words.contains("differs: change node 'a' of 'shop': weight 1 → 3"))
            }
        }
    }
}

extension JSON {
    /// The object with a member in place of what it had of this name.
    fileprivate func with(_ name: String, _ value: JSON) -> JSON {
        var changed = self
        changed[name] = value
        return changed
    }
}

import FleetTestSupport
import TestSupport
import Testing
import WorkerHarness

/// `lbaasctl` at the server of a fleet with a worker that carries the load balancers.
@Suite struct ControlTests {
    /// What a command ends with.
    private struct Run {
        let end: ChildProcess.End
        let output: String
        let errors: String
    }

    /// Runs a command to its end.
    private func control(_ rig: Rig, _ server: ServerProcess, _ words: String..., input: String = "") async throws -> Run {
        let name = "control-\(UInt64.random(in: 0 ... .max))"
        let environment = ["-i", "PATH=/usr/bin:/bin", "XDG_CONFIG_HOME=\(rig.folder)", "LBAAS_SERVER=http://127.0.0.1:\(server.port)"]
        let process = try ChildProcess(
            "/usr/bin/env", environment + [try builtProgram("lbaasctl")] + words, folder: rig.folder,
            input: try rig.write(input, to: "\(name).in"), output: rig.path("\(name).out"), errors: rig.path("\(name).err"))
        rig.keep(process)
        let end = try await process.end()
        func text(_ kind: String) throws -> String { try String(contentsOfFile: rig.path("\(name).\(kind)"), encoding: .utf8) }
        return Run(end: end, output: try text("out"), errors: try text("err"))
    }

    /// Runs a body with a server, a worker and an operator who is logged in; it gets what makes a load balancer.
    private func withFleet(_ body: (Rig, ServerProcess, _ token: String) async throws -> Void) async throws {
        try await withRig { rig in
            let gearmand = try await rig.startGearmand()
            try await rig.addUser("ann", role: "operator")
            var options = rig.options()
            options.servers = [gearmand.address]
            options.arguments = ["--function", "lb1"]
            options.configuration = "[worker:dummy]\nlacks = UDP\n"
            _ = try await rig.startWorker(options)
            let group = "[group:web]\nworkers = lb1\naddresses = 127.20.0.0/24\ninterface = none\n"
            let server = try await rig.startServer("[gearman]\nservers = \(gearmand.address)\n\(group)")
            let login = try await control(rig, server, "login", "ann", input: "correct horse\n")
            #expect(login.end == .exit(0), "\(login.errors)")
            let token = try String(contentsOfFile: rig.path("lbaas/token"), encoding: .utf8).dropLast()
            try await body(rig, server, String(token))
        }
    }

    /// Makes a load balancer with a listener and a member; answers its id.
    private func create(
        _ server: ServerProcess, _ token: String, _ name: String, port: Int = 80, of kind: String = "TCP"
    ) async throws -> String {
        let pool = """
            {"name": "p", "protocol": "\(kind)", "lb_algorithm": "ROUND_ROBIN", "members": [{"name": "web1", "address": "10.0.0.1", "protocol_port": 80}]}
            """
        let body = """
            {"loadbalancer": {"name": "\(name)", "listeners": [{"protocol": "\(kind)", "protocol_port": \(port), "default_pool": \(pool)}]}}
            """
        let made = try await server.post("/v2/lbaas/loadbalancers", body, "X-Auth-Token: \(token)\r\n")
        #expect(made.status == 201, "\(made.body)")
        return try #require(try member(made.body, "loadbalancer", "id"))
    }

    @Test("Load balancers are listed, shown, drained, suspended and deleted by their names")
    func life() async throws {
        try await withFleet { rig, server, token in
            let id = try await create(server, token, "shop <b>/é")
            let word = "shop%20<b>%2Fé"
            let enabled = try await control(rig, server, "enable", word, "--wait")
            #expect(enabled.end == .exit(0), "\(enabled.errors)")
            let list = try await control(rig, server, "list", "--no-headers")
            #expect(list.output.contains(id) && list.output.contains("shop <b>/é") && list.output.contains("ACTIVE"), "\(list)")
            #expect(try await control(rig, server, "-o", "name", "list").output == id + "\n")
            let shown = try await control(rig, server, "-o", "json", "show", word)
            #expect(try member(shown.output, "loadbalancer", "id") == id)
            #expect(try member(shown.output, "pools", "0", "members", "0", "name") == "web1")
            #expect(try await control(rig, server, "show", id).output.contains("10.0.0.1:80"))
            let nodes = try await control(rig, server, "-o", "name", "list", "nodes").output
            #expect(nodes.hasPrefix(id + "/") && nodes.split(separator: "\n").count == 1)

            for (command, weight) in [(["drain"], "0"), (["undrain"], "1"), (["weight"], "7")] {
                for node in ["web1", "10.0.0.1:80"] {
                    let words = command + ["\(word)/\(node)"] + (weight == "7" ? ["7"] : []) + ["--wait"]
                    let run = try await control(rig, server, words[0], words[1], words[2], words.count > 3 ? words[3] : "--timeout=60")
                    #expect(run.end == .exit(0), "\(words): \(run.errors)")
                    let after = try await control(rig, server, "-o", "json", "show", id)
                    #expect(try member(after.output, "pools", "0", "members", "0", "weight") == weight)
                }
            }
            #expect(try await control(rig, server, "suspend", word, "--wait").end == .exit(0))
            let suspended = try await control(rig, server, "-o", "json", "show", id)
            #expect(try member(suspended.output, "loadbalancer", "admin_state_up") == "false")
            #expect(try await control(rig, server, "status").output.contains("1, 0 pending, 0 in error"))
            let hosts = try await control(rig, server, "hosts", "--no-headers").output
            #expect(hosts.split(separator: " ", omittingEmptySubsequences: true).prefix(3).elementsEqual(["lb1", "web", "UP"]), "\(hosts)")
            #expect(try await control(rig, server, "delete", word, "--wait").end == .exit(0))
            #expect(try await control(rig, server, "-o", "name", "list").output == "")
        }
    }

    @Test("What is not there, what has a name twice, and what a fleet does not have is said, and nothing is changed")
    func refusals() async throws {
        try await withFleet { rig, server, token in
            let id = try await create(server, token, "twice")
            _ = try await create(server, token, "twice", port: 81)
            let cases: [([String], ChildProcess.End, String)] = [
                (["show", "nothing"], .exit(1), "there is no load balancer nothing"),
                (["show", "twice"], .exit(1), "2 load balancers have the name twice"),
                (["drain", "\(id)/web9"], .exit(1), "has no member web9"), (["drain", "twice"], .exit(64), "is not ID/NODE"),
                (["suspend", id, "--dry-run"], .exit(64), "--dry-run: the server of a fleet has no such thing"),
                (["diff", "-o", "json"], .exit(64), "asks a worker"),
            ]
            for (words, end, text) in cases {
                let run = try await control(rig, server, words[0], words[1], words.count > 2 ? words[2] : "--timeout=60")
                #expect(run.end == end && run.errors.contains(text), "\(words): \(run)")
            }
        }
    }

    @Test("The sentence of a worker that refuses a load balancer is shown, and ends --wait")
    func refusal() async throws {
        try await withFleet { rig, server, token in
            let id = try await create(server, token, "dns", port: 53, of: "UDP")
            let run = try await control(rig, server, "enable", id, "--wait")
            #expect(run.end == .exit(1) && run.errors.contains("UDP"), "\(run)")
            #expect(try await control(rig, server, "show", id).output.contains("UDP"))
            #expect(try await control(rig, server, "hosts", "--no-headers").output.contains("UDP"))
        }
    }

    @Test("events tells what happens in the fleet")
    func events() async throws {
        try await withFleet { rig, server, token in
            async let told = control(rig, server, "-o", "jsonl", "events", "--timeout", "5")
            // As long as nobody follows, nothing is told: so until it is.
            try await eventually("a client of the events") {
                let run = try await control(rig, server, "status")
                return run.end == .exit(0)
            }
            for port in 80..<84 { _ = try await create(server, token, "shop", port: port) }
            let run = try await told
            #expect(run.end == .exit(0) && run.output.contains("\"event\": \"change\""), "\(run)")
        }
    }
}

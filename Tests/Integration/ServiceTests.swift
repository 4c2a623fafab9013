import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// Load balancers of the configuration file.
    @Suite struct Services {
        @Test func jobsCanNeitherChangeNorDisplaceThem() async throws {
            try await withServices(["service:web": service(), "service:db": service("127.0.0.9", port: 3306)]) { rig, gearmand, _ in
                #expect(try await gearmand.nodes(of: named("web"), named("db")) == ["n": "UP and UP"])
                try await gearmand.succeed(job("CREATE", loadBalancer("mine", port: 81)))
                try await gearmand.succeed(job("UPDATE", loadBalancer("other", port: 82)))
                try await gearmand.succeed(job("SUSPEND"))
                #expect(try await gearmand.nodes() == ["n": "UP and UP", "other-0": "DOWN"])
                try await gearmand.succeed(job("ENABLE"))

                let changes = [job("CREATE", loadBalancer("web", port: 83)), job("UPDATE", loadBalancer("web", port: 83))]
                for change in changes + ["SUSPEND", "ENABLE", "DELETE"].map({ job($0, named("web")) }) {
                    let reply = try await gearmand.ask(change)
                    #expect(reply.failure == "loadBalancers[0]: 'web' is a service of the configuration file; change it there")
                }
                for action in ["CREATE", "UPDATE"] {
                    let reply = try await gearmand.ask(job(action, loadBalancer("x", port: 84), loadBalancer("mine", port: 8080)))
                    #expect(
                        reply.failure == "loadBalancers[1].port: 'mine' would listen on *:8080/tcp, where 'web', a service of the "
                            + "configuration file, listens already; give it another port or address")
                }
                #expect(try await gearmand.nodes() == ["n": "UP and UP", "other-0": "UP"])

                var update = job("UPDATE", dryRun: true)
                update["loadBalancers"] = []
                let plan = try await gearmand.succeed(update)["plan"].texts
                #expect(plan.count == 2 && plan.allSatisfy { $0.contains("'other'") })
                try await gearmand.succeed(job("DELETE"))
                #expect(try await gearmand.nodes(of: named("web")) == ["n": "UP"])
                #expect(try await gearmand.ask(job("STATS"))["status"] == "DELETED")
            }
        }

        @Test func theFileOfTheNextStartCounts() async throws {
            let first = ["service:kept": service(), "service:changed": service(port: 81), "service:gone": service(port: 82)]
            try await withServices(first) { rig, gearmand, worker in
                try await gearmand.succeed(job("CREATE", loadBalancer("mine", port: 83)))
                #expect(try await worker.end() == .exit(0))
                let second = ["service:kept": service(), "service:changed": service(port: 84), "service:new": service(port: 82)]
                _ = try await rig.startWorker(rig.options(gearmand, second))
                for (id, nodes) in ["kept": ["n": "UP"], "changed": ["n": "UP"], "new": ["n": "UP"], "mine": ["mine-0": "UP"]] {
                    #expect(try await gearmand.nodes(of: named(id)) == nodes)
                }
                #expect(try await gearmand.ask(job("STATS", named("gone")))["status"] == "DELETED")
                // Where the changed one listened is room again, and where it listens now is none.
                try await gearmand.succeed(job("CREATE", loadBalancer("heir", port: 81)))
                #expect(
                    try await gearmand.ask(job("CREATE", loadBalancer("late", port: 84))).failure?.contains("'changed', a service") == true)
            }
        }

        @Test func oneThatCannotBeServedCostsOnlyItselfAndIsTriedAgain() async throws {
            try await withServices([:]) { rig, gearmand, worker in
                try await gearmand.succeed(job("CREATE", loadBalancer("web", port: 80), loadBalancer("other", port: 81)))
                #expect(try await worker.end() == .exit(0))
                let sections = [
                    // A job has a load balancer of this name, and one at this address and port; the third is free.
                    "service:web": service(port: 90), "service:shop": service("127.0.0.1", port: 81), "service:free": service(port: 91),
                ]
                let next = try await rig.startWorker(rig.options(gearmand, sections))
                let refusals = try await next.log.lines("a service of the configuration file cannot be served", count: 2)
                #expect(Set(refusals.compactMap { $0["load_balancer"] }) == ["web", "shop"] && refusals.count == 2)
                #expect(refusals.allSatisfy { $0["level"] == "error" })
                let reasons = refusals.compactMap { $0["error"] }
                #expect(reasons.contains { $0.hasPrefix("[service:web]: a job has made a load balancer of this id") })
                #expect(
                    reasons.contains { $0.hasPrefix("[service:shop] port: 'shop' would listen on 127.0.0.1:81/tcp, where 'other' listens") }
                )
                #expect(try await gearmand.nodes() == ["web-0": "UP", "other-0": "UP", "n": "UP"])

                try await gearmand.succeed(job("DELETE", named("other")))
                try await next.says("a service of the configuration file is served now")
                #expect(try await gearmand.nodes(of: named("shop")) == ["n": "UP"])
                // What is as it was is not told again.
                #expect(try await next.log.lines("a service of the configuration file cannot be served", count: 2).count == 2)
                #expect(try await next.end() == .exit(0))
            }
        }

        @Test func oneThatTheApplianceRefusesCostsOnlyItself() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let sections: Sections = [
                    "worker:dummy": ["fail": "create:bad"], "service:bad": service(port: 90), "service:good": service(port: 91),
                ]
                let worker = try await rig.startWorker(rig.options(gearmand, sections))
                #expect(
                    try await worker.log.lines("a service of the configuration file cannot be served", count: 1).map { $0["load_balancer"] }
                        == ["bad"])
                #expect(try await gearmand.nodes(of: named("good")) == ["n": "UP"])
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test func aWrongOneIsToldWithFileAndLine() async throws {
            try await withRig { rig in
                let right = "[service:db]\nprotocol = TCP\nport = 81\nnodes = []\n"
                let file = try rig.write(right + "[service:web]\nprotocol = TCP\nport = many\nnodes = []\n", to: "wrong.conf")
                for request in [[], ["--check-config"]] {
                    let arguments = ["--config-file", file, "--state-dir", "none", "--driver", "dummy"] + request
                    let (end, output, errors) = try await rig.run(arguments)
                    #expect(end == .exit(78) && output.isEmpty)
                    #expect(errors == "lbaas-worker: \(file):7: [service:web] port: \"many\" is not a port (1 to 65535)\n")
                }
            }
        }

        @Test func connectionsGoOnWhileOtherServicesComeAndGo() async throws {
            try await withRig { rig in
                let server = try nodeServer()
                let gearmand = try await rig.startGearmand()
                var kept = service("127.0.0.1", port: Int(try freePort()))
                kept["nodes"] = #"[{"id": "n", "address": "127.0.0.1", "port": \#(server.port)}]"#
                let haproxy = ["program": "/usr/sbin/haproxy", "run_dir": rig.path("run"), "config": rig.path("haproxy.cfg")]
                var sections = [
                    "worker:haproxy": haproxy, "service:kept": kept, "service:gone": service("127.0.0.1", port: Int(try freePort())),
                ]
                rig.endHAProxyAtEnd()
                var worker = try await rig.startWorker(rig.options(gearmand, sections, driver: "haproxy"))
                let client = try Socket(.tcp, for: .v4(0x7F00_0001))
                try client.connect(to: .v4(0x7F00_0001), port: UInt16(try #require(kept["port"])) ?? 0, within: 5)
                var connection: Socket?
                try await eventually("the server has a connection") {
                    connection = server.accept()
                    return connection != nil
                }
                let node = try #require(connection)
                for turn in 1...3 {
                    try client.send("\(turn)")
                    #expect(try node.receive(until: Deadline(seconds: 10)) == "\(turn)")
                    try node.send("answer \(turn)")
                    #expect(try client.receive(until: Deadline(seconds: 10)) == "answer \(turn)")
                    #expect(try await worker.end(by: turn == 1 ? SIGKILL : SIGTERM) == (turn == 1 ? .signal(SIGKILL) : .exit(0)))
                    sections["service:gone"] = nil
                    sections["service:turn-\(turn)"] = service("127.0.0.1", port: Int(try freePort()))
                    worker = try await rig.startWorker(rig.options(gearmand, sections, driver: "haproxy"))
                }
                try client.send("last")
                #expect(try node.receive(until: Deadline(seconds: 10)) == "last")
                #expect(try await worker.end() == .exit(0))
            }
        }
    }
}

extension Rig {
    /// The options of a worker with these sections in its file.
    fileprivate func options(_ gearmand: Gearmand, _ sections: Sections, driver: String = "dummy") -> WorkerOptions {
        var options = options(gearmand)
        options.driver = driver
        options.configuration = sections.text
        return options
    }
}

/// Runs a test with a job server and a worker with these sections in its file.
private func withServices(_ sections: Sections, _ body: (Rig, Gearmand, WorkerProcess) async throws -> Void) async throws {
    try await withRig { rig in
        let gearmand = try await rig.startGearmand()
        try await body(rig, gearmand, try await rig.startWorker(rig.options(gearmand, sections)))
    }
}

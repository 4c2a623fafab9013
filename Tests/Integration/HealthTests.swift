import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// Nodes that the worker checks, and what it makes of them.
    @Suite struct Health {
        private func options(_ rig: Rig, _ gearmand: Gearmand) -> WorkerOptions {
            var options = rig.options(gearmand)
            options.configuration = "[worker:dummy]\nchecks = yes\n[notifier:dummy]\n"
            return options
        }

        @Test func aNodeServesWhileItAnswersAndStatsTellWhy() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let worker = try await rig.startWorker(options(rig, gearmand))
                var servers: [Socket?] = [try nodeServer(), try nodeServer()]
                let ports = servers.compactMap { $0?.port }
                servers[1] = nil
                try await gearmand.succeed(job("CREATE", checkedBalancer("web", port: 80, nodes: ports)))
                try await eventually("the first is up") { try await gearmand.nodes() == ["n0": "UP", "n1": "DOWN"] }
                var reply = try await gearmand.succeed(job("STATS"))
                #expect(reply["nodes"][1]["reason"] == "connect: refused")
                #expect(reply["nodes"][0]["since"] != .null && reply["nodes"][0]["reason"] == .null)

                servers[0] = nil
                servers[1] = try nodeServer(port: ports[1])
                try await eventually("they change places") { try await gearmand.nodes() == ["n0": "DOWN", "n1": "UP"] }
                reply = try await gearmand.succeed(job("STATS"))
                #expect(reply["nodes"][0]["reason"] == "connect: refused")
                let turns = try await worker.log.lines("node ", count: 3)
                #expect(
                    turns.map { "\($0["node"] ?? "") \($0["message"] ?? "")" }.sorted() == ["n0 node down", "n0 node up", "n1 node up"])
            }
        }

        @Test func aRestartKeepsWhatChecksFoundAndDoesNotLetANodeFlap() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var worker = try await rig.startWorker(options(rig, gearmand))
                let up = try nodeServer()
                let down = try nodeServer().port
                try await gearmand.succeed(job("CREATE", checkedBalancer("web", port: 80, nodes: [up.port, down])))
                let both = ["n0": "UP", "n1": "DOWN"]
                try await eventually("both were checked") {
                    let reply = try await gearmand.succeed(job("STATS"))
                    return try await gearmand.nodes() == both && reply["nodes"][1]["reason"] != .null
                }
                let before = try await gearmand.succeed(job("STATS"))
                for signal in [SIGKILL, SIGTERM, SIGTERM] {
                    _ = try await worker.end(by: signal)
                    if signal == SIGTERM { #expect(try worker.log.lines("node ").isEmpty) }
                    worker = try await rig.startWorker(options(rig, gearmand))
                    #expect(try await gearmand.succeed(job("STATS")) == before)
                    try await gearmand.succeed(
                        job("CREATE", checkedBalancer("web", port: 81, nodes: [up.port, down], more: ["algorithm": "LEAST_CONNECTIONS"])))
                    #expect(try await gearmand.succeed(job("STATS")) == before)
                }
            }
        }

        @Test func aServiceIsUpWhileItHasItsQuorum() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let worker = try await rig.startWorker(options(rig, gearmand))
                var servers: [Socket?] = [try nodeServer(), try nodeServer(), try nodeServer()]
                let ports = servers.compactMap { $0?.port }
                try await gearmand.succeed(job("CREATE", checkedBalancer("web", port: 80, nodes: ports, more: ["quorum": 2])))
                func told() throws -> [String] {
                    try worker.log.lines("service UP").map { _ in "UP" } + worker.log.lines("service DOWN").map { _ in "DOWN" }
                }
                try await eventually("the service is up") { try told() == ["UP"] }
                servers[0] = nil
                try await eventually("a node is down") { try await gearmand.nodes()["n0"] == "DOWN" }
                #expect(try told() == ["UP"])
                servers[1] = nil
                try await eventually("the service is down") { try told() == ["UP", "DOWN"] }
                let line = try #require(try await worker.log.lines("service DOWN", count: 1).first)
                #expect(line["reason"] == "weight 1 of 3, quorum 2")
                servers[1] = try nodeServer(port: ports[1])
                try await eventually("the service is back") { try told() == ["UP", "UP", "DOWN"] }
            }
        }
    }
}

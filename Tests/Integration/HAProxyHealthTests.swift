import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What haproxy finds out about its servers, and what the worker makes of it.
    @Suite struct HAProxyHealth {
        @Test func aServiceIsNotToldToBeUpBeforeACheckPassed() async throws {
            try await withHAProxyWorker(more: "[notifier:dummy]\n") { gearmand, worker in
                // haproxy is alone in its network, so nobody answers.
                var loadBalancer = loadBalancer("web", weights: 1, 1)
                loadBalancer["monitor"] = ["type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1]
                loadBalancer["quorum"] = 2
                try await gearmand.succeed(job("CREATE", loadBalancer))
                try await eventually("both are down") { try await gearmand.nodes() == ["web-0": "DOWN", "web-1": "DOWN"] }
                loadBalancer["monitor"] = .null
                loadBalancer["panic_percent"] = 50
                let refused = try await gearmand.ask(job("CREATE", loadBalancer))
                #expect(refused.failure?.contains("panic_percent") == true, "\(refused)")
                let log = try await worker.log.textBehindFailure()
                for change in ["UP", "DOWN"] { #expect(!log.contains("service \(change)")) }
            }
        }

        @Test func aDeadHAProxyTakesItsServicesDownAndBringsThemUpWhenItIsBack() async throws {
            try await withHAProxy { rig, options in
                let program = ReplaceableHAProxy(rig)
                var options = options
                options.configuration += program.key + "resync_interval = 3600\n[notifier:dummy]\n"
                let gearmand = try await rig.startGearmand()
                options.servers = [gearmand.address]
                let worker = try await rig.startWorker(options)
                let server = try LoopbackSocket.bound(listens: true)
                let node: JSON = ["id": "n", "address": "127.0.0.1", "port": .number(Double(server.port))]
                try await gearmand.succeed(
                    job(
                        "CREATE",
                        [
                            "id": "web", "protocol": "HTTP", "address": "127.0.0.1", "port": .number(Double(try freePort())),
                            "nodes": [node],
                        ]))
                func told(_ what: String) throws -> Int { try worker.log.lines("service \(what)").count }
                try await eventually("the service is up") { try told("UP") == 1 }
                try program.end()
                try await eventually("the service is down") { try told("DOWN") == 1 }
                let reply = try await gearmand.succeed(job("STATS"))
                #expect(reply["nodes"][0]["status"] == "DOWN" && reply["nodes"][0]["reason"] == "haproxy does not run", "\(reply)")
                program.install()
                try await eventually("the service is up again") { try told("UP") == 2 }
                #expect(try await worker.log.lines("haproxy ended (signal 9); it is started again", count: 1).count == 1)
                #expect(try await gearmand.nodes() == ["n": "UP"])
                // The last of three jobs.
                _ = try await worker.log.jobs(3)
                #expect(!worker.log.text.contains("behind our back"))
            }
        }

        @Test(
            "The route to a service of a dead haproxy is withdrawn, and is there again when haproxy is",
            .enabled(if: geteuid() == 0, "needs root"))
        func route() async throws {
            try await withHAProxy { rig, options in
                let network = try Network(rig)
                let program = ReplaceableHAProxy(rig)
                var options = options
                // A network that has the address; a router takes no route for a loopback address.
                let host = try Namespace()
                try host.ip("link set lo up\naddress add 10.9.0.1/32 dev lo")
                let server = try host.run { try LoopbackSocket.bound(listens: true) }
                options.configuration += program.key + "resync_interval = 3600\n[gearman]\nservers =\n"
                options.configuration += "[notifier:bgp]\n" + network.section.map { "\($0.key) = \($0.value)\n" }.joined()
                options.configuration += """
                    [service:web]
                    protocol = HTTP
                    address = 10.9.0.1
                    port = 80
                    nodes = [{"id": "n", "address": "127.0.0.1", "port": \(server.port)}]

                    """
                let worker = try host.run { try rig.spawnWorker(options) }
                try await worker.says("started")
                try await network.bird.has(["10.9.0.1"])
                try program.end()
                try await network.bird.has([])
                program.install()
                try await network.bird.has(["10.9.0.1"])
            }
        }
    }
}

/// A haproxy whose program can be taken away.
private struct ReplaceableHAProxy {
    private let program: String
    private let pidFile: String

    init(_ rig: Rig) {
        program = rig.path("program")
        pidFile = rig.path("haproxy.cfg.pid")
        install()
    }

    /// The line of the configuration that names it.
    var key: String { "program = \(program)\n" }

    /// Makes it possible to start it.
    func install() { symlink("/usr/sbin/haproxy", program) }

    /// Ends it, and keeps it from being started again.
    func end() throws {
        let master = try #require(pid_t(try String(contentsOfFile: pidFile, encoding: .utf8).filter(\.isNumber)))
        unlink(program)
        kill(master, SIGKILL)
    }
}

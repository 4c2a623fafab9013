import EtcdTestSupport
import Foundation
import Glibc
import Synchronization
import TestSupport
import WorkerHarness

/// Servers that share an etcd, workers with the dummy driver, and a job server: processes, of which a test can kill any.
final class FleetBench: Sendable {
    let rig: Rig
    let etcd: EtcdCluster
    let gearmand: Gearmand
    /// The Gearman functions of the workers of the one group.
    let workers: [String]
    private let state = Mutex<(servers: [ServerProcess], token: String, starts: Int)>(([], "", 0))

    private init(_ rig: Rig, _ etcd: EtcdCluster, _ workers: [String]) async throws {
        (self.rig, self.etcd, self.workers) = (rig, etcd, workers)
        gearmand = try await rig.startGearmand()
    }

    /// Runs a body with so many members of etcd and servers, with an admin who has logged in.
    static func run(
        members: Int = 1, servers: Int, workers: [String] = ["lb1", "lb2"], _ body: (FleetBench) async throws -> Void
    ) async throws {
        try await EtcdCluster.run(.init(members: members)) { etcd in
            try await withRig { rig in
                let bench = try await FleetBench(rig, etcd, workers)
                let password = try rig.write("correct horse\n", to: "password")
                let words = try bench.arguments() + ["user", "add", "ann", "--role", "admin", "--password-file", password]
                let (end, _, errors) = try await rig.runServer(words)
                guard end == .exit(0) else { throw Failure("user add: \(end) \(errors)") }
                for worker in workers { try await bench.startWorker(worker) }
                for _ in 0..<servers { try await bench.addServer() }
                let answer = try await bench.server(0).post("/v3/auth/tokens", loginBody("ann"))
                guard let token = answer.headers["x-subject-token"] else { throw Failure("no token: \(answer)") }
                bench.state.withLock { $0.token = token }
                try await body(bench)
            }
        }
    }

    private func arguments() throws -> [String] {
        let text = """
            [server]
            store = etcd
            [cluster]
            etcd = \(etcd.endpoints.map(\.description).joined(separator: " "))
            [gearman]
            servers = 127.0.0.1:\(gearmand.port)
            [group:blue]
            workers = \(workers.joined(separator: " "))
            addresses = 10.20.0.0/16
            interface = none
            """
        return ["--config-file", try rig.write(text, to: "server.conf"), "--log-format", "json"]
    }

    /// Starts a worker, which has its own state.
    @discardableResult func startWorker(_ function: String, state: String? = nil) async throws -> WorkerProcess {
        var options = rig.options(gearmand)
        options.stateFolder = rig.path(state ?? "state-\(function)")
        options.arguments = ["--function", function]
        return try await rig.startWorker(options)
    }

    private func start(on port: UInt16) async throws -> ServerProcess {
        let name = state.withLock { state in
            state.starts += 1
            return "server\(state.starts)"
        }
        let words = try arguments() + ["--listen", "127.0.0.1:\(port)"]
        let process = try rig.run(try builtProgram("lbaas-server"), words, name: name)
        let server = ServerProcess(process: process, log: WorkerLog(path: rig.path("\(name).err")), port: port)
        try await server.isReady()
        return server
    }

    private func addServer() async throws {
        let server = try await start(on: try freePort())
        state.withLock { $0.servers.append(server) }
    }

    func server(_ index: Int) -> ServerProcess { state.withLock { $0.servers[index] } }

    var ports: [UInt16] { state.withLock { $0.servers.map(\.port) } }

    /// Ends a server by a signal, and starts it anew on its port.
    func restart(_ index: Int, by signal: Int32) async throws {
        let old = server(index)
        let end = try await old.end(by: signal)
        guard end == (signal == SIGKILL ? .signal(SIGKILL) : .exit(0)) else { throw Failure("the server ended: \(end)\n\(old.log.text)") }
        let new = try await start(on: old.port)
        state.withLock { $0.servers[index] = new }
    }

    /// Sends a request on a connection of its own.
    ///
    /// - Returns: nil where the server was not there, or died before it had answered.
    func ask(_ port: UInt16, _ method: String, _ path: String, _ body: String = "") async throws -> HTTPTestClient.Response? {
        let token = state.withLock { $0.token }
        let text =
            "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: \(token)\r\nConnection: close\r\n"
            + (body.isEmpty ? "" : "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n") + "\r\n\(body)"
        return try await onThread { try? HTTPTestClient(port).ask(text) }
    }

    /// The body that creates a load balancer with a listener, a pool and a member.
    static func tree(_ name: String) -> String {
        """
        {"loadbalancer": {"name": "\(name)", "listeners": [{"name": "\(name)", "protocol": "TCP", "protocol_port": 80, "default_pool": \
        {"name": "\(name)", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": [{"address": "192.0.2.1", "protocol_port": 80}]}}]}}
        """
    }

    /// Every load balancer: its name and its status.
    func loadBalancers(at port: UInt16) async throws -> [String: String] {
        guard let response = try await ask(port, "GET", "/v2/lbaas/loadbalancers?fields=name&fields=provisioning_status"),
            response.status == 200
        else { throw Failure("the load balancers cannot be listed") }
        let list = try JSON(bytes: Array(response.body.utf8))["loadbalancers"].elements
        return try Dictionary(uniqueKeysWithValues: list.map { (try text($0["name"]), try text($0["provisioning_status"])) })
    }

    /// How many load balancers a worker says that it has.
    func count(of worker: String) async throws -> Int {
        let reply = try await onThread { [port = gearmand.port] in
            try GearmanClient(ports: [port], function: worker, timeout: 30).submit(Array(#"{"hpcs_action":"METRICS"}"#.utf8))
        }
        return try JSON(bytes: reply)["loadBalancers"].elements.count
    }

    private func text(_ value: JSON) throws -> String {
        guard let text = value.text else { throw Failure("no text: \(value)") }
        return text
    }
}

/// An haproxy before all servers, as docs/fleet.md has it.
extension FleetBench {
    /// Where it listens: for clients, and for its own statistics.
    func startProxy() async throws -> (port: UInt16, statistics: UInt16) {
        let proxy = (port: try freePort(), statistics: try freePort())
        let servers = ports.enumerated().map { "server server\($0.offset) 127.0.0.1:\($0.element) check inter 100ms fall 1 rise 1" }
        let text = """
            defaults
                mode http
                timeout connect 2s
                timeout check 30s
                timeout client 60s
                timeout server 60s
                option http-server-close
                option redispatch 1
                retries 5
                retry-on conn-failure empty-response 503
            frontend clients
                bind 127.0.0.1:\(proxy.port)
                default_backend servers
            backend servers
                option httpchk GET /readyz
                \(servers.joined(separator: "\n    "))
            listen statistics
                bind 127.0.0.1:\(proxy.statistics)
                stats enable
                stats uri /

            """
        _ = try rig.run("/usr/sbin/haproxy", ["-db", "-f", try rig.write(text, to: "haproxy.cfg")], name: "haproxy")
        for server in ports.indices { try await eventually("haproxy serves") { try await isUp(server, proxy) } }
        return proxy
    }

    /// Whether haproxy uses a server.
    func isUp(_ server: Int, _ proxy: (port: UInt16, statistics: UInt16)) async throws -> Bool {
        guard let response = try await ask(proxy.statistics, "GET", "/;csv") else { return false }
        return response.body.split(separator: "\n").contains { $0.hasPrefix("servers,server\(server),") && $0.contains(",UP,") }
    }
}

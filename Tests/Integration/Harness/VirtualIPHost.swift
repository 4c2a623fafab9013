import EtcdTestSupport
import LBaaS
import TestSupport
import Testing
import WorkerHarness

/// A host with a worker that has virtual IPs, in a network namespace.
struct VirtualIPHost {
    let rig: Rig
    let lab: EthernetLab
    /// 1 for the first.
    let number: Int
    var section = ""
    var more = ""
    var driver = "dummy"

    /// The address of the section, and of most requests.
    static let address = EthernetLab.v4

    var namespace: Namespace { lab.hosts[number - 1] }

    private var socket: String { rig.path("api-\(number).sock") }

    /// Starts a worker whose configuration has the virtual IP.
    func start(launcher: [String] = [], arguments: [String] = []) throws -> WorkerProcess {
        try start("[virtual_ip:test]\naddress = \(Self.address)\ninterface = eth0\n\(section)\n\(more)\n", launcher: launcher, arguments)
    }

    func start(_ configuration: String, launcher: [String] = [], _ arguments: [String] = []) throws -> WorkerProcess {
        var options = rig.options()
        options.driver = driver
        options.stateFolder = rig.path("state-\(number)")
        // Nobody is there: virtual IPs need no job server.
        options.configuration = "[gearman]\nservers =\n[api]\nsocket = \(socket)\n\(configuration)"
        options.launcher = launcher
        options.arguments = arguments
        return try namespace.run { try rig.spawnWorker(options) }
    }

    /// `lbaasctl` over the socket of the worker.
    var control: Control { Control(rig, socket: socket) }

    /// Asks the API of the worker.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, header: String = "X: y"
    ) async throws -> (status: Int, body: String) {
        let content = body.map { ["-H", "Content-Type: application/json", "-d", $0] } ?? []
        return try await curl(over: socket, path, ["-X", method, "-H", header] + content)
    }

    /// Follows the events of the worker from now on; answers how to read the lines that came so far.
    func followEvents() throws -> () throws -> [Substring] { try rig.followEvents(over: socket, name: "events-\(number)") }

    func hasAddress(_ text: String = "\(address)") throws -> Bool {
        try namespace.run { try runProgram("/sbin/ip", ["-o", "addr", "show"]) }.contains(" \(text)/")
    }

    /// Whether this host is the one that the client reaches at the address.
    func serves() throws -> Bool {
        guard try hasAddress(), try lab.isAnswering(Self.address) else { return false }
        return try lab.believed(Self.address) == EthernetLab.hardwareAddress(number)
    }

    func takesOver() async throws { try await eventually("host \(number) serves the address") { try serves() } }

    /// Runs a test with a host that is alone.
    static func alone(_ body: (VirtualIPHost) async throws -> Void) async throws {
        let lab = try EthernetLab()
        try await withRig { rig in try await body(VirtualIPHost(rig: rig, lab: lab, number: 1)) }
    }

    /// Runs a test with hosts that share etcd, each with a link of its own to it.
    static func withCluster(
        _ section: String = "", hosts count: Int = 2, takeover: Int = 3, _ more: (Int) -> String = { _ in "" },
        _ body: ([VirtualIPHost], [Relay]) async throws -> Void
    ) async throws {
        try await EtcdCluster.run { etcd in
            let lab = try EthernetLab(hosts: count)
            let links = try lab.hosts.map { try Relay(to: etcd.clientPorts[0], listeningIn: $0) }
            defer { for link in links { link.end() } }
            try await withRig { rig in
                let hosts = (1...count).map { number in
                    let cluster =
                        "[cluster]\netcd = http://127.0.0.1:\(links[number - 1].port)\nhost = h\(number)\ntakeover = \(takeover)\n"
                    return VirtualIPHost(rig: rig, lab: lab, number: number, section: section, more: cluster + more(number))
                }
                try await body(hosts, links)
            }
        }
    }
}

extension WorkerProcess {
    /// Stops the worker, which must end in good order.
    func stopsInGoodOrder() async throws {
        let end = try await end()
        #expect(end == .exit(0), "\(log.text)")
    }
}

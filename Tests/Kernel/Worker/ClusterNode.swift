import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

/// A host in a network namespace of its own, with a virtual service, a route and an address of somebody else.
struct ClusterNode {
    let namespace: Namespace
    private let rig: Rig
    private let folder: String

    static let foreignService: Rule = "-A -t 192.0.2.99:99 -s rr"
    static let foreign = ["local 198.51.100.1 dev lo scope host", "198.51.100.77/32"]

    init(_ rig: Rig) throws {
        self.rig = rig
        namespace = try Namespace.director()
        folder = rig.path("manifests")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try namespace.ip(
            """
            link add node0 type dummy
            link set node0 up
            link add other0 type dummy
            addr add 198.51.100.77/32 dev other0
            route add local 198.51.100.1 dev lo table local
            """)
        try namespace.ipvsadm(Self.foreignService.line)
    }

    /// What is somebody else's, as far as it is there.
    func foreign() throws -> [String] {
        let routes = try namespace.run { try runProgram("/sbin/ip", ["route", "show", "table", "local", "198.51.100.1"]) }
        let addresses = try namespace.run { try runProgram("/sbin/ip", ["-o", "addr", "show", "dev", "other0"]) }
        #expect(try namespace.savedTable().contains(Self.foreignService))
        return [routes.split(separator: "\n").first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""]
            + addresses.split(separator: " ").filter { $0 == "198.51.100.77/32" }.map(String.init)
    }

    func setAddresses(_ addresses: [String]) throws {
        let commands = addresses.map { "addr add \($0)/\($0.contains(":") ? "64 nodad" : "24") dev node0" }
        try namespace.ip((["addr flush dev node0"] + commands).joined(separator: "\n"))
    }

    /// Has these objects in the folder, in place of those that were.
    func apply(_ objects: [[String: Any]]) throws {
        let list: [String: Any] = ["kind": "List", "apiVersion": "v1", "items": objects]
        try JSONSerialization.data(withJSONObject: list).write(to: URL(fileURLWithPath: folder + "/.new"))
        guard rename(folder + "/.new", folder + "/cluster.json") == 0 else { throw systemError("cannot rename a manifest") }
    }

    private func options(_ more: String, edge: String = "routes") throws -> WorkerOptions {
        let api = try APIClient(in: rig)
        var options = rig.options()
        options.driver = "ipvs"
        options.launcher = ["/usr/bin/nsenter", "--net=\(namespace.path)"]
        options.configuration =
            "[worker:ipvs]\nresync_interval = 3600\ndrain_timeout = 0\n[gearman]\nservers =\n" + api.section
            + "[source:kubernetes]\nmanifests = \(folder)\nnode_name = n1\nedge = \(edge)\n\(more)\n"
        return options
    }

    func start(_ more: String) throws -> WorkerProcess { try rig.spawnWorker(try options(more)) }

    /// Puts something else in the place of the objects that the worker kept.
    func damageKeptObjects() throws {
        let path = try options("").stateFolder + "/kubernetes.json"
        #expect(FileManager.default.fileExists(atPath: path))
        try Data("{".utf8).write(to: URL(fileURLWithPath: path))
    }

    /// Runs the worker with an argument to its end; answers what it says.
    func run(_ more: String, _ arguments: [String], edge: String = "routes") async throws -> String {
        var options = try options(more, edge: edge)
        options.arguments = arguments
        let worker = try rig.spawnWorker(options)
        _ = try await worker.process.end(within: 60)
        return worker.log.text
    }

    /// The virtual services, each with its scheduler and its persistence, without those that wait for their last counters.
    func served() throws -> Set<String> {
        let rules = try namespace.savedTable().map { $0.line.split(separator: " ").map(String.init) }
        let busy = Set(rules.filter { $0[0] == "-a" }.map { $0[2] + $0[1] })
        return Set(
            rules.compactMap { words in
                guard words[0] == "-A", words[2] != "192.0.2.99:99" else { return nil }
                func value(_ option: String) -> String? { words.firstIndex(of: option).map { words[$0 + 1] } }
                let service = "\(words[2])/\(Self.transport(words[1])) \(value("-s") ?? "")\(value("-p").map { " \($0)" } ?? "")"
                return busy.contains(words[2] + words[1]) ? service : nil
            })
    }

    /// The real servers that get connections.
    func servers() throws -> Set<String> {
        Set(
            try namespace.savedTable().compactMap { rule in
                let words = rule.line.split(separator: " ").map(String.init)
                guard words[0] == "-a", words.suffix(2) != ["-w", "0"] else { return nil }
                return "\(words[2])/\(Self.transport(words[1]))->\(words[4])"
            })
    }

    private static func transport(_ option: String) -> String { option == "-t" ? "TCP" : option == "-u" ? "UDP" : "SCTP" }

    /// The addresses that local routes of ours lead to.
    func routes() throws -> Set<String> {
        var found: Set<String> = []
        for family in ["-4", "-6"] {
            let text = try namespace.run { try runProgram("/sbin/ip", [family, "route", "show", "table", "local", "proto", "76"]) }
            found.formUnion(text.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) })
        }
        return found
    }
}

extension ClusterNode {
    /// The addresses of the interface for addresses of services; none where there is no such interface.
    func bound() throws -> Set<String> {
        let lines = try namespace.run { try runProgram("/sbin/ip", ["-o", "addr", "show"]) }.split(separator: "\n")
        let words = lines.map { $0.split(separator: " ") }
        return Set(words.filter { $0.count > 3 && $0[1] == "lbaas0" }.map { String($0[3].prefix { $0 != "/" }) })
    }
}

/// A case of kube-proxy's own code, with what this worker makes otherwise on purpose.
struct ClusterCase {
    let name: String
    let objects: [[String: Any]]
    let nodeAddresses: [String]
    /// What the section says besides.
    let options: String
    /// The virtual services that have real servers.
    let services: Set<String>
    let servers: Set<String>
    let addresses: Set<String>

    /// Real servers that kube-proxy has against Kubernetes' contract.
    private static let without: [String: String] = [
        "external policy Local and no pod on this node": "192.0.2.11:30080/TCP->10.244.2.7:8080",
        "external policy Local and pods without a node name": "192.0.2.11:30080/TCP->10.244.1.5:8080",
        "internal Local without local pods, external Cluster": "10.96.0.10:80/TCP->10.244.2.7:8080",
    ]

    static func all() throws -> [ClusterCase] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: tests.appendingPathComponent("KubernetesTests/Vectors/cases.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { try ClusterCase(Data($0.utf8)) }
    }

    private init(_ line: Data) throws {
        let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
        let config = try #require(object["config"] as? [String: Any])
        let expect = try #require(object["expect"] as? [String: Any])
        name = try #require(object["name"] as? String)
        let node: [String: Any] = [
            "kind": "Node", "apiVersion": "v1", "metadata": ["name": config["nodeName"] ?? "n1", "labels": config["nodeLabels"] ?? [:]],
        ]
        objects =
            try #require(object["services"] as? [[String: Any]]) + #require(object["endpointSlices"] as? [[String: Any]]) + [node]
        nodeAddresses = try #require(object["nodeIPs"] as? [String])
        options = "scheduler = \(config["scheduler"] as? String ?? "rr")"
        addresses = Set(try #require(expect["boundAddresses"] as? [String]))
        var servers: Set<String> = []
        for server in try #require(expect["destinations"] as? [[String: Any]]) {
            let address = server["address"] as? String ?? ""
            servers.insert("\(server["virtualServer"] ?? "")->\(address.contains(":") ? "[\(address)]" : address):\(server["port"] ?? "")")
        }
        if let without = Self.without[name] { servers.remove(without) }
        self.servers = servers
        let busy = Set(servers.map { $0.prefix(upTo: $0.firstRange(of: "->")?.lowerBound ?? $0.endIndex) })
        // All schedulers of the worker weigh, where there are two of a kind.
        let schedulers = ["rr": "wrr", "lc": "wlc"]
        var services: Set<String> = []
        for service in try #require(expect["virtualServers"] as? [[String: Any]]) {
            let address = service["address"] as? String ?? ""
            let listener = "\(address.contains(":") ? "[\(address)]" : address):\(service["port"] ?? "")/\(service["protocol"] ?? "")"
            let scheduler = service["scheduler"] as? String ?? ""
            guard busy.contains(listener[...]) else { continue }
            services.insert("\(listener) \(schedulers[scheduler] ?? scheduler)\(service["persistent"].map { " \($0)" } ?? "")")
        }
        self.services = services
    }
}

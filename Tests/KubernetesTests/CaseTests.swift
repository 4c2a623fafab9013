import Foundation
import LBaaS
import TestSupport
import Testing

@testable import Kubernetes

/// What kube-proxy 1.36.2 in mode ipvs leaves of the same objects, by its own code.
@Suite struct CaseTests {
    /// A case: objects, a node, and what is left.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let line: Data
        var testDescription: String { name }
    }

    static func cases() throws -> [Case] {
        try vectorLines("cases.jsonl").map { line in Case(name: try #require(try object(line)["name"] as? String), line: line) }
    }

    static func object(_ line: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
    }

    @Test func areAllThere() throws { #expect(try Self.cases().count == 50) }

    /// Where this differs from kube-proxy, and why.
    struct Difference {
        let reason: String
        /// The real servers that kube-proxy has and this has not.
        var without: Set<String> = []
        /// The listeners that drop clients from outside.
        var blackholes: Set<String> = []
        /// The real servers that finish what they have.
        var draining: Set<String> = []
    }

    /// The differences that concern single cases.
    static let differences: [String: Difference] = [
        "external policy Local and no pod on this node": Difference(
            reason: "documented: clients from outside are dropped, and no other node's pod sees them",
            without: ["192.0.2.11:30080/TCP->10.244.2.7:8080"], blackholes: ["192.0.2.11:30080/TCP"]),
        "external policy Local and pods without a node name": Difference(
            reason: "documented: an endpoint without a node name is local to no node",
            without: ["192.0.2.11:30080/TCP->10.244.1.5:8080"], blackholes: ["192.0.2.11:30080/TCP"]),
        "internal Local without local pods, external Cluster": Difference(
            reason: "documented: the cluster address has no endpoints, and drops",
            without: ["10.96.0.10:80/TCP->10.244.2.7:8080"], blackholes: ["10.96.0.10:80/TCP"]),
        "internal policy Local and no pod on this node": Difference(
            reason: "as in the case before: Kubernetes has packets dropped where there are endpoints elsewhere, and not refused",
            blackholes: ["10.96.0.10:80/TCP"]),
        "a pod that ends leaves while others are ready": Difference(
            reason: "connections that it has may end by themselves", draining: ["10.96.0.10:80/TCP->10.244.1.6:8080"]),
        "external policy Local while the local pod ends": Difference(
            reason: "connections that it has may end by themselves", draining: ["10.96.0.10:80/TCP->10.244.1.5:8080"]),
    ]

    @Test func everyDifferenceIsOfACase() throws {
        let names = Set(try Self.cases().map(\.name))
        #expect(Set(Self.differences.keys).isSubset(of: names))
        for line in try vectorLines("cases.jsonl") {
            let object = try Self.object(line)
            guard object["documented"] != nil, let name = object["name"] as? String else { continue }
            #expect(Self.differences[name] != nil, "\(name) is documented otherwise than kube-proxy does it")
        }
    }

    @Test(arguments: try cases()) func isAsWithKubeProxy(_ given: Case) throws {
        let object = try Self.object(given.line)
        let expected = try Expected(try #require(object["expect"] as? [String: Any]))
        let difference = Self.differences[given.name]
        let nodeAddresses = try #require(object["nodeIPs"] as? [String])
        let table = try Self.table(object, nodeAddresses)

        let all = table.services.values
        #expect(Set(all.map(text)) == expected.services)
        let servers = all.flatMap { service in
            service.servers.map { ("\(text(service.listener))->\($0.address):\($0.port)", $0.isDraining) }
        }
        #expect(Set(servers.filter { !$0.1 }.map(\.0)) == expected.servers.subtracting(difference?.without ?? []))
        #expect(Set(servers.filter(\.1).map(\.0)) == difference?.draining ?? [])
        #expect(servers.count == Set(servers.map(\.0)).count)
        #expect(table.healthPorts.values.map { "\($0.service) \($0.port) \($0.localEndpoints)" } == expected.healthPorts)
        let edge = Edge(table.edge)
        #expect(edge.blackholes == difference?.blackholes ?? [])
        #expect(edge.addresses == expected.addresses)
        #expect(edge.guarded == expected.services(without: nodeAddresses))
        #expect(edge.outsiders == expected.set("cluster-ip"))
        #expect(edge.hairpins == expected.hairpins)
        #expect(edge.masqueraded == expected.masqueraded(nodeAddresses))
        #expect(edge.firewalls == expected.set("load-balancer-fw"))
        // `load-balancer-source-ip` lets the host itself in by the load balancer's address, which it has as its source with kube-proxy. Here
        // packets of the host have its own address, which a range has or has not.
        #expect(edge.allowed == expected.set("load-balancer-source-cidr"))
        #expect(table.services.keys.allSatisfy { table.faults(of: table.services[$0]?.owner ?? ObjectKey(name: "")).isEmpty })
    }

    /// What a case comes to.
    ///
    /// - Parameter objects: in place of its own; nil for these.
    static func table(of given: Case, objects: [ObjectChange]? = nil) throws -> ClusterTable {
        let object = try object(given.line)
        return try table(object, #require(object["nodeIPs"] as? [String]), objects)
    }

    private static func table(
        _ object: [String: Any], _ nodeAddresses: [String], _ changes: [ObjectChange]? = nil
    ) throws -> ClusterTable {
        let config = try #require(object["config"] as? [String: Any])
        var options = TranslationOptions(nodeName: try #require(config["nodeName"] as? String))
        options.clusterRanges = [range("10.244.0.0/16"), range("fd00:244::/48")]
        if let scheduler = config["scheduler"] as? String { options.scheduling = try #require(Scheduling(scheduler)) }
        var node = ClusterNode(name: options.nodeName)
        node.zone = (config["nodeLabels"] as? [String: String])?["topology.kubernetes.io/zone"]
        var table = ClusterTable(options: options, host: HostFacts(addresses: Set(nodeAddresses.map(ip)), routers: []))
        _ = try table.apply(
            changes ?? [
                .replace(.service, try objects(object["services"], .service)),
                .replace(.endpointSlice, try objects(object["endpointSlices"], .endpointSlice)),
                .replace(.node, [.node(node)]), .unavailable(.serviceRange),
            ])
        return table
    }

    private static func objects(_ list: Any?, _ kind: ObjectKind) throws -> [ClusterObject] {
        try #require(list as? [Any]).map { try ClusterObject.read(kind, try JSONSerialization.data(withJSONObject: $0)) }
    }
}

/// `10.96.0.10:80/TCP`
private func text(_ listener: Listener) -> String {
    "\(listener)".replacing("/\(listener.transport.rawValue)", with: "/\(listener.transport.rawValue.uppercased())")
}

/// `10.96.0.10:80/TCP rr`, with what else kube-proxy sets.
private func text(_ service: VirtualService) -> String {
    let names: [Algorithm: String] = [
        .roundRobin: "rr", .leastConnections: "lc", .maglev: "mh", .sourceIP: "sh", .shortestExpectedDelay: "sed", .neverQueue: "nq",
    ]
    let more = (service.persistence.map { " \($0)" } ?? "") + (service.scheduling.hashesPort ? " port" : "")
    return text(service.listener) + " \(names[service.scheduling.algorithm] ?? "")\(more)"
}

/// `expect` of a case, in the words of this test.
private struct Expected {
    var services: Set<String> = []
    var servers: Set<String> = []
    var addresses: Set<String>
    var healthPorts: [String] = []
    private let sets: [String: [String]]

    init(_ expect: [String: Any]) throws {
        for service in try #require(expect["virtualServers"] as? [[String: Any]]) {
            let address = try #require(service["address"] as? String)
            let host = address.contains(":") ? "[\(address)]" : address
            let more = (service["persistent"].map { " \($0)" } ?? "") + (service["hashPort"] as? Bool == true ? " port" : "")
            services.insert("\(host):\(service["port"] ?? "")/\(service["protocol"] ?? "") \(service["scheduler"] ?? "")\(more)")
        }
        for server in try #require(expect["destinations"] as? [[String: Any]]) {
            #expect(server["weight"] as? Int == 1)
            servers.insert("\(server["virtualServer"] ?? "")->\(server["address"] ?? ""):\(server["port"] ?? "")")
        }
        addresses = Set(try #require(expect["boundAddresses"] as? [String]))
        for port in expect["healthCheck"] as? [[String: Any]] ?? [] {
            healthPorts.append("\(port["service"] ?? "") \(port["port"] ?? "") \(port["localEndpoints"] ?? "")")
        }
        sets = try #require(expect["sets"] as? [String: [String]])
    }

    func set(_ names: String...) -> Set<String> { Set(names.flatMap { sets[$0] ?? [] }) }

    /// The listeners on addresses that are not the node's.
    func services(without nodes: [String]) -> Set<String> {
        Set(services.map { String($0.prefix { $0 != " " }) }.filter { service in !nodes.contains { service.hasPrefix("\($0):") } })
    }

    /// kube-proxy has a port with each endpoint, which says nothing more: an endpoint that connects to itself has one address.
    var hairpins: Set<String> { Set(set("loop-back").compactMap { $0.split(separator: ",").last.map(String.init) }) }

    /// Clients of these are seen as the node. A node port is on every address of the node.
    func masqueraded(_ nodes: [String]) -> Set<String> {
        var all = set("external-ip", "load-balancer", "node-port-sctp-hash").subtracting(set("node-port-local-sctp-hash"))
        for transport in ["tcp", "udp"] {
            for port in set("node-port-\(transport)").subtracting(set("node-port-local-\(transport)")) {
                // Services of the cases with node ports are of IPv4.
                all.formUnion(nodes.filter { !$0.contains(":") }.map { "\($0),\(transport):\(port)" })
            }
        }
        return all
    }
}

/// What is at the edge, in the words of kube-proxy's sets.
private struct Edge {
    var addresses: Set<String> = []
    var guarded: Set<String> = []
    var masqueraded: Set<String> = []
    var outsiders: Set<String> = []
    var hairpins: Set<String> = []
    var blackholes: Set<String> = []
    var firewalls: Set<String> = []
    var allowed: Set<String> = []

    init(_ elements: Set<EdgeElement>) {
        func entry(_ listener: Listener) -> String {
            "\(listener.address.map(\.description) ?? ""),\(listener.transport.rawValue):\(listener.port)"
        }
        for element in elements {
            switch element {
            case .address(let range): addresses.insert(range.first.description)
            case .service(let listener): guarded.insert(text(listener))
            case .masquerade(let listener): masqueraded.insert(entry(listener))
            case .masqueradeOutsiders(let listener): outsiders.insert(entry(listener))
            case .hairpin(let address): hairpins.insert(address.description)
            case .blackhole(let listener): blackholes.insert(text(listener))
            case .firewall(let listener): firewalls.insert(entry(listener))
            case .allow(let listener, let range): allowed.insert("\(entry(listener)),\(range)")
            case .podRange, .inside: break
            }
        }
    }
}

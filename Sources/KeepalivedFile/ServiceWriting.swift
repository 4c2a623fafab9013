import JSON
import LBaaS

extension Translation {
    /// Where a virtual_server listens, as far as two must not be the same.
    private struct Place: Hashable {
        let transport: String
        let endpoint: Endpoint
    }

    /// The most nodes of a result.
    private static let mostNodes = 100_000

    /// Writes all virtual servers as static services.
    mutating func writeServers(to output: inout ConfigurationText) {
        var all: Set<Place> = []
        for server in servers { for listener in server.listeners { all.insert(Place(transport: server.transport, endpoint: listener)) } }
        var taken: Set<Place> = []
        var nodeCount = 0
        for server in servers {
            for listener in server.listeners {
                nodeCount += server.nodes.count
                if nodeCount > Self.mostNodes {
                    note(server.statement, "\(listener) is not translated; more than \(Self.mostNodes) nodes are too many for one file")
                } else if taken.insert(Place(transport: server.transport, endpoint: listener)).inserted {
                    let nodes = nodes(of: server, at: listener, listeners: all)
                    write(server, listener, nodes, sorryServer(of: server, at: listener, listeners: all), to: &output)
                } else {
                    note(server.statement, "\(listener) is not translated; another virtual_server listens there")
                }
            }
        }
    }

    /// The nodes without those that the worker would refuse.
    private mutating func nodes(of server: VirtualServer, at listener: Endpoint, listeners: Set<Place>) -> [RealServer] {
        var nodes: [RealServer] = []
        var endpoints: Set<Endpoint> = []
        for var node in server.nodes {
            if server.keepsPort, node.port != listener.port {
                note(node.statement, "gets the port \(listener.port) of the virtual server, which packets keep with \(server.forwarding)")
                node.port = listener.port
            }
            if let objection = objection(to: node.endpoint, of: server, at: listener, listeners: listeners) {
                note(node.statement, objection)
            } else if !endpoints.insert(node.endpoint).inserted {
                note(node.statement, "is not translated; another node has its address and port")
            } else {
                nodes.append(node)
            }
        }
        return nodes
    }

    private mutating func sorryServer(of server: VirtualServer, at listener: Endpoint, listeners: Set<Place>) -> Endpoint? {
        guard let (statement, endpoint) = server.sorryServer else { return nil }
        guard let objection = objection(to: endpoint, of: server, at: listener, listeners: listeners) else { return endpoint }
        note(statement, objection)
        return nil
    }

    /// Why the worker would refuse a node; nil where it would not.
    private func objection(to node: Endpoint, of server: VirtualServer, at listener: Endpoint, listeners: Set<Place>) -> String? {
        if listeners.contains(Place(transport: server.transport, endpoint: node)) {
            return "is not translated; a virtual_server listens at \(node), and traffic would go in circles"
        }
        guard case .address(let address) = node.host, case .address(let own) = listener.host else { return nil }
        if server.forwarding != "TUNNEL", !address.hasFamily(of: own) {
            return "is not translated; with \(server.forwarding) it must be IPv4 or IPv6 as the virtual server is"
        }
        return address.isUnspecified ? "is not translated; \(address) is not the address of a host" : nil
    }

    private mutating func write(
        _ server: VirtualServer, _ listener: Endpoint, _ nodes: [RealServer], _ sorryServer: Endpoint?, to output: inout ConfigurationText
    ) {
        let name = "\(server.transport.lowercased())-\(listener.host)-\(listener.port)"
        output.section("service:", name, comment: "line \(server.statement.line): virtual_server")
        output.add("protocol", server.transport)
        output.add("address", listener.host.description)
        output.add("port", "\(listener.port)")
        output.add("algorithm", Self.algorithms[server.scheduler] ?? "LEAST_CONNECTIONS")
        if server.forwarding != "NAT" { output.add("forwarding", server.forwarding) }
        for (field, value) in tunnel(of: server) { output.add("tunnel.\(field)", value) }
        if let persistence = server.persistence {
            output.add("sessionPersistence.type", "SOURCE_IP")
            output.add("sessionPersistence.timeout", "\(persistence)")
        }
        writeQuorum(of: server, nodes, to: &output)
        if let sorryServer {
            output.add("sorry_server.address", sorryServer.host.description)
            output.add("sorry_server.port", "\(sorryServer.port)")
        }
        if !nodes.isEmpty { server.check?.write(to: &output) }
        output.add("nodes", Self.json(nodes))
    }

    /// The fields of a tunnel that the worker accepts together.
    private func tunnel(of server: VirtualServer) -> [(field: String, value: String)] {
        guard let type = server.tunnel.last(where: { $0.field == "type" }) else { return [] }
        return [type]
            + ["port", "checksum"].compactMap { field in
                if field == "port" && type.value != "GUE" || type.value == "IPIP" { return nil }
                return server.tunnel.last { $0.field == field }
            }
    }

    private mutating func writeQuorum(of server: VirtualServer, _ nodes: [RealServer], to output: inout ConfigurationText) {
        guard let quorum = server.quorum else {
            if server.hysteresis ?? 0 > 0 { note(server.statement, "hysteresis is not translated; there is no quorum") }
            return
        }
        let hysteresis = server.hysteresis ?? 0
        let weight = nodes.reduce(0) { $0 + $1.weight }
        if quorum + hysteresis > weight || hysteresis >= quorum {
            note(server.statement, "quorum and hysteresis are not translated; with a weight of \(weight) they can never be met")
            return
        }
        output.add("quorum", "\(quorum)")
        if hysteresis > 0 { output.add("hysteresis", "\(hysteresis)") }
    }

    /// The nodes as JSON, one a line.
    private static func json(_ nodes: [RealServer]) -> String {
        let objects = nodes.map { node in
            JSONWriting.object([
                "id": JSONWriting.string(node.endpoint.description), "address": JSONWriting.string(node.address.description),
                "port": "\(node.port)", "weight": node.weight == 1 ? nil : "\(node.weight)",
            ])
        }
        return "[" + objects.joined(separator: ",\n         ") + "]"
    }
}

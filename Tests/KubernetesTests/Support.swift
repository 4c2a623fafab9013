import Foundation
import JSON
import LBaaS
import TestSupport

@testable import Kubernetes

/// A file of what was recorded.
func vector(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors/\(name)"))
}

/// The lines of a file of what was recorded.
func vectorLines(_ name: String) throws -> [Data] { try vector(name).split(separator: 0x0A).map { Data($0) } }

extension ClusterObject {
    /// An object of its JSON.
    static func read(_ kind: ObjectKind, _ json: some Sequence<UInt8>) throws -> ClusterObject {
        guard let tokenizer = JSONTokenizer() else { throw Failure("no tokenizer") }
        return try tokenizer.withDocument(Array(json).span.bytes) { document in Result { try ClusterObject(kind, document.root) } }.get()
    }

    static func read(_ kind: ObjectKind, _ json: String) throws -> ClusterObject { try read(kind, json.utf8) }

    var asService: ClusterService? { if case .service(let service) = self { service } else { nil } }
    var asSlice: EndpointSlice? { if case .endpointSlice(let slice) = self { slice } else { nil } }
    var reason: String? { if case .invalid(_, _, let reason) = self { reason } else { nil } }
}

/// A service of port 80 with a cluster address.
func service(_ name: String = "web", address: String = "10.96.0.10", _ change: (inout ClusterService) -> Void = { _ in }) -> ClusterService
{
    var service = ClusterService(key: ObjectKey(namespace: "shop", name: name))
    service.clusterAddresses = [ip(address)]
    service.ports = [ClusterService.Port(name: "http", transport: .tcp, port: 80)]
    change(&service)
    return service
}

/// A slice of port 8080 of the service of the same name.
func slice(
    of name: String = "web", part: String = "a", _ endpoints: [EndpointSlice.Endpoint], _ change: (inout EndpointSlice) -> Void = { _ in }
) -> EndpointSlice {
    var slice = EndpointSlice(key: ObjectKey(namespace: "shop", name: "\(name)-\(part)"))
    slice.service = ObjectKey(namespace: "shop", name: name)
    slice.ports = [EndpointSlice.Port(name: "http", transport: .tcp, port: 8080)]
    slice.endpoints = endpoints
    change(&slice)
    return slice
}

/// An endpoint that is ready.
func endpoint(
    _ address: String, on node: String? = "n1", _ change: (inout EndpointSlice.Endpoint) -> Void = { _ in }
) -> EndpointSlice.Endpoint {
    var endpoint = EndpointSlice.Endpoint(address: ip(address), nodeName: node)
    change(&endpoint)
    return endpoint
}

/// An address that a test knows to be one.
func ip(_ text: String) -> IPAddress { IPAddress(text) ?? .v4(0) }

/// A range that a test knows to be one.
func range(_ text: String) -> AddressRange { AddressRange(text) ?? AddressRange(.v4(0)) }

/// A listener of TCP.
func listener(_ address: String, _ port: UInt16, _ transport: Transport = .tcp) -> Listener {
    Listener(address: ip(address), port: port, transport: transport)
}

/// The node `n1` in zone `z1`.
func node(_ name: String = "n1", _ change: (inout ClusterNode) -> Void = { _ in }) -> ClusterNode {
    var node = ClusterNode(name: name)
    node.zone = "z1"
    node.internalAddresses = [ip(name == "n1" ? "192.0.2.11" : "192.0.2.12")]
    node.podRanges = [range("10.244.1.0/24")]
    change(&node)
    return node
}

extension ClusterTable {
    /// The table of these objects.
    static func of(
        _ services: [ClusterService], _ slices: [EndpointSlice], nodes: [ClusterNode] = [node()], ranges: [AddressRange] = [],
        host: [String] = ["192.0.2.11", "127.0.0.1"], routers: [String] = [], options change: (inout TranslationOptions) -> Void = { _ in }
    ) -> ClusterTable {
        var options = TranslationOptions(nodeName: "n1")
        options.serviceRanges = ranges
        change(&options)
        var table = ClusterTable(options: options, host: HostFacts(addresses: Set(host.map(ip)), routers: Set(routers.map(ip))))
        _ = table.apply([
            .replace(.service, services.map { .service($0) }), .replace(.endpointSlice, slices.map { .endpointSlice($0) }),
            .replace(.node, nodes.map { .node($0) }), .unavailable(.serviceRange),
        ])
        return table
    }

    /// The real servers of a listener that get new connections, as text.
    func servers(_ address: String, _ port: UInt16 = 80, _ transport: Transport = .tcp) -> [String] {
        (services[listener(address, port, transport)]?.servers ?? []).filter { !$0.isDraining }.map { "\($0.address):\($0.port)" }
    }

    /// Everything that it comes to.
    var result: Result {
        Result(
            services: services, edge: edge, healthPorts: healthPorts,
            faults: Dictionary(uniqueKeysWithValues: Set(services.values.map(\.owner)).map { ($0, faults(of: $0)) }))
    }

    struct Result: Equatable {
        let services: [Listener: VirtualService]
        let edge: Set<EdgeElement>
        let healthPorts: [ObjectKey: HealthPort]
        let faults: [ObjectKey: [String]]
    }
}

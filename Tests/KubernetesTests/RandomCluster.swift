import LBaaS
import TestSupport

@testable import Kubernetes

/// A cluster of some 200 services of every kind, of which anything changes.
struct RandomCluster {
    static var options: TranslationOptions {
        var options = TranslationOptions(nodeName: "n1")
        options.serviceRanges = [range("10.96.0.0/20")]
        return options
    }
    static let hosts = [
        HostFacts(addresses: [ip("192.0.2.11"), ip("2001:db8::11")]),
        HostFacts(addresses: [ip("192.0.2.11")], routers: [ip("203.0.113.3")]),
        HostFacts(addresses: [ip("192.0.2.11"), ip("203.0.113.5"), ip("2001:db8::11")]),
    ]
    private static let services = 200
    private static let slices = 300

    var generator: SeededGenerator
    private var objects: [ObjectKind: [ObjectKey: ClusterObject]] = [:]

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        for number in 0..<Self.services { keep(.service(randomService(number))) }
        for number in 0..<Self.slices { keep(.endpointSlice(randomSlice(number))) }
        keep(randomNode())
    }

    /// All objects, each kind in an order of its own.
    mutating func lists() -> [ObjectChange] {
        ObjectKind.allCases.map { kind in .replace(kind, (objects[kind] ?? [:]).values.shuffled(using: &generator)) }.shuffled(
            using: &generator)
    }

    /// A change of one object.
    mutating func change() -> ObjectChange {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<6: return put(.service(randomService(.random(in: 0..<Self.services, using: &generator))))
        case 6..<14: return put(.endpointSlice(randomSlice(.random(in: 0..<Self.slices, using: &generator))))
        case 14: return put(randomNode())
        case 15: return put(.invalid(.service, key("s", .random(in: 0..<Self.services, using: &generator)), reason: "no service"))
        case 16: return put(.invalid(.endpointSlice, key("e", .random(in: 0..<Self.slices, using: &generator)), reason: "no slice"))
        default:
            let kind: ObjectKind = chance(2) ? .service : .endpointSlice
            guard let key = objects[kind]?.keys.sorted().randomElement(using: &generator) else { return .replace(kind, []) }
            objects[kind]?[key] = nil
            return .delete(kind, key)
        }
    }

    private mutating func keep(_ object: ClusterObject) { objects[object.kind, default: [:]][object.key] = object }

    private mutating func put(_ object: ClusterObject) -> ObjectChange {
        keep(object)
        return .put(object)
    }

    private func key(_ letter: String, _ number: Int) -> ObjectKey { ObjectKey(namespace: "shop", name: "\(letter)\(number)") }

    private mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &generator) == 0 }

    private mutating func randomService(_ number: Int) -> ClusterService {
        var service = ClusterService(key: key("s", number))
        service.created = "2026-01-0\(Int.random(in: 1...3, using: &generator))"
        service.kind = chance(3) ? .loadBalancer : chance(2) ? .nodePort : .clusterIP
        service.clusterAddresses = chance(20) ? [] : [ip("10.96.\(number / 250).\(number % 250 + 1)")]
        if chance(4) { service.clusterAddresses.append(ip("fd00:96::\(number + 1)")) }
        service.ports = [ClusterService.Port(name: "http", transport: .tcp, port: chance(8) ? 81 : 80, nodePort: nil)]
        if service.kind != .clusterIP { service.ports[0].nodePort = 30_000 + UInt16(number) }
        if chance(4) { service.ports.append(ClusterService.Port(name: "dns", transport: .udp, port: 53)) }
        // Few addresses, so that services are in each other's way.
        if chance(3) { service.externalAddresses = [ip("203.0.113.\(Int.random(in: 1...6, using: &generator))")] }
        if service.kind == .loadBalancer { service.balancerAddresses = [ip("203.0.113.\(Int.random(in: 1...40, using: &generator))")] }
        if chance(3) { service.sourceRanges = [range("198.18.0.0/15"), range("2001:db8:99::/48")] }
        service.externalPolicy = chance(2) ? .local : .cluster
        service.internalPolicy = chance(4) ? .local : .cluster
        service.affinity = chance(5) ? 60 : nil
        service.healthCheckPort = chance(2) ? 31_000 + UInt16(number) : nil
        return service
    }

    private mutating func randomSlice(_ number: Int) -> EndpointSlice {
        var slice = EndpointSlice(key: key("e", number))
        slice.service = chance(30) ? nil : key("s", number % Self.services)
        let isV6 = chance(5)
        slice.ports = [EndpointSlice.Port(name: "http", transport: .tcp, port: chance(6) ? 8081 : 8080)]
        if chance(3) { slice.ports.append(EndpointSlice.Port(name: "dns", transport: .udp, port: 5353)) }
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            let last = Int.random(in: 1...60, using: &generator)
            var pod = EndpointSlice.Endpoint(address: ip(isV6 ? "fd00:244::\(last)" : "10.244.1.\(last)"))
            pod.nodeName = chance(8) ? nil : chance(2) ? "n1" : "n2"
            pod.isReady = !chance(4)
            pod.isServing = pod.isReady || chance(2)
            pod.isTerminating = !pod.isReady && chance(2)
            if chance(2) { pod.zones = [chance(2) ? "z1" : "z2"] }
            slice.endpoints.append(pod)
        }
        return slice
    }

    private mutating func randomNode() -> ClusterObject {
        .node(node { $0.zone = ["z1", "z2", nil].randomElement(using: &generator) ?? nil })
    }
}

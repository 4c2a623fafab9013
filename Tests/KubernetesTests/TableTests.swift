import LBaaS
import TestSupport
import Testing

@testable import Kubernetes

/// The table of a cluster, change by change.
@Suite struct TableTests {
    private static let empty: [ObjectChange] = [.replace(.service, []), .replace(.endpointSlice, []), .replace(.node, [])]

    @Test("Nothing is translated before services, slices and nodes were listed once")
    func completeness() {
        for left in 0..<3 {
            var table = ClusterTable(options: TranslationOptions(nodeName: "n1"))
            var listed = Self.empty + [.unavailable(.serviceRange)]
            let last = listed.remove(at: left)
            #expect(table.apply(listed + [.put(.service(service()))]) == nil && !table.isComplete)
            // One that cannot be had is not one without objects.
            #expect(table.apply([.unavailable(ObjectKind.allCases[left])]) == nil)
            #expect(table.apply([last]) != nil && table.isComplete)
        }
    }

    @Test("The first answer has everything, and the next one only what changed")
    func differences() {
        var table = ClusterTable(options: TranslationOptions(nodeName: "n1"), host: HostFacts(addresses: [ip("192.0.2.11")]))
        let all = (0..<5).map { service("s\($0)", address: "10.96.0.\($0 + 1)") }
        _ = table.apply([.replace(.service, all.map { .service($0) }), .replace(.node, [.node(node())]), .unavailable(.serviceRange)])
        let first = table.apply([.replace(.endpointSlice, [])])
        #expect(first?.services == table.services && first?.services.count == 5 && first?.addedEdge == table.edge)
        let one = table.apply([.put(.endpointSlice(slice(of: "s3", [endpoint("10.244.1.5")])))])
        #expect(one?.services.keys.map(\.description) == ["10.96.0.4:80/tcp"] && one?.addedEdge == [.hairpin(ip("10.244.1.5"))])
        #expect(one?.removed.isEmpty == true && one?.concerned == [ObjectKey(namespace: "shop", name: "s3")])
        let gone = table.apply([.delete(.service, all[3].key)])
        #expect(gone?.removed.keys.map(\.description) == ["10.96.0.4:80/tcp"] && gone?.services.isEmpty == true)
        #expect(gone?.removedEdge.contains(.hairpin(ip("10.244.1.5"))) == true)
        // Its slice goes after it, in the other order than usual.
        #expect(table.apply([.delete(.endpointSlice, ObjectKey(namespace: "shop", name: "s3-a"))])?.isEmpty == true)
    }

    @Test("A list that is the same as before changes nothing, and one that misses an object takes it away")
    func relist() {
        var table = ClusterTable.of([service(), service("b", address: "10.96.0.11")], [slice([endpoint("10.244.1.5")])])
        let same = table.apply([.replace(.service, [.service(service("b", address: "10.96.0.11")), .service(service())])])
        #expect(same?.isEmpty == true && same?.concerned == [])
        let less = table.apply([.replace(.service, [.service(service())])])
        #expect(less?.removed.keys.map(\.description) == ["10.96.0.11:80/tcp"])
    }

    @Test("A Node that says the same again costs nothing, and one in another zone changes what hints mean")
    func nodeChange() {
        let hinted = ["z1", "z2"].enumerated().map { place, zone in endpoint("10.244.1.\(place)") { $0.zones = [zone] } }
        var table = ClusterTable.of([service()], [slice(hinted)])
        #expect(table.servers("10.96.0.10") == ["10.244.1.0:8080"])
        #expect(table.apply([.put(.node(node()))])?.concerned == [])
        #expect(table.apply([.put(.node(node { $0.zone = "z2" }))])?.isEmpty == false)
        #expect(table.servers("10.96.0.10") == ["10.244.1.1:8080"])
    }

    @Test("Addresses that come and go on this host have node ports")
    func hostAddresses() {
        var table = ClusterTable.of([service { $0.ports[0].nodePort = 30080 }], [])
        let change = table.setHost(HostFacts(addresses: [ip("192.0.2.11"), ip("198.51.100.1")]))
        #expect(change?.services.keys.map(\.description) == ["198.51.100.1:30080/tcp"] && change?.removed.isEmpty == true)
        #expect(table.setHost(HostFacts(addresses: [ip("192.0.2.11")]))?.removed.count == 1)
    }

    @Test("Where two services want one address and port the older has it, and the other gets it when that goes")
    func conflict() {
        let old = service("old", address: "10.96.0.2") {
            ($0.externalAddresses, $0.created) = ([ip("203.0.113.1")], "2026-01-01T00:00:00Z")
        }
        let new = service("new", address: "10.96.0.3") {
            ($0.externalAddresses, $0.created) = ([ip("203.0.113.1")], "2026-01-02T00:00:00Z")
        }
        for order in [[old, new], [new, old]] {
            var table = ClusterTable.of([], [])
            for service in order { _ = table.apply([.put(.service(service))]) }
            #expect(table.services[listener("203.0.113.1", 80)]?.owner == old.key)
            #expect(table.faults(of: new.key) == ["203.0.113.1:80/tcp is not served: service shop/old has it"])
            #expect(table.faults(of: old.key) == [])
            let change = table.apply([.delete(.service, old.key)])
            #expect(change?.services[listener("203.0.113.1", 80)]?.owner == new.key)
            #expect(change?.removed.keys.map(\.description) == ["10.96.0.2:80/tcp"])
            #expect(change?.concerned == [old.key, new.key] && table.faults(of: new.key) == [])
        }
    }

    @Test("No service takes the cluster address of another by an external one, however old it is")
    func hijack() {
        let thief = service("thief", address: "10.96.0.2") { ($0.externalAddresses, $0.created) = ([ip("10.96.0.10")], "2020") }
        let table = ClusterTable.of([thief, service { $0.created = "2026" }], [slice([endpoint("10.244.1.5")])])
        #expect(table.services[listener("10.96.0.10", 80)]?.owner.name == "web" && table.servers("10.96.0.10") == ["10.244.1.5:8080"])
    }

    @Test("An object that cannot be read counts as absent, says why, and comes back when it can")
    func invalid() {
        var table = ClusterTable.of([service()], [slice([endpoint("10.244.1.5")])])
        let key = service().key
        #expect(table.apply([.put(.invalid(.service, key, reason: "spec.type: no"))])?.removed.count == 1)
        #expect(table.faults(of: key) == ["spec.type: no"])
        #expect(table.apply([.put(.service(service()))])?.services.count == 1 && table.faults(of: key) == [])
    }

    @Test("A slice that changes its service leaves the old one")
    func movedSlice() {
        var table = ClusterTable.of([service(), service("b", address: "10.96.0.11")], [slice([endpoint("10.244.1.5")])])
        _ = table.apply([.put(.endpointSlice(slice([endpoint("10.244.1.5")]) { $0.service = ObjectKey(namespace: "shop", name: "b") }))])
        #expect(table.servers("10.96.0.10") == [] && table.servers("10.96.0.11") == ["10.244.1.5:8080"])
    }

    @Test("A host whose node nobody knows says so")
    func unknownNode() {
        #expect(ClusterTable.of([service()], [slice([endpoint("10.244.2.7", on: "n2")])], nodes: []).fault?.contains("'n1'") == true)
        #expect(ClusterTable.of([service()], [slice([endpoint("10.244.1.5")])], nodes: []).fault == nil)
        #expect(ClusterTable.of([service()], []).fault == nil)
    }

    @Test("The objects of a table make the same table again")
    func snapshot() {
        let table = ClusterTable.of([service()], [slice([endpoint("10.244.1.5")])])
        var again = ClusterTable(
            options: TranslationOptions(nodeName: "n1"), host: HostFacts(addresses: [ip("192.0.2.11"), ip("127.0.0.1")]))
        table.forEachObject { again.restore($0) }
        again.endRestoring()
        #expect(again.result == table.result)
    }

    @Test("Changes in any order of many services end in what a fresh translation has, and the differences add up to it", arguments: 1...8)
    func randomChanges(seed: UInt64) {
        var random = RandomCluster(seed: seed)
        var table = ClusterTable(options: RandomCluster.options, host: RandomCluster.hosts[0])
        var total = Total()
        var host = RandomCluster.hosts[0]
        total.add(table.apply(random.lists()))
        for step in 0..<150 {
            let changes = (0..<Int.random(in: 1...6, using: &random.generator)).map { _ in random.change() }
            total.add(table.apply(step % 40 == 39 ? random.lists() : changes))
            if step % 50 == 25 {
                host = RandomCluster.hosts[Int.random(in: 0..<3, using: &random.generator)]
                total.add(table.setHost(host))
            }
        }
        var fresh = ClusterTable(options: RandomCluster.options, host: host)
        _ = fresh.apply(random.lists())
        #expect(table.result == fresh.result)
        #expect(total.services == table.services && total.edge == table.edge && total.healthPorts == table.healthPorts)
        #expect(table.services.count > 100 && table.services.values.contains { !$0.servers.isEmpty })
    }
}

/// What all differences so far come to.
private struct Total {
    var services: [Listener: VirtualService] = [:]
    var edge: Set<EdgeElement> = []
    var healthPorts: [ObjectKey: HealthPort] = [:]

    mutating func add(_ change: ClusterChange?) {
        guard let change else { return }
        for (listener, old) in change.removed { #expect(services.removeValue(forKey: listener) == old) }
        services.merge(change.services) { _, new in new }
        #expect(edge.isDisjoint(with: change.addedEdge) && edge.isSuperset(of: change.removedEdge))
        edge = edge.subtracting(change.removedEdge).union(change.addedEdge)
        for (service, port) in change.healthPorts { healthPorts[service] = port }
    }
}

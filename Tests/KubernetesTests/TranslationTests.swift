import LBaaS
import TestSupport
import Testing

@testable import Kubernetes

/// What services come to, beyond the recorded cases.
@Suite struct TranslationTests {
    private static let pods = [endpoint("10.244.1.5"), endpoint("10.244.2.7", on: "n2")]

    private static func balancer(_ change: (inout ClusterService) -> Void = { _ in }) -> ClusterService {
        service {
            $0.kind = .loadBalancer
            $0.ports[0].nodePort = 30080
            $0.balancerAddresses = [ip("203.0.113.7")]
            change(&$0)
        }
    }

    @Test("The halves of a dual-stack service have endpoints, addresses and ranges of their own family each")
    func dualStack() {
        let both = Self.balancer {
            $0.clusterAddresses = [ip("10.96.0.10"), ip("fd00:96::a")]
            $0.balancerAddresses = [ip("203.0.113.7"), ip("2001:db8:7::7")]
            $0.sourceRanges = [range("198.18.0.0/15")]
        }
        let table = ClusterTable.of(
            [both], [slice(Self.pods), slice(part: "six", [endpoint("fd00:244::5")])], host: ["192.0.2.11", "2001:db8:1::11"])
        #expect(table.servers("10.96.0.10") == ["10.244.1.5:8080", "10.244.2.7:8080"])
        #expect(table.servers("fd00:96::a") == ["fd00:244::5:8080"])
        #expect(table.servers("2001:db8:1::11", 30080) == ["fd00:244::5:8080"])
        #expect(table.edge.contains(.allow(listener("203.0.113.7", 80), from: range("198.18.0.0/15"))))
        // Ranges of the other family open nothing.
        #expect(table.edge.contains(.firewall(listener("2001:db8:7::7", 80))))
        #expect(!table.edge.contains { if case .allow(let where_, _) = $0 { where_.address == ip("2001:db8:7::7") } else { false } })
    }

    @Test("A source range of everything needs no firewall")
    func openRange() {
        let table = ClusterTable.of([Self.balancer { $0.sourceRanges = [range("0.0.0.0/0"), range("10.0.0.0/8")] }], [slice(Self.pods)])
        #expect(!table.edge.contains(.firewall(listener("203.0.113.7", 80))))
    }

    @Test("Pods and the host reach a Local service wherever its endpoints are")
    func inside() {
        let local = Self.balancer { $0.externalPolicy = .local }
        let table = ClusterTable.of([local], [slice([endpoint("10.244.2.7", on: "n2")])])
        let service = table.services[listener("203.0.113.7", 80)]
        #expect(service?.servers == [] && service?.isBlackhole == true && service?.masquerade == .nobody)
        #expect(service?.insideServers == [RealServer(address: ip("10.244.2.7"), port: 8080)])
        #expect(table.services[listener("10.96.0.10", 80)]?.insideServers == nil)
        let all = ClusterTable.of([local], [slice([endpoint("10.244.1.5")])])
        #expect(all.services[listener("203.0.113.7", 80)]?.insideServers == nil, "the same endpoints need no second service")
    }

    @Test("A service without any endpoint refuses, and does not drop")
    func empty() {
        let table = ClusterTable.of([Self.balancer { $0.externalPolicy = .local }], [])
        #expect(table.services.count == 3 && table.services.values.allSatisfy { $0.servers.isEmpty && !$0.isBlackhole })
    }

    @Test("While no endpoint is ready those that end take new connections; UDP has none to finish")
    func terminating() {
        let ending = endpoint("10.244.1.6") { ($0.isReady, $0.isTerminating) = (false, true) }
        let gone = endpoint("10.244.1.7") { ($0.isReady, $0.isServing, $0.isTerminating) = (false, false, true) }
        func servers(_ endpoints: [EndpointSlice.Endpoint], _ transport: Transport) -> [RealServer]? {
            let table = ClusterTable.of(
                [service { $0.ports[0].transport = transport }], [slice(endpoints) { $0.ports[0].transport = transport }])
            return table.services[listener("10.96.0.10", 80, transport)]?.servers
        }
        let left = RealServer(address: ip("10.244.1.6"), port: 8080)
        let ready = RealServer(address: ip("10.244.1.5"), port: 8080)
        let draining = RealServer(address: ip("10.244.1.6"), port: 8080, isDraining: true)
        for transport in [Transport.tcp, .sctp, .udp] {
            #expect(servers([ending, gone], transport) == [left])
            #expect(servers([endpoint("10.244.1.5"), ending, gone], transport) == (transport == .udp ? [ready] : [ready, draining]))
        }
    }

    @Test("Slices are merged: an endpoint of two of them is there once, and ready where one says so")
    func merged() {
        let notReady = endpoint("10.244.1.5") { ($0.isReady, $0.isServing) = (false, false) }
        for slices in [
            [slice([notReady]), slice(part: "b", [endpoint("10.244.1.5")])],
            [slice([endpoint("10.244.1.5")]), slice(part: "b", [notReady])],
        ] {
            #expect(ClusterTable.of([service()], slices).servers("10.96.0.10") == ["10.244.1.5:8080"])
        }
    }

    @Test("A named port can have another number in each slice")
    func namedPorts() {
        let table = ClusterTable.of(
            [service()], [slice([endpoint("10.244.1.5")]), slice(part: "b", [endpoint("10.244.1.6")]) { $0.ports[0].port = 9090 }])
        #expect(table.servers("10.96.0.10") == ["10.244.1.5:8080", "10.244.1.6:9090"])
    }

    @Test("Ports of the same name and another protocol are not the same")
    func protocols() {
        let table = ClusterTable.of([service { $0.ports[0].transport = .udp }], [slice(Self.pods)])
        #expect(table.servers("10.96.0.10", 80, .udp) == [])
    }

    @Test("Node hints go before zone hints, and one ready endpoint without hints turns them off")
    func hints() {
        let near = endpoint("10.244.1.5") { ($0.zones, $0.nodes) = (["z1"], ["n1"]) }
        let zone = endpoint("10.244.2.7", on: "n2") { ($0.zones, $0.nodes) = (["z1"], ["n2"]) }
        let far = endpoint("10.244.3.8", on: "n3") { $0.zones = ["z2"] }
        #expect(ClusterTable.of([service()], [slice([near, zone])]).servers("10.96.0.10") == ["10.244.1.5:8080"])
        #expect(ClusterTable.of([service()], [slice([near, zone, far])]).servers("10.96.0.10") == ["10.244.1.5:8080", "10.244.2.7:8080"])
        #expect(ClusterTable.of([service()], [slice([near, zone, endpoint("10.244.3.9")])]).servers("10.96.0.10").count == 3)
    }

    @Test("A service whose policy is Local takes no notice of hints")
    func localHints() {
        let far = endpoint("10.244.1.5") { $0.zones = ["z2"] }
        let near = endpoint("10.244.2.7", on: "n2") { $0.zones = ["z1"] }
        let table = ClusterTable.of([service { $0.internalPolicy = .local }], [slice([far, near])])
        #expect(table.servers("10.96.0.10") == ["10.244.1.5:8080"])
    }

    @Test("Node ports are on all addresses that others can reach, on those of the Node, or on those of some ranges")
    func nodePorts() {
        func addresses(_ choice: TranslationOptions.NodePortAddresses) -> [String] {
            let table = ClusterTable.of(
                [service { ($0.kind, $0.ports[0].nodePort) = (.nodePort, 30080) }], [slice(Self.pods)],
                host: ["192.0.2.11", "198.51.100.11", "127.0.0.1", "169.254.1.1", "fe80::1", "2001:db8::1"]
            ) { $0.nodePortAddresses = choice }
            return table.services.keys.filter { $0.port == 30080 }.compactMap { $0.address?.description }.sorted()
        }
        #expect(addresses(.all) == ["192.0.2.11", "198.51.100.11"])
        #expect(addresses(.primary) == ["192.0.2.11"])
        #expect(addresses(.ranges([range("198.51.100.0/24")])) == ["198.51.100.11"])
        #expect(addresses(.ranges([range("203.0.113.0/24")])) == [])
    }

    @Test("An external address that is this host's own is served and not taken, so that its other ports stay reachable")
    func ownAddress() {
        let table = ClusterTable.of([service { $0.externalAddresses = [ip("192.0.2.11")] }], [slice(Self.pods)])
        #expect(table.servers("192.0.2.11") == ["10.244.1.5:8080", "10.244.2.7:8080"])
        #expect(!table.edge.contains(.address(range("192.0.2.11/32"))))
    }

    @Test(
        "An address of another node, of the router, or that nobody reaches is refused, and the rest of the service is served",
        arguments: ["192.0.2.12", "192.0.2.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "169.254.169.254", "255.255.255.255"])
    func refusedAddress(address: String) {
        let taken = service { $0.externalAddresses = [ip(address), ip("203.0.113.50")] }
        let table = ClusterTable.of([taken], [slice(Self.pods)], nodes: [node(), node("n2")], host: ["192.0.2.11"], routers: ["192.0.2.1"])
        #expect(table.services[listener(address, 80)] == nil && !table.edge.contains(.address(range("\(address)/32"))))
        #expect(table.servers("203.0.113.50").count == 2 && table.servers("10.96.0.10").count == 2)
        #expect(table.faults(of: taken.key).count == 1 && table.faults(of: taken.key)[0].hasPrefix("\(address) "))
    }

    @Test("A cluster address in a service range needs no route of its own")
    func serviceRanges() {
        let table = ClusterTable.of(
            [service(), service("other", address: "10.97.0.1")], [slice(Self.pods)], ranges: [range("10.96.0.0/16")])
        let addresses = table.edge.filter { if case .address = $0 { true } else { false } }
        #expect(addresses == [.address(range("10.96.0.0/16")), .address(range("10.97.0.1/32"))])
    }

    @Test("Clients of cluster addresses that are no pods are masqueraded; all where it is wanted, none where pods are not known")
    func masquerade() {
        let web = listener("10.96.0.10", 80)
        #expect(ClusterTable.of([service()], []).services[web]?.masquerade == .outsiders)
        #expect(ClusterTable.of([service()], []) { $0.masqueradesAll = true }.services[web]?.masquerade == .all)
        #expect(ClusterTable.of([service()], [], nodes: []).services[web]?.masquerade == .nobody)
    }

    @Test("The scheduler of a service is that of its annotation, and the default with a fault where that is not served")
    func scheduler() {
        func table(_ name: String, _ flags: String?) -> ClusterTable {
            .of([service { ($0.scheduler, $0.schedulerFlags) = (name, flags) }], []) {
                $0.scheduling = Scheduling(algorithm: .leastConnections)
            }
        }
        func scheduling(_ name: String, flags: String? = nil) -> Scheduling? {
            table(name, flags).services[listener("10.96.0.10", 80)]?.scheduling
        }
        #expect(scheduling("mh") == Scheduling(algorithm: .maglev, hashesPort: true))
        #expect(scheduling("sh") == Scheduling(algorithm: .sourceIP))
        #expect(scheduling("sh", flags: "sh-fallback,sh-port") == Scheduling(algorithm: .sourceIP, hashesPort: true))
        #expect(scheduling("NEVER_QUEUE") == Scheduling(algorithm: .neverQueue))
        #expect(scheduling("lblcr") == Scheduling(algorithm: .leastConnections))
        let faults = table("lblcr", nil).faults(of: service().key)
        #expect(faults.count == 1 && faults[0].contains("'lblcr'"))
    }

    @Test("Only services and slices of this proxy's name are served")
    func proxyName() {
        let mine = service { $0.proxyName = "edge" }
        let mineToo = slice([endpoint("10.244.1.5")]) { $0.proxyName = "edge" }
        let table = ClusterTable.of([mine, service("other", address: "10.96.0.11")], [mineToo, slice(part: "b", Self.pods)]) {
            $0.proxyName = "edge"
        }
        #expect(table.services.count == 1 && table.servers("10.96.0.10") == ["10.244.1.5:8080"])
    }

    @Test("A health port counts the pods of this node that are ready, each once, and not those that end")
    func healthPort() {
        let asked = Self.balancer {
            ($0.externalPolicy, $0.healthCheckPort) = (.local, 31998)
            $0.ports.append(ClusterService.Port(name: "tls", transport: .tcp, port: 443))
        }
        let ending = endpoint("10.244.1.6") { ($0.isReady, $0.isTerminating) = (false, true) }
        let slices = [
            slice([endpoint("10.244.1.5"), ending, endpoint("10.244.2.7", on: "n2")]) {
                $0.ports.append(EndpointSlice.Port(name: "tls", transport: .tcp, port: 8443))
            }
        ]
        let table = ClusterTable.of([asked], slices)
        #expect(table.healthPorts == [asked.key: HealthPort(service: asked.key, port: 31998, localEndpoints: 1)])
        #expect(ClusterTable.of([Self.balancer { $0.healthCheckPort = 31998 }], slices).healthPorts.isEmpty)
    }

    @Test("An identity names the service, the port and the address")
    func identity() {
        let table = ClusterTable.of([service { $0.ports[0].transport = .udp }], [])
        #expect(table.services.values.map(\.id) == ["k8s:shop/web/80-udp/10.96.0.10"])
    }
}

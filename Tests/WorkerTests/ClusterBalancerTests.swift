import DaemonSupport
import Foundation
import HostEdge
import Kubernetes
import LBaaS
import Testing

@testable import lbaas_worker

@Suite("The load balancers of a cluster") struct ClusterBalancerTests {
    private let listener = Listener(address: IPAddress("203.0.113.7"), port: 80, transport: .tcp)
    private let key = ObjectKey(namespace: "shop", name: "web")

    private func table(_ manifest: String) throws -> ClusterChange {
        var options = TranslationOptions(nodeName: "n1")
        options.clusterRanges = [AddressRange("10.244.0.0/16")].compactMap(\.self)
        var table = ClusterTable(options: options)
        let change = table.apply(try ManifestText.changes(Array(manifest.utf8)))
        return try #require(change)
    }

    /// A service of the policy Local with one endpoint on another node.
    private let local = """
        [{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"type": "LoadBalancer",
          "clusterIP": "10.96.0.10", "ports": [{"port": 80}], "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP"},
          "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}},
         {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
          "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
          "addressType": "IPv4", "ports": [{"port": 8080}], "endpoints": [{"addresses": ["10.244.2.5"], "nodeName": "n2"}]}]
        """

    @Test("are kept for the next start without nodes, which removes those that another configuration does not have")
    func kept() throws {
        let folder = NSTemporaryDirectory() + "lbaas-cluster-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let snapshot = ClusterSnapshot(folder: folder)
        #expect(try snapshot.served() == [])
        var balancers = ClusterBalancers(markMask: 0x10_0FFF)
        _ = balancers.take(try table(local))
        try snapshot.write(ClusterTable(options: TranslationOptions(nodeName: "n1")), serving: balancers.all)
        let served = try snapshot.served().sorted { $0.id < $1.id }
        #expect(served.map(\.id) == balancers.all.map(\.id).sorted())
        #expect(served.map(\.listener) == balancers.all.sorted { $0.id < $1.id }.map(\.listener))
        #expect(served.allSatisfy { $0.nodes.isEmpty })
        #expect(balancers.missing(of: served) == [])
        #expect(ClusterBalancers(markMask: nil).missing(of: served) == served)
        // One that is at the same place is not another.
        var other = ClusterBalancers(markMask: nil)
        _ = other.take(try table(local.replacingOccurrences(of: "\"name\": \"web\"", with: "\"name\": \"new\"")))
        #expect(other.missing(of: served).map(\.id.text) == ["k8s:shop/web/80-tcp/203.0.113.7/inside"])
        // Another mask gives other marks: what had the old one is none of these, though it has their identity.
        var remarked = ClusterBalancers(markMask: 0x20_0FFF)
        _ = remarked.take(try table(local))
        let marked = try #require(served.first { $0.firewallMark != nil })
        let missing = remarked.missing(of: served)
        #expect(missing.map(\.id.text) == ["k8s:shop/web/80-tcp/203.0.113.7/inside/\(marked.firewallMark ?? 0)"])
        #expect(missing.map(\.firewallMark) == [marked.firewallMark])
        // What is noted comes on top, and is among what is written next.
        snapshot.note(serving: remarked.all.filter { $0.firewallMark != nil })
        #expect(try snapshot.served().count == served.count + 1)
        #expect(try snapshot.served { id, mark in mark == nil && balancers.owner(of: id) != nil }.allSatisfy { $0.firewallMark != nil })
        try snapshot.write(ClusterTable(options: TranslationOptions(nodeName: "n1")), serving: balancers.all)
        #expect(try snapshot.served().count == served.count + 1)
        snapshot.forgetNoted()
        try snapshot.write(ClusterTable(options: TranslationOptions(nodeName: "n1")), serving: balancers.all)
        #expect(try snapshot.served().count == served.count)
        snapshot.remove()
        #expect(try snapshot.served() == [] && !snapshot.exists)
    }

    @Test("have a second one for clients inside, told by a mark, where only endpoints of this host serve those from outside")
    func inside() throws {
        var balancers = ClusterBalancers(markMask: 0x10_0FFF)
        let steps = balancers.take(try table(local))
        let all = (steps.changed[key] ?? []).sorted { $0.id < $1.id }
        #expect(
            all.map(\.id.text) == [
                "k8s:shop/web/80-tcp/10.96.0.10", "k8s:shop/web/80-tcp/203.0.113.7", "k8s:shop/web/80-tcp/203.0.113.7/inside",
            ])
        #expect(all.map(\.nodes.count) == [1, 0, 1])
        #expect(all.allSatisfy { $0.sessionPersistence == .sourceIP(timeout: 10_800) })
        let mark = try #require(all[2].firewallMark)
        #expect(mark & 0x10_0000 != 0 && mark & ~0x10_0FFF == 0 && mark != 0x10_0000)
        #expect(all[2].listener != all[1].listener)
        #expect(steps.addedEdge.contains(.inside(listener, mark: mark)))
        #expect(steps.addedEdge.contains(.blackhole(listener)))
        #expect(balancers.insideEdge == [.inside(listener, mark: mark)])

        // Another start gives the same mark.
        var others = ClusterBalancers(markMask: 0x10_0FFF)
        #expect(try others.take(table(local)).addedEdge == steps.addedEdge)
    }

    @Test("have no mark twice, and say where all are in use")
    func marks() {
        var marks = InsideMarks(mask: 0b0111_0000)
        let listeners = (1...4).map { Listener(address: IPAddress("10.0.0.\($0)"), port: 80, transport: .tcp) }
        let given = listeners.map { marks.mark(of: $0) }
        #expect(Set(given.compactMap(\.self)) == [0b0101_0000, 0b0110_0000, 0b0111_0000])
        #expect(given[3] == nil)
        #expect(marks.mark(of: listeners[0]) == given[0])
        #expect(marks.release(listeners[1]) == given[1])
        #expect(marks.mark(of: listeners[3]) == given[1])
        #expect(marks.release(listeners[1]) == nil)
    }
}

@Suite("The section of a Kubernetes cluster") struct KubernetesSectionTests {
    private func sentences(_ section: String, driver: String = "ipvs") throws -> [String] {
        let file = "[source:kubernetes]\n\(section)\n"
        let given = try settings(file: file).with(driver: driver)
        let failure = try #require(throws: StartupFailure.self) { try given.kubernetes() }
        return withoutFolder(failure).messages
    }

    @Test("has every key, and defaults")
    func keys() throws {
        #expect(try settings(file: "").kubernetes() == nil)
        let least = try #require(try settings(file: "[source:kubernetes]\nmanifests = /m").with(driver: "ipvs").kubernetes())
        guard case .manifests("/m") = least.source else { throw Unexpected() }
        #expect(least.edge == .nftables)
        #expect(least.markMask == 0x10_0FFF)
        #expect(least.options.nodePortAddresses == .all)
        let all = try #require(
            try settings(
                file: """
                    [source:kubernetes]
                    server = https://10.0.0.1:6443
                    ca_file = /ca
                    token_file = /token
                    node_name = n1
                    proxy_name = lbaas
                    cluster_cidr = 10.244.0.0/16, fd00:244::/48
                    service_cidr = 10.96.0.0/12
                    node_port_addresses = 192.0.2.0/24
                    masquerade_all = yes
                    scheduler = mh
                    edge = routes
                    bind = addresses
                    strict_arp = yes
                    mark_mask = 0x700000
                    """
            ).with(driver: "ipvs").kubernetes())
        guard case .server(let server) = all.source else { throw Unexpected() }
        #expect(server.url == "https://10.0.0.1:6443")
        #expect(server.authorities == .file("/ca") && server.token == .file("/token"))
        #expect(all.options.nodeName == "n1" && all.options.proxyName == "lbaas" && all.options.masqueradesAll)
        #expect(all.options.clusterRanges.map(\.description) == ["10.244.0.0/16", "fd00:244::/48"])
        #expect(all.options.nodePortAddresses == .ranges([AddressRange("192.0.2.0/24")].compactMap(\.self)))
        #expect(all.options.scheduling.algorithm == .maglev && all.options.scheduling.hashesPort)
        #expect(all.edge == .routes && all.markMask == 0x70_0000)
        #expect(all.binding == .addresses && all.options.needsEachAddress && all.hidesFromARP)
    }

    @Test("is refused with every mistake at its line")
    func mistakes() throws {
        let found = try sentences(
            """
            manifests = /m
            kubeconfig = /k
            cluster_cidr = 10.244.0.0
            scheduler = fo
            edge = all
            bind = ranges
            mark_mask = 0x1
            node_port_addresses = 10.0.0.0/33
            """)
        #expect(
            found == [
                "lbaas.conf:1: [source:kubernetes] says more than once where the cluster is: give one of manifests, kubeconfig, and server or in_cluster",
                "lbaas.conf:4: [source:kubernetes] cluster_cidr: '10.244.0.0' is not a range of addresses (ADDRESS/LENGTH)",
                "lbaas.conf:9: [source:kubernetes] node_port_addresses: '10.0.0.0/33' is not a range of addresses (ADDRESS/LENGTH)",
                "lbaas.conf:5: [source:kubernetes] scheduler: 'fo' is not served; rr, lc, sh, mh, sed and nq are",
                "lbaas.conf:6: [source:kubernetes] edge: 'all' is not one of nftables, routes, none",
                "lbaas.conf:7: [source:kubernetes] bind: 'ranges' is not one of routes, addresses",
                "lbaas.conf:8: [source:kubernetes] mark_mask: '0x1' is not a mask of two bits or more (0x100fff)",
            ])
        #expect(
            try sentences("manifests = /m\nedge = none\nbind = addresses") == [
                "lbaas.conf:4: [source:kubernetes] bind: addresses are bound by the edge, and edge is none"
            ])
        #expect(try sentences("").first?.contains("says not where the cluster is") ?? false)
        #expect(
            try sentences("manifests = /m", driver: "haproxy") == [
                "lbaas.conf:1: [source:kubernetes] the driver haproxy does not serve a cluster; ipvs does"
            ])
        #expect(try sentences("server = http://10.0.0.1").first?.contains("without TLS") ?? false)
    }

    private struct Unexpected: Error {}
}

extension Settings {
    /// The same with another driver.
    fileprivate func with(driver: String) -> Settings {
        var settings = self
        settings.driver = driver
        return settings
    }
}

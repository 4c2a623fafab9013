import JSON
import LBaaS
import TestSupport
import Testing

@testable import Kubernetes

/// Objects as they come from an API server, or from a file.
@Suite struct ObjectTests {
    private static func service(_ spec: String, status: String = "{}", metadata: String = "") throws -> ClusterObject {
        try ClusterObject.read(
            .service, "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"\(metadata)},\"spec\":{\(spec)},\"status\":\(status)}")
    }

    private static func slice(_ fields: String, labels: String = "\"kubernetes.io/service-name\":\"web\"") throws -> ClusterObject {
        try ClusterObject.read(.endpointSlice, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\",\"labels\":{\(labels)}},\(fields)}")
    }

    @Test("A service is read with all that counts, and unknown fields are passed over")
    func service() throws {
        let object = try Self.service(
            """
            "type":"LoadBalancer","clusterIP":"10.96.0.10","clusterIPs":["10.96.0.10","fd00:96::a"],"futureField":{"a":[1]},
            "ports":[{"name":"http","port":80,"nodePort":30080,"targetPort":"web"},{"name":"dns","port":53,"protocol":"UDP"}],
            "externalIPs":["203.0.113.50","203.0.113.50"],"loadBalancerSourceRanges":[" 192.0.2.7/24 "],"healthCheckNodePort":31998,
            "externalTrafficPolicy":"Local","internalTrafficPolicy":"Local","sessionAffinity":"ClientIP","publishNotReadyAddresses":true
            """,
            status:
                "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"203.0.113.7\"},{\"hostname\":\"x\"},{\"ip\":\"203.0.113.8\",\"ipMode\":\"Proxy\"}]}}",
            metadata: ",\"creationTimestamp\":\"2026-11-28T16:25:21Z\",\"annotations\":{\"kube-router.io/service.scheduler\":\"lc\"}")
        let service = try #require(object.asService)
        #expect(service.key == ObjectKey(namespace: "shop", name: "web") && service.kind == .loadBalancer && service.faults == [])
        #expect(service.clusterAddresses == [ip("10.96.0.10"), ip("fd00:96::a")])
        #expect(
            service.ports == [
                ClusterService.Port(name: "http", transport: .tcp, port: 80, nodePort: 30080),
                ClusterService.Port(name: "dns", transport: .udp, port: 53, nodePort: nil),
            ])
        #expect(service.externalAddresses == [ip("203.0.113.50")] && service.balancerAddresses == [ip("203.0.113.7")])
        #expect(service.sourceRanges == [range("192.0.2.0/24")] && service.healthCheckPort == 31998)
        #expect(service.externalPolicy == .local && service.internalPolicy == .local && service.affinity == 10_800)
        #expect(service.created == "2026-11-28T16:25:21Z" && service.scheduler == "lc")
    }

    @Test("Our annotation of the scheduler goes before that of kube-router")
    func scheduler() throws {
        let annotations = ",\"annotations\":{\"kube-router.io/service.scheduler\":\"lc\",\"swift-lbaas.org/scheduler\":\"MAGLEV\"}"
        #expect(try Self.service("", metadata: annotations).asService?.scheduler == "MAGLEV")
    }

    @Test(
        "A service with a field that counts and is wrong costs only itself, and says which field it is",
        arguments: [
            ("\"ports\":[{\"port\":70000}]", "spec.ports[0].port: 70000 is not a port"),
            ("\"ports\":[{\"name\":\"a\"}]", "has no port"), ("\"ports\":7", "spec.ports: 7 is not a list"),
            ("\"ports\":[7]", "spec.ports[0]: 7 is not an object"),
            ("\"type\":\"Tunnel\"", "spec.type: \"Tunnel\" is not a type of services"),
            ("\"clusterIPs\":[\"10.96.0\"]", "spec.clusterIPs[0]: \"10.96.0\" is not an IP address"),
            ("\"clusterIPs\":[\"10.96.0.1\",\"10.96.0.2\"]", "same family"),
            ("\"externalTrafficPolicy\":\"local\"", "spec.externalTrafficPolicy"),
            ("\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":0}}", "timeoutSeconds"),
            ("\"ports\":[{\"port\":80},{\"port\":81}]", "has the name of another port"),
        ])
    func wrongField(spec: String, sentence: String) throws {
        let object = try Self.service(spec)
        #expect(object.reason?.contains(sentence) ?? false, "\(object)")
        #expect(object.key == ObjectKey(namespace: "shop", name: "web"))
    }

    @Test("What is wrong with one address, range or protocol of a service is told, and the rest of it is served")
    func faults() throws {
        let service = try #require(
            try Self.service(
                """
                "type":"LoadBalancer","ports":[{"name":"a","port":80},{"name":"b","port":81,"protocol":"QUIC"}],
                "externalIPs":["nowhere","203.0.113.1"],"loadBalancerSourceRanges":["everywhere"]
                """
            ).asService)
        #expect(service.ports.map(\.name) == ["a"] && service.externalAddresses == [ip("203.0.113.1")])
        #expect(service.sourceRanges == [], "a range that cannot be read must not open the service")
        #expect(service.faults.count == 3 && service.faults.allSatisfy { $0.hasPrefix("spec.") })
    }

    @Test("A service without a name, and what is no object, cannot be read at all")
    func nameless() {
        for json in ["{\"metadata\":{}}", "{}", "[]", "{\"metadata\":7}", "{\"metadata\":{\"name\":7}}"] {
            #expect(throws: FieldError.self) { try ClusterObject.read(.service, json) }
        }
    }

    @Test("A list that is too long is refused")
    func limits() throws {
        let ports = (1...1001).map { "{\"name\":\"p\($0)\",\"port\":\($0)}" }.joined(separator: ",")
        #expect(try Self.service("\"ports\":[\(ports)]").reason?.contains("1001 elements") ?? false)
        #expect(
            try Self.service("", metadata: ",\"creationTimestamp\":\"\(String(repeating: "x", count: 600))\"").reason?.contains(
                "it may have 512") ?? false)
    }

    @Test("Conditions that a slice does not tell are those of an endpoint that is ready")
    func conditions() throws {
        let object = try Self.slice(
            """
            "addressType":"IPv4","ports":[{"name":"http","port":8080},{"name":"all","port":null},{"port":1,"protocol":"QUIC"}],
            "endpoints":[{"addresses":["10.244.1.5","10.244.1.6"],"nodeName":"n1"},
            {"addresses":["10.244.1.7"],"conditions":{"ready":null,"serving":null}},
            {"addresses":["10.244.1.8"],"conditions":{"ready":false}},
            {"addresses":["10.244.1.9"],"conditions":{"ready":false,"serving":true,"terminating":true},"hints":{"forZones":[{"name":"z1"}]}}]
            """)
        let slice = try #require(object.asSlice)
        #expect(slice.service == ObjectKey(namespace: "shop", name: "web"))
        #expect(slice.ports == [EndpointSlice.Port(name: "http", transport: .tcp, port: 8080)])
        #expect(slice.endpoints.map(\.address) == ["10.244.1.5", "10.244.1.7", "10.244.1.8", "10.244.1.9"].map(ip))
        #expect(slice.endpoints.map(\.isReady) == [true, true, false, false])
        #expect(slice.endpoints.map(\.isServing) == [true, true, false, true])
        #expect(slice.endpoints.map(\.isTerminating) == [false, false, false, true])
        #expect(slice.endpoints[3].zones == ["z1"] && slice.endpoints[0].nodeName == "n1" && slice.endpoints[1].nodeName == nil)
    }

    @Test("Slices of names, of headless services and of no service have nothing for a proxy")
    func otherSlices() throws {
        let endpoints = "\"endpoints\":[{\"addresses\":[\"a.example\"]}],\"ports\":null"
        #expect(try Self.slice("\"addressType\":\"FQDN\",\(endpoints)").asSlice?.endpoints == [])
        let some = "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}],\"ports\":[{\"port\":1}]"
        #expect(try Self.slice(some, labels: "").asSlice?.service == nil)
        let headless = "\"kubernetes.io/service-name\":\"web\",\"service.kubernetes.io/headless\":\"\""
        #expect(try Self.slice(some, labels: headless).asSlice?.service == nil)
    }

    @Test("An endpoint of another family than its slice makes the slice invalid")
    func family() throws {
        let object = try Self.slice("\"addressType\":\"IPv6\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}]")
        #expect(object.reason?.contains("endpoints[0].addresses[0]: \"10.0.0.1\" is not an IPv6 address") ?? false)
    }

    @Test("A node has its zone, the addresses that it is reached at, and the ranges of its pods")
    func node() throws {
        let object = try ClusterObject.read(
            .node,
            """
            {"metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"z1"}},"spec":{"podCIDRs":["10.244.1.0/24"]},
            "status":{"addresses":[{"type":"InternalIP","address":"192.0.2.11"},{"type":"Hostname","address":"n1"}]}}
            """)
        var expected = ClusterNode(name: "n1")
        expected.zone = "z1"
        expected.internalAddresses = [ip("192.0.2.11")]
        expected.podRanges = [range("10.244.1.0/24")]
        #expect(object == .node(expected))
    }

    @Test(
        "A node leaves while it is being deleted, or is marked for that by the cluster autoscaler",
        arguments: [
            ("", "", false), (",\"deletionTimestamp\":\"2026-11-30T10:00:00Z\"", "", true), (",\"deletionTimestamp\":null", "", false),
            ("", "{\"key\":\"a\",\"effect\":\"NoSchedule\"},{\"key\":\"ToBeDeletedByClusterAutoscaler\",\"effect\":\"NoSchedule\"}", true),
            ("", "{\"key\":\"node.kubernetes.io/unschedulable\",\"value\":\"ToBeDeletedByClusterAutoscaler\"}", false),
        ])
    func leavingNode(metadata: String, taints: String, isLeaving: Bool) throws {
        let object = try ClusterObject.read(.node, "{\"metadata\":{\"name\":\"n1\"\(metadata)},\"spec\":{\"taints\":[\(taints)]}}")
        guard case .node(let node) = object else { throw Failure("no node: \(object)") }
        #expect(node.isLeaving == isLeaving)
    }

    @Test("Ranges of addresses are read with any prefix, and know what they have")
    func ranges() {
        #expect(range("10.1.2.3/8").description == "10.0.0.0/8" && range("fd00::ff/120").description == "fd00::/120")
        #expect(range("0.0.0.0/0").contains(ip("203.0.113.1")) && !range("0.0.0.0/0").contains(ip("fd00::1")))
        #expect(range("::/0").contains(ip("fd00::1")) && range("fd00:96::/64").contains(ip("fd00:96::ffff")))
        #expect(!range("fd00:96::/64").contains(ip("fd00:96:0:1::1")) && range("10.0.0.1/32").contains(ip("10.0.0.1")))
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "/8", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/ 8"] {
            #expect(AddressRange(text) == nil)
        }
    }
}

import Foundation
import Glibc
import Kubernetes
import KubernetesTestSupport
import LBaaS
import TestSupport
import Testing
import WorkerHarness

/// A cluster in a folder of manifests.
struct ManifestFolder {
    let path: String

    init(in rig: Rig) throws {
        path = rig.path("manifests")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// A service of port 80 with these endpoints, in a file of its own, in place of what was there.
    func put(_ name: String, address: String, port: Int = 80, endpoints: [String], ending: [String] = []) throws {
        func endpoint(_ address: String, isReady: Bool) -> String {
            "{addresses: [\(address)], nodeName: n1, conditions: {ready: \(isReady), serving: true, terminating: \(!isReady)}}"
        }
        let all = endpoints.map { endpoint($0, isReady: true) } + ending.map { endpoint($0, isReady: false) }
        let text = """
            kind: Service
            apiVersion: v1
            metadata: {name: \(name), namespace: shop}
            spec: {clusterIP: \(address), ports: [{port: \(port)}]}
            ---
            kind: EndpointSlice
            apiVersion: discovery.k8s.io/v1
            metadata: {name: \(name)-1, namespace: shop, labels: {kubernetes.io/service-name: \(name)}}
            addressType: IPv4
            ports: [{port: 8080}]
            endpoints: [\(all.joined(separator: ", "))]
            """
        try write(text, "\(name).yaml")
    }

    /// A file of this text, in place of what was there.
    func write(_ text: String, _ name: String) throws {
        let new = path + "/.\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: new))
        guard rename(new, path + "/\(name)") == 0 else { throw systemError("cannot rename \(new)") }
    }

    func remove(_ name: String) { unlink(path + "/\(name).yaml") }
}

extension RealServers {
    /// The services of a Kubernetes cluster over the whole worker.
    @Suite struct Cluster {
        private func withCluster(
            _ more: String = "", _ body: (Rig, WorkerOptions, APIClient, ManifestFolder) async throws -> Void
        ) async throws {
            try await withRig { rig in
                let api = try APIClient(in: rig)
                let manifests = try ManifestFolder(in: rig)
                var options = rig.options()
                options.configuration =
                    "[gearman]\nservers =\n" + api.section + more
                    + "[source:kubernetes]\nmanifests = \(manifests.path)\nnode_name = n1\n"
                try await body(rig, options, api, manifests)
            }
        }

        /// The nodes of each load balancer that the cluster wants.
        private func served(_ api: APIClient) async throws -> [String: [String]] {
            let list = try JSON(bytes: Array(try await api.curl("/v1/load-balancers").body.utf8))
            let own = list["loadBalancers"].elements.filter { $0["source"] == "kubernetes" }
            return Dictionary(uniqueKeysWithValues: own.map { ($0["id"].text ?? "", $0["nodes"].elements.compactMap { $0["id"].text }) })
        }

        /// What a path of a port of this host answers, with its head.
        private func ask(_ port: UInt16, _ path: String) async throws -> String {
            try await onThread { try runProgram("/usr/bin/curl", ["-s", "-i", "--max-time", "5", "http://127.0.0.1:\(port)\(path)"]) }
        }

        @Test("follows the manifests, and is left alone by jobs")
        func manifests() async throws {
            try await withCluster { rig, options, api, manifests in
                try manifests.put("web", address: "10.96.0.10", endpoints: ["10.244.1.5", "10.244.1.6"])
                let worker = try rig.spawnWorker(options)
                let web = "k8s:shop/web/80-tcp/10.96.0.10"
                try await eventually("served") { (try? await served(api)) == [web: ["10.244.1.5:8080", "10.244.1.6:8080"]] }
                try manifests.put("web", address: "10.96.0.10", endpoints: ["10.244.1.6"])
                try manifests.put("db", address: "10.96.0.11", port: 5432, endpoints: ["10.244.1.7"])
                let db = "k8s:shop/db/5432-tcp/10.96.0.11"
                try await eventually("changed") { try await served(api) == [web: ["10.244.1.6:8080"], db: ["10.244.1.7:8080"]] }

                let refusal = try JSON(bytes: Array(try await api.submit(try job("DELETE", named(web)).bytes).body.utf8))
                #expect(refusal.failure == "loadBalancers[0]: '\(web)' is a service of the Kubernetes cluster; change it there")
                let update = try JSON(bytes: Array(try await api.submit(try job("UPDATE", loadBalancer("mine")).bytes).body.utf8))
                #expect(update.isPass)
                #expect(try await served(api).count == 2)

                manifests.remove("web")
                try await eventually("removed") { try await served(api) == [db: ["10.244.1.7:8080"]] }
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test("a service that cannot be served costs only itself, is told, and is served as soon as it can be")
        func refusal() async throws {
            try await withCluster { rig, options, api, manifests in
                try manifests.put("web", address: "10.96.0.10", endpoints: ["10.244.1.5"])
                let worker = try rig.spawnWorker(options)
                try await eventually("served") { (try? await served(api).count) == 1 }
                let mine = "{\"id\":\"mine\",\"protocol\":\"TCP\",\"address\":\"10.96.0.12\",\"port\":80,\"nodes\":[]}"
                let create = "{\"hpcs_action\":\"CREATE\",\"loadBalancers\":[\(mine)]}"
                #expect(try JSON(bytes: Array(try await api.submit(Array(create.utf8)).body.utf8)).isPass)
                try manifests.put("taken", address: "10.96.0.12", endpoints: ["10.244.1.6"])
                try manifests.put("free", address: "10.96.0.13", endpoints: ["10.244.1.6"])
                let sentence = "a service of the cluster cannot be served; the others are, and it is tried again"
                let line = try #require(try await worker.log.lines(sentence, count: 1).first)
                #expect(line["service"] == "shop/taken")
                #expect(line["error"]?.contains("would listen on 10.96.0.12:80/tcp, where 'mine' listens already") ?? false)
                try await eventually("the other one is served") { try await served(api)["k8s:shop/free/80-tcp/10.96.0.13"] != nil }
                let journal = try await api.curl("/v1/journal").body
                #expect(journal.contains("shop/taken: not served: "))
                let delete = try JSON(bytes: Array(try await api.submit(try job("DELETE", named("mine")).bytes).body.utf8))
                #expect(delete.isPass)
                // Also while others change all the time.
                var round = 0
                try await eventually("it is served") {
                    round += 1
                    try manifests.put("free", address: "10.96.0.13", endpoints: ["10.244.1.\(round % 200 + 1)"])
                    return try await served(api)["k8s:shop/taken/80-tcp/10.96.0.12"] != nil
                }
                try await worker.says("a service of the cluster is served now")
            }
        }

        @Test("an object that cannot be read is told, and is served when it can be")
        func unreadable() async throws {
            try await withCluster { rig, options, api, manifests in
                try manifests.put("web", address: "10.96.0.10", endpoints: ["10.244.1.5", "10.244.1.999"])
                let worker = try rig.spawnWorker(options)
                let line = try #require(
                    try await worker.log.lines("an object of the cluster cannot be read; nothing of it is served", count: 1).first)
                #expect(line["object"] == "EndpointSlice shop/web-1" && line["error"]?.contains("10.244.1.999") ?? false)
                #expect(try await api.curl("/v1/journal").body.contains("EndpointSlice shop/web-1 cannot be read: "))
                try manifests.put("web", address: "10.96.0.10", endpoints: ["10.244.1.5"])
                try await worker.says("an object of the cluster can be read again, or is gone")
                try await eventually("served") { try await served(api) == ["k8s:shop/web/80-tcp/10.96.0.10": ["10.244.1.5:8080"]] }
            }
        }

        @Test("goes on being served by a start that cannot read it, and goes with the section")
        func restart() async throws {
            try await withCluster { rig, options, api, manifests in
                try manifests.put("web", address: "10.96.0.10", endpoints: ["10.244.1.5"])
                var worker = try rig.spawnWorker(options)
                let web = ["k8s:shop/web/80-tcp/10.96.0.10": ["10.244.1.5:8080"]]
                try await eventually("served") { (try? await served(api)) == web }
                #expect(try await worker.end() == .exit(0))
                try FileManager.default.moveItem(atPath: manifests.path, toPath: manifests.path + "-away")
                worker = try rig.spawnWorker(options)
                try await worker.says("started")
                try await worker.says("the cluster cannot be read; what is served goes on")
                #expect(try await served(api) == web)
                #expect(try await worker.end() == .exit(0))

                // It is in a file of its own, and nowhere else.
                let kept = options.stateFolder + "/kubernetes.json"
                try FileManager.default.moveItem(atPath: kept, toPath: kept + "-away")
                worker = try rig.spawnWorker(options)
                try await worker.says("started")
                #expect(try await served(api).isEmpty)
                #expect(try await worker.end() == .exit(0))
                try FileManager.default.moveItem(atPath: kept + "-away", toPath: kept)

                var without = options
                without.configuration = "[gearman]\nservers =\n" + api.section
                worker = try rig.spawnWorker(without)
                try await worker.says("what was served of a Kubernetes cluster is removed: there is no section for it")
                try await worker.says("started")
                #expect(try await served(api).isEmpty)
                #expect(!FileManager.default.fileExists(atPath: kept))
            }
        }

        @Test("tells load balancers whether the node has endpoints, kubelets whether it serves, and dashboards how fast")
        func health() async throws {
            try await withCluster { rig, options, api, manifests in
                let (port, own) = (try freePort(), try freePort())
                func put(on node: String, at time: String) throws {
                    let text = """
                        kind: Service
                        apiVersion: v1
                        metadata: {name: web, namespace: shop}
                        spec: {type: LoadBalancer, clusterIP: 10.96.0.10, ports: [{port: 80}], externalTrafficPolicy: Local, healthCheckNodePort: \(port)}
                        ---
                        kind: EndpointSlice
                        apiVersion: discovery.k8s.io/v1
                        metadata:
                          {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}, annotations: {endpoints.kubernetes.io/last-change-trigger-time: "\(time)"}}
                        addressType: IPv4
                        ports: [{port: 8080}]
                        endpoints: [{addresses: [10.244.1.5], nodeName: \(node)}]
                        """
                    try manifests.write(text, "web.yaml")
                }
                try put(on: "n1", at: "2026-11-28T10:00:00Z")
                var options = options
                options.configuration += "health_listen = 127.0.0.1:\(own)\n"
                let worker = try rig.spawnWorker(options)
                try await worker.says("the services of the cluster are served")
                try await eventually("it answers") { (try? await ask(port, "/"))?.hasPrefix("HTTP/1.1 200") ?? false }
                let answer = try await ask(port, "/healthz")
                #expect(answer.contains("X-Load-Balancing-Endpoint-Weight: 1"))
                #expect(answer.contains("\"localEndpoints\": 1"))
                #expect(answer.contains("{\"namespace\": \"shop\", \"name\": \"web\"}"))
                for path in ["/healthz", "/livez"] {
                    let answer = try await ask(own, path)
                    #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("\"healthy\": true"), "\(answer)")
                }
                try put(on: "n2", at: "2026-11-28T10:00:01.5Z")
                try await eventually("it has no endpoint") { try await ask(port, "/").hasPrefix("HTTP/1.1 503") }
                let metrics = try await ask(own, "/metrics")
                #expect(metrics.contains("lbaas_kubernetes_services 1"))
                #expect(metrics.contains("kubeproxy_sync_proxy_rules_last_timestamp_seconds 1"))
                #expect(metrics.contains("kubeproxy_sync_proxy_rules_duration_seconds_count "))
                manifests.remove("web")
                try await eventually("nobody listens") { (try? await ask(port, "/")) == nil }
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test("tells load balancers to send nothing new where the Node is about to go, and kubelets that it lives")
        func leavingNode() async throws {
            try await withCluster { rig, options, api, manifests in
                let port = try freePort()
                func put(taints: String) throws {
                    try manifests.write("kind: Node\napiVersion: v1\nmetadata: {name: n1}\nspec: {taints: [\(taints)]}\n", "node.yaml")
                }
                try put(taints: "")
                var options = options
                options.configuration += "health_listen = 127.0.0.1:\(port)\n"
                let worker = try rig.spawnWorker(options)
                try await worker.says("the services of the cluster are served")
                func isEligible() async throws -> Bool { try await ask(port, "/healthz").contains("\"nodeEligible\": true") }
                try await eventually("it answers") { (try? await isEligible()) ?? false }
                try put(taints: "{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}")
                try await eventually("it knows") { try await !isEligible() }
                #expect(try await ask(port, "/healthz").hasPrefix("HTTP/1.1 503"))
                let alive = try await ask(port, "/livez")
                #expect(alive.hasPrefix("HTTP/1.1 200") && alive.contains("\"healthy\": true"), "\(alive)")
                try put(taints: "")
                try await eventually("it stays after all") { try await ask(port, "/healthz").hasPrefix("HTTP/1.1 200") }
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test("of an API server is served when all of it was listed once, and then change by change")
        func server() async throws {
            let service = """
                {"metadata":{"name":"web","namespace":"shop","resourceVersion":"5"},"spec":{"clusterIP":"10.96.0.10","ports":[{"port":80}]}}
                """
            func slice(_ addresses: String..., version: Int) -> String {
                let endpoints = addresses.map { "{\"addresses\":[\"\($0)\"],\"nodeName\":\"n1\"}" }.joined(separator: ",")
                return """
                    {"kind":"EndpointSlice","metadata":{"name":"web-1","namespace":"shop","resourceVersion":"\(version)","labels":{"kubernetes.io/service-name":"web"}},\
                    "addressType":"IPv4","ports":[{"port":8080}],"endpoints":[\(endpoints)]}
                    """
            }
            let change = "{\"type\":\"MODIFIED\",\"object\":\(slice("10.244.1.6", version: 9))}\n"
            let script: [ObjectKind: ReplayServer.Script] = [
                .service: ReplayServer.Script(list: [.list(.service, version: 7, [service])]),
                .endpointSlice: ReplayServer.Script(
                    list: [
                        .status(503, "not yet"), .list(.endpointSlice, version: 8, [slice("10.244.1.5", version: 6)]),
                    ],
                    watch: [ReplayServer.Answer(lines: [change], pause: 1, then: "hold")]),
            ]
            try await ReplayServer.run(script) { server in
                try await withRig { rig in
                    let api = try APIClient(in: rig)
                    var options = rig.options()
                    options.configuration =
                        "[gearman]\nservers =\n" + api.section
                        + "[source:kubernetes]\nserver = https://127.0.0.1:\(server.port)\n"
                        + "ca_file = \(server.certificates.file("authority"))\nnode_name = n1\n"
                    let worker = try rig.spawnWorker(options)
                    try await worker.says("started")
                    try await worker.says("the cluster cannot be read; what is served goes on")
                    #expect(try await served(api).isEmpty)
                    let web = "k8s:shop/web/80-tcp/10.96.0.10"
                    try await eventually("the change is served") { try await served(api) == [web: ["10.244.1.6:8080"]] }
                    #expect(try await worker.end() == .exit(0))
                }
            }
        }
    }
}

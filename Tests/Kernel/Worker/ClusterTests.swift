import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension OnKernel {
    /// The services of a Kubernetes cluster by the whole worker, over manifests, with `ipvsadm` and `ip` as witnesses. This kernel has no
    /// nf_tables for IPv4, so the edge has routes alone.
    @Suite("A cluster's services") struct ClusterTests {
        @Test("are what kube-proxy's own code makes of the same objects, in all cases, but where it breaks Kubernetes' contract")
        func cases() async throws {
            let cases = try ClusterCase.all()
            #expect(cases.count == 50)
            try await withNode { node in
                // One worker for all cases that want the same of it.
                for group in Dictionary(grouping: cases, by: \.options).sorted(by: { $0.key < $1.key }) {
                    let worker = try node.start(group.key)
                    try await worker.says("started")
                    for given in group.value { try await check(given, on: node) }
                    #expect(try await worker.end() == .exit(0))
                }
                #expect(try node.foreign() == ClusterNode.foreign)
            }
        }

        private func check(_ given: ClusterCase, on node: ClusterNode) async throws {
            try node.setAddresses(given.nodeAddresses)
            try node.apply(given.objects)
            do {
                try await eventually("the services") { try node.served() == given.services }
                try await eventually("the real servers") { try node.servers() == given.servers }
                try await eventually("the routes") { try node.routes() == given.addresses }
            } catch {
                Issue.record(
                    """
                    \(given.name): \(error)
                    services \(try node.served().sorted()) and not \(given.services.sorted())
                    servers \(try node.servers().sorted()) and not \(given.servers.sorted())
                    routes \(try node.routes().sorted()) and not \(given.addresses.sorted())
                    """)
            }
        }

        @Test("stay at a stop, are not written again by the next start, and go by --cleanup, with nothing else")
        func cleanup() async throws {
            try await withNode { node in
                let given = try #require(try ClusterCase.all().first { $0.services.count > 3 && $0.addresses.count > 1 })
                try node.setAddresses(given.nodeAddresses)
                try node.apply(given.objects)
                let worker = try node.start(given.options)
                try await eventually("served") { try node.served() == given.services && node.routes() == given.addresses }
                #expect(try await worker.end() == .exit(0))
                #expect(try node.served() == given.services)
                #expect(try node.routes() == given.addresses)

                let tap = try NetlinkTap(in: node.namespace)
                let next = try node.start(given.options)
                try await next.says("the services of the cluster are served")
                try await next.says("started")
                #expect(try tap.takeWrites() == 0)
                #expect(try node.served() == given.services)
                let refused = try await node.run(given.options, ["--cleanup"])
                #expect(refused.contains("a worker runs: stop it first"))
                #expect(try await next.end(by: SIGKILL) == .signal(SIGKILL))

                _ = try await node.run(given.options, ["--cleanup"])
                #expect(try node.namespace.savedTable() == [ClusterNode.foreignService])
                #expect(try node.routes() == [])
                #expect(try node.foreign() == ClusterNode.foreign)
            }
        }

        @Test("are reached by addresses of an interface of their own where that is asked for, and by routes after a restart without it")
        func binding() async throws {
            try await withNode { node in
                let given = try #require(try ClusterCase.all().first { $0.addresses.count > 1 })
                try node.setAddresses(given.nodeAddresses)
                try node.apply(given.objects)
                func options(_ binding: String) -> String { "\(given.options)\nbind = \(binding)\nstrict_arp = yes" }
                for binding in ["addresses", "routes", "addresses"] {
                    let worker = try node.start(options(binding))
                    func isServed() throws -> Bool {
                        let isBound = binding == "addresses"
                        return try node.servers() == given.servers && node.bound() == (isBound ? given.addresses : [])
                            && node.routes() == (isBound ? [] : given.addresses)
                    }
                    try await eventually("served by \(binding)") { try isServed() }
                    if binding == "addresses" {
                        let address = try #require(given.addresses.min())
                        for damage in ["addr del \(address)/\(address.contains(":") ? 128 : 32) dev lbaas0", "link del lbaas0"] {
                            try node.namespace.ip(damage)
                            try await eventually("served again after \(damage)") { try isServed() }
                        }
                    }
                    #expect(try node.namespace.parameter("net.ipv4.conf.all.arp_ignore") == 1)
                    #expect(try node.namespace.parameter("net.ipv4.conf.all.arp_announce") == 2)
                    #expect(try await worker.end() == .exit(0))
                    #expect(try isServed())
                }
                let log = try await node.run(options("addresses"), ["--cleanup"])
                #expect(log.contains("the interface lbaas0 with \(given.addresses.count) addresses"), "\(log)")
                #expect(log.contains("switches of the kernel stay as they are"))
                #expect(try node.bound() == [] && node.routes() == [])
                #expect(try node.namespace.savedTable() == [ClusterNode.foreignService])
                #expect(try node.foreign() == ClusterNode.foreign)
            }
        }

        @Test("are refused on a kernel without nf_tables for IPv4, in a sentence with the way out")
        func unsupported() async throws {
            try await withNode { node in
                let log = try await node.run("scheduler = rr", [], edge: "nftables")
                #expect(log.contains("this kernel has no nf_tables for IPv4 and IPv6"), "\(log)")
                #expect(log.contains("or set edge = routes"))
                #expect(try node.namespace.savedTable() == [ClusterNode.foreignService])
            }
        }

        @Test("are the same after random changes in any order as after a start with what there is in the end", arguments: [1, 2])
        func randomChanges(seed: Int) async throws {
            var random = SeededGenerator(seed: UInt64(seed))
            var objects: [String: [[String: Any]]] = [:]
            func change(_ number: Int) {
                let name = "s\(number)"
                guard Int.random(in: 0..<4, using: &random) > 0 else {
                    objects[name] = nil
                    return
                }
                let endpoints = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    let isReady = Bool.random(using: &random)
                    return [
                        "addresses": ["10.244.1.\(Int.random(in: 1...200, using: &random))"], "nodeName": "n1",
                        "conditions": ["ready": isReady, "serving": true, "terminating": !isReady],
                    ] as [String: Any]
                }
                let metadata: [String: Any] = ["name": name, "namespace": "shop"]
                let address = "10.96.\(number / 100).\(number % 100 + 1)"
                let port: [String: Any] = [
                    "port": Int.random(in: 80...82, using: &random), "protocol": Bool.random(using: &random) ? "TCP" : "UDP",
                ]
                objects[name] = [
                    ["kind": "Service", "apiVersion": "v1", "metadata": metadata, "spec": ["clusterIP": address, "ports": [port]]],
                    [
                        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
                        "metadata": ["name": name + "-1", "namespace": "shop", "labels": ["kubernetes.io/service-name": name]],
                        "ports": [["port": 8080, "protocol": port["protocol"] ?? "TCP"]], "endpoints": endpoints,
                    ],
                ]
            }
            try await withNode { node in
                for number in 0..<300 { change(number) }
                try node.apply(objects.values.flatMap(\.self))
                let worker = try node.start("scheduler = rr")
                try await worker.says("the services of the cluster are served")
                for _ in 0..<40 {
                    for _ in 0..<20 { change(.random(in: 0..<300, using: &random)) }
                    try node.apply(objects.values.flatMap(\.self))
                }
                try await withNode { fresh in
                    try fresh.apply(objects.values.flatMap(\.self))
                    let other = try fresh.start("scheduler = rr")
                    try await other.says("the services of the cluster are served")
                    try await eventually("the same table") {
                        try node.served() == fresh.served() && node.servers() == fresh.servers() && node.routes() == fresh.routes()
                    }
                    #expect(try fresh.servers().count > 100)
                    #expect(try await other.end() == .exit(0))
                }
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test("are gone when the worker is back that were deleted while it was dead, however soon behind their creation it died")
        func deletedMeanwhile() async throws {
            try await withNode { node in
                let given = try #require(try ClusterCase.all().first)
                try node.setAddresses(given.nodeAddresses)
                let rest = given.objects.filter { $0["kind"] as? String == "Node" }
                // At first nothing was ever kept, then objects without these services.
                for isKept in [false, false, true] {
                    try node.apply(rest)
                    var worker = try node.start(given.options)
                    try await worker.says("the services of the cluster are served")
                    if isKept {
                        #expect(try await worker.end() == .exit(0))
                        worker = try node.start(given.options)
                        try await worker.says("started")
                    }
                    try await eventually("nothing") { try node.namespace.savedTable() == [ClusterNode.foreignService] }
                    try node.apply(given.objects)
                    try await eventually("served") { try node.servers() == given.servers }
                    #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                }
                try node.apply(rest)
                var worker = try node.start(given.options)
                try await eventually("nothing") { try node.namespace.savedTable() == [ClusterNode.foreignService] }

                // The same where the objects were kept and cannot be read.
                try node.apply(given.objects)
                try await eventually("served") { try node.servers() == given.servers }
                #expect(try await worker.end() == .exit(0))
                try node.damageKeptObjects()
                try node.apply(rest)
                worker = try node.start(given.options)
                try await eventually("nothing") { try node.namespace.savedTable() == [ClusterNode.foreignService] }
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test("go by --cleanup however soon the worker died, and where the kept objects cannot be read")
        func cleanupAfterCrash() async throws {
            try await withNode { node in
                let given = try #require(try ClusterCase.all().first)
                try node.setAddresses(given.nodeAddresses)
                for isKept in [false, true] {
                    try node.apply(given.objects)
                    let worker = try node.start(given.options)
                    try await eventually("served") { try node.servers() == given.servers }
                    #expect(try await worker.end(by: isKept ? SIGTERM : SIGKILL) == (isKept ? .exit(0) : .signal(SIGKILL)))
                    if isKept { try node.damageKeptObjects() }
                    _ = try await node.run(given.options, ["--cleanup"])
                    #expect(try node.namespace.savedTable() == [ClusterNode.foreignService])
                }
            }
        }

        @Test("end with a service that is deleted before its pods, or behind them, by one change, and come back as they were")
        func orders() async throws {
            try await withNode { node in
                let given = try #require(try ClusterCase.all().first)
                try node.setAddresses(given.nodeAddresses)
                try node.apply(given.objects)
                let worker = try node.start(given.options)
                for isServiceFirst in [true, false] {
                    try await eventually("served") { try node.servers() == given.servers }
                    let rest = given.objects.filter { ($0["kind"] as? String == "Service") != isServiceFirst }
                    try node.apply(rest)
                    try await eventually("no real server") { try node.servers() == [] }
                    try node.apply(rest.filter { $0["kind"] as? String == "Node" })
                    try await eventually("no route") { try node.routes() == [] }
                    try await eventually("nothing") { try node.namespace.savedTable() == [ClusterNode.foreignService] }
                    try node.apply(given.objects)
                }
                try await eventually("served") { try node.servers() == given.servers }
                #expect(try await worker.end() == .exit(0))
            }
        }
    }
}

/// Runs a test with a node.
private func withNode(_ body: (ClusterNode) async throws -> Void) async throws {
    try await withRig { rig in try await body(try ClusterNode(rig)) }
}

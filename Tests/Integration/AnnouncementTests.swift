import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What a router knows of the services of a worker, by a real ExaBGP.
    @Suite struct Announcements {
        @Test func anAddressIsAnnouncedWhileOneOfItsServicesServes() async throws {
            try await withStage { stage in
                let (gearmand, bird) = (stage.gearmand, stage.network.bird)
                let worker = try await stage.start()
                try await gearmand.succeed(job("CREATE", balancer("a", "10.9.0.1"), balancer("six", "fd09::1")))
                try await gearmand.succeed(job("CREATE", balancer("idle", "10.9.0.2", weight: 0), loadBalancer("everywhere", port: 9)))
                try await bird.has(["10.9.0.1", "fd09::1"])
                let before = try await bird.routes()

                try await gearmand.succeed(job("CREATE", balancer("b", "10.9.0.1", port: 443), balancer("idle", "10.9.0.2")))
                try await bird.has(["10.9.0.1", "10.9.0.2", "fd09::1"])
                try await gearmand.succeed(job("SUSPEND", named("a"), named("six")))
                try await bird.has(["10.9.0.1", "10.9.0.2"])
                try await gearmand.succeed(job("DELETE", named("idle")))
                try await bird.has(["10.9.0.1"])
                #expect(try await bird.routes().isSubset(of: before))
                try await gearmand.succeed(job("DELETE", named("b")))
                try await bird.has([])
                try await gearmand.succeed(job("ENABLE", named("a")))
                try await bird.has(["10.9.0.1"])
                let steady = try await bird.routes()
                try await gearmand.succeed(job("UPDATE", balancer("heir", "10.9.0.1"), balancer("c", "10.9.0.3")))
                try await bird.has(["10.9.0.1", "10.9.0.3"])
                #expect(try await bird.routes().isSuperset(of: steady))
                try await gearmand.succeed(job("UPDATE", balancer("c", "10.9.0.3")))
                try await bird.has(["10.9.0.3"])
                #expect(try await worker.end() == .exit(0))
                try await bird.has(["10.9.0.3"])
            }
        }

        @Test func routesAreStoppedAndStartedByGoKeepalivedsAPIOverRestarts() async throws {
            try await withStage { stage in
                let (bird, client) = (stage.network.bird, try KeepalivedClient())
                let api = try APIClient(in: stage.network.rig)
                stage.sections["api"] = client.keys.merging(["socket": api.socket]) { $1 }
                var worker = try await stage.start()
                try await stage.gearmand.succeed(job("CREATE", balancer("six", "fd09::1"), balancer("b", "10.9.0.2")))
                for address in ["10.9.0.1", "10.9.0.3"] {
                    try await client.succeed("AddService", keepalivedService(address))
                    let real = ["RIP": "10.0.0.1", "RealPort": "8080", "Check": "tcp"]
                    try await client.succeed("AddReal", real.merging(keepalivedService(address)) { $1 })
                }
                try await bird.has(["10.9.0.1", "10.9.0.2", "10.9.0.3", "fd09::1"])
                let before = try await bird.routes()

                // Of what listens on it, and of what will.
                for address in ["10.9.0.1", "[fd09::1]", "10.9.0.4", "10.9.0.1"] {
                    try await client.succeed("StopNotification", ["VIP": address])
                }
                try await bird.has(["10.9.0.2", "10.9.0.3"])
                #expect(try await bird.routes().isSubset(of: before))
                try await stage.gearmand.succeed(job("CREATE", balancer("four", "10.9.0.4"), balancer("more", "10.9.0.1", port: 443)))
                #expect(try await client.ask("GetInfo")["10.9.0.4:tcp:80"].text?.hasPrefix("State:  true") == true)
                let why = try await api.get("/v1/why/10.9.0.1:tcp:80")
                let sentence = "no route to 10.9.0.1 is told: stopped by keepalived:127.0.0.1"
                #expect(why["summary"].text?.contains(sentence) == true)
                for step in why["why"].elements where ["wanted", "effective"].contains(step["step"].text) {
                    #expect(step["details"].elements.map { $0["what"] }.contains(.string(sentence)))
                }
                #expect(try await worker.end() == .exit(0))
                worker = try await stage.start()
                try await worker.says("bgp notifier: ExaBGP connected")
                try await bird.has(["10.9.0.2", "10.9.0.3"])

                try await client.succeed("StartNotification", ["VIP": "10.9.0.1"])
                try await bird.has(["10.9.0.1", "10.9.0.2", "10.9.0.3"])
                try await client.succeed("StopAllNotification", ["VIP": "10.9.0.3"])
                try await bird.has([])
                #expect(try await client.refusal("StartNotification", ["VIP": "10.9.0.2"]).contains("start all of them first"))
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                worker = try await stage.start()
                try await worker.says("bgp notifier: ExaBGP connected")
                try await bird.has([])
                try await client.succeed("StartAllNotification")
                try await bird.has(["10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4", "fd09::1"])
                let journal = try await api.get("/v1/journal")["journal"].elements.compactMap { $0["what"].text }
                #expect(
                    journal.filter { $0.contains("ROUTES") } == [
                        "STOP_ROUTES 10.9.0.1", "STOP_ROUTES fd09::1", "STOP_ROUTES 10.9.0.4", "START_ROUTES 10.9.0.1", "STOP_ROUTES *",
                        "START_ROUTES *",
                    ])
                let peer = try await client.refusal("AddPeer", ["Address": "fc12:1::1"])
                #expect(peer.contains("the neighbor fc12:1::1: add it to its configuration, and run 'exabgp-cli reload'"))
                #expect(try await client.refusal("RemovePeer", ["Address": "192.0.2.1"]).contains("take it out of its configuration"))
            }
        }

        @Test(arguments: ["SUSPEND", "DELETE"])
        func theRouteGoesBeforeTheListenerAndSoBeforeTheAnswer(action: String) async throws {
            try await withStage { stage in
                let (gearmand, bird) = (stage.gearmand, stage.network.bird)
                stage.sections["worker:dummy"] = ["slow": "\(action.lowercased())=60000"]
                let worker = try await stage.start()
                try await gearmand.succeed(job("CREATE", balancer("a", "10.9.0.1"), balancer("b", "10.9.0.2")))
                try await bird.has(["10.9.0.1", "10.9.0.2"])
                let before = try await bird.routes()
                async let reply = gearmand.ask(job(action, named("a")))
                try await bird.has(["10.9.0.2"])
                #expect(try await gearmand.function(WorkerOptions.function).running == 1)

                // The job was cut off, so the service is still there; the job server gives it to the next worker.
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                stage.sections["worker:dummy"] = nil
                _ = try await stage.start()
                #expect(try await reply.isPass)
                try await bird.has(["10.9.0.2"])
                #expect(try await bird.routes().isSubset(of: before))
            }
        }

        @Test(arguments: [SIGTERM, SIGKILL])
        func aRestartTouchesNothingButWhatChanged(signal: Int32) async throws {
            try await withStage { stage in
                let (gearmand, bird) = (stage.gearmand, stage.network.bird)
                stage.sections["service:kept"] = service("10.9.0.1")
                stage.sections["service:gone"] = service("10.9.0.2")
                var worker = try await stage.start()
                try await gearmand.succeed(job("CREATE", balancer("a", "10.9.0.3"), balancer("b", "10.9.0.4")))
                try await gearmand.succeed(job("SUSPEND", named("b")))
                try await bird.has(["10.9.0.1", "10.9.0.2", "10.9.0.3"])
                let before = try await bird.routes()
                for sections in [stage.sections, stage.sections.filter { $0.key != "service:gone" }] {
                    #expect(try await worker.end(by: signal) == (signal == SIGTERM ? .exit(0) : .signal(signal)))
                    #expect(try await bird.routes() == before)
                    stage.sections = sections
                    worker = try await stage.start()
                    // What comes last is done when all before it is.
                    try await gearmand.succeed(job("ENABLE", named("b")))
                    try await bird.has(Set(["10.9.0.1", "10.9.0.3", "10.9.0.4"] + (sections["service:gone"] == nil ? [] : ["10.9.0.2"])))
                    try await gearmand.succeed(job("SUSPEND", named("b")))
                    try await bird.has(Set(["10.9.0.1", "10.9.0.3"] + (sections["service:gone"] == nil ? [] : ["10.9.0.2"])))
                    let routes = try await bird.routes()
                    #expect(routes.isSubset(of: before), "\(routes.subtracting(before)) were not among \(before)")
                }
            }
        }

        @Test func aRouteOfAnUnknownServiceGoesWhereNobodyElseAnnouncesTheAddress() async throws {
            try await withStage { stage in
                stage.sections["service:gone"] = service("10.9.0.1")
                stage.sections["service:kept"] = service("10.9.0.2")
                var worker = try await stage.start()
                try await stage.network.bird.has(["10.9.0.1", "10.9.0.2"])
                let before = try await stage.network.bird.routes()
                // Nobody is told that this one goes.
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                let bgp = stage.sections["notifier:bgp"]
                stage.sections["notifier:bgp"] = nil
                stage.sections["service:gone"] = nil
                worker = try await stage.start()
                #expect(try await worker.end() == .exit(0))
                stage.sections["notifier:bgp"] = bgp
                worker = try await stage.start()
                try await worker.says("bgp notifier: ExaBGP connected")
                try await stage.network.bird.has(["10.9.0.1", "10.9.0.2"])
                #expect(try await worker.end() == .exit(0))
                stage.sections["notifier:bgp"]?["own_addresses"] = "10.9.0.0/24"
                _ = try await stage.start()
                try await stage.network.bird.has(["10.9.0.2"])
                #expect(try await stage.network.bird.routes().isSubset(of: before))
            }
        }

        @Test func whatHoldsIsAnnouncedAnewAfterARestartOfExaBGPAndOfTheRouter() async throws {
            try await withStage { stage in
                let (gearmand, network) = (stage.gearmand, stage.network)
                let worker = try await stage.start()
                try await gearmand.succeed(job("CREATE", balancer("a", "10.9.0.1"), balancer("b", "10.9.0.2")))
                try await network.bird.has(["10.9.0.1", "10.9.0.2"])
                network.exabgp.send(SIGKILL)
                _ = try await network.exabgp.end()
                try await worker.says("bgp notifier: ExaBGP lost")
                // Nobody announces it, so nobody is waited for.
                try await gearmand.succeed(job("DELETE", named("b")))
                try network.startExaBGP()
                try await network.bird.has(["10.9.0.1"])

                network.router.send(SIGKILL)
                _ = try await network.router.end()
                try await gearmand.succeed(job("CREATE", balancer("c", "10.9.0.3")))
                try network.startRouter()
                try await network.bird.has(["10.9.0.1", "10.9.0.3"])
            }
        }

        @Test func anExaBGPThatHangsHoldsUpAJobForTwoSeconds() async throws {
            try await withStage { stage in
                let worker = try await stage.start(bgp: ["timeout": "60"])
                try await stage.gearmand.succeed(job("CREATE", balancer("a", "10.9.0.1"), balancer("b", "10.9.0.2")))
                try await stage.network.bird.has(["10.9.0.1", "10.9.0.2"])
                stage.network.exabgp.send(SIGSTOP)
                let start = ContinuousClock.now
                try await stage.gearmand.succeed(job("DELETE", named("a")))
                #expect(ContinuousClock.now - start < .seconds(55))
                #expect(try await worker.log.lines("a notifier could not hand on in time that services go", count: 1).count == 1)
                stage.network.exabgp.send(SIGCONT)
                try await stage.network.bird.has(["10.9.0.2"])
            }
        }

        @Test func theRouteIsThereWhileQuorumHoldsThroughRestarts() async throws {
            try await withStage { stage in
                let (gearmand, network) = (stage.gearmand, stage.network)
                var servers: [Socket?] = [try nodeServer(), try nodeServer(), try nodeServer()]
                let ports = servers.compactMap { $0?.port }
                stage.sections["worker:dummy"] = ["checks": "yes"]
                stage.sections["service:steady"] = service("10.9.0.9")
                var worker = try await stage.start()
                let web = checkedBalancer("web", port: 80, nodes: ports, more: ["quorum": 2, "address": "10.9.0.1"])
                try await gearmand.succeed(job("CREATE", web))
                try await network.bird.has(["10.9.0.1", "10.9.0.9"])
                let before = try await network.bird.routes()
                servers[0] = nil
                try await eventually("a node is down") { try await gearmand.nodes(of: named("web"))["n0"] == "DOWN" }
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                worker = try await stage.start()
                servers[0] = try nodeServer(port: ports[0])
                try await eventually("the node is back") { try await gearmand.nodes(of: named("web"))["n0"] == "UP" }
                #expect(try await network.bird.routes() == before)

                // The quorum is lost while nobody looks.
                #expect(try await worker.end() == .exit(0))
                (servers[1], servers[2]) = (nil, nil)
                worker = try await stage.start()
                try await network.bird.has(["10.9.0.9"])
                network.exabgp.send(SIGTERM)
                _ = try await network.exabgp.end()
                try network.startExaBGP()
                try await network.bird.has(["10.9.0.9"])
                servers[1] = try nodeServer(port: ports[1])
                try await network.bird.has(["10.9.0.1", "10.9.0.9"])
                network.router.send(SIGKILL)
                _ = try await network.router.end()
                servers[0] = nil
                try await eventually("the node is down") { try await gearmand.nodes(of: named("web"))["n0"] == "DOWN" }
                try network.startRouter()
                try await network.bird.has(["10.9.0.9"])
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test func silenceIsAMatterOfTheFile() async throws {
            try await withStage { stage in
                let (gearmand, bird) = (stage.gearmand, stage.network.bird)
                var worker = try await stage.start()
                try await gearmand.succeed(job("CREATE", balancer("a", "10.9.0.1"), balancer("b", "10.9.0.2"), balancer("c", "10.9.1.1")))
                let all: Set = ["10.9.0.1", "10.9.0.2", "10.9.1.1"]
                try await bird.has(all)
                let turns: [(keys: [String: String], routes: Set<String>)] = [
                    (["silent_addresses": "10.9.0.2, 10.9.1.0/24"], ["10.9.0.1"]), (["silent": "yes"], []), ([:], all),
                ]
                for turn in turns {
                    #expect(try await worker.end() == .exit(0))
                    worker = try await stage.start(bgp: turn.keys)
                    try await bird.has(turn.routes)
                }
                #expect(try await worker.end() == .exit(0))
                worker = try await stage.start(bgp: ["withdraw_on_stop": "yes"])
                try await worker.says("bgp notifier: ExaBGP connected")
                #expect(try await worker.end() == .exit(0))
                try await bird.has([])
            }
        }
    }
}

/// A router with ExaBGP, a job server, and workers that announce their services.
private final class Stage {
    let network: Network
    let gearmand: Gearmand
    /// The configuration file of the next worker.
    var sections: Sections

    init(_ rig: Rig) async throws {
        network = try Network(rig)
        gearmand = try await rig.startGearmand()
        sections = ["notifier:bgp": network.section]
    }

    /// Starts a worker.
    ///
    /// - Parameter bgp: what else its section `[notifier:bgp]` has.
    func start(bgp: [String: String] = [:]) async throws -> WorkerProcess {
        var sections = sections
        if !bgp.isEmpty { sections["notifier:bgp"]?.merge(bgp) { _, own in own } }
        var options = network.rig.options(gearmand)
        options.configuration = sections.text
        return try await network.rig.startWorker(options)
    }
}

private func withStage(_ body: (Stage) async throws -> Void) async throws {
    try await withRig { rig in try await body(try await Stage(rig)) }
}

/// A load balancer of a job that listens on an address.
private func balancer(_ id: String, _ address: String, port: Int = 80, weight: Int = 1) -> JSON {
    var balancer = loadBalancer(id, port: port, weights: weight)
    balancer["address"] = .string(address)
    return balancer
}

import LBaaS
import TestSupport
import Testing

extension OnKernel {
    /// What clients see of load balancers that the driver programs and changes.
    @Suite("A load balancer of the driver") struct TrafficTests {
        @Test("balances by weight, exactly", arguments: Family.allCases)
        func weights(family: Family) throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let bench = try DriverBench(in: lab.director)
                let web = try lab.balancer("web", family) { $0["r1"].weight = 3 }
                try bench.run(web)
                #expect(try lab.share(of: 8, to: web) == ["r1": 6, "r2": 2])
                try bench.run(
                    web.with {
                        $0["r2"].weight = 1
                        $0["r1"].weight = 1
                    })
                #expect(try lab.share(of: 8, to: web) == ["r1": 4, "r2": 4])
                try bench.run(web.with { $0["r1"].weight = 0 })
                #expect(try lab.share(of: 4, to: web) == ["r2": 4])
            }
        }

        @Test(
            "balances by connections, each algorithm in its way",
            arguments: [
                (.leastConnections, 3, 8, ["r1": 6, "r2": 2]), (.shortestExpectedDelay, 3, 8, ["r1": 6, "r2": 2]),
                (.shortestExpectedDelay, 3, 2, ["r1": 2]), (.neverQueue, 3, 2, ["r1": 1, "r2": 1]),
            ] as [(Algorithm, UInt16, Int, [String: Int])])
        func connections(algorithm: Algorithm, weight: UInt16, count: Int, share: [String: Int]) throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer {
                    $0.algorithm = algorithm
                    $0["r1"].weight = weight
                }
                try DriverBench(in: lab.director).run(web)
                let open = try (0..<count).map { _ in try lab.connect(web) }
                #expect(Dictionary(grouping: open, by: \.server).mapValues(\.count) == share)
            }
        }

        @Test(
            "finds a client's node by its address, or by its port too, and another for it when that one drains",
            arguments: [.sourceIP, .maglev] as [Algorithm])
        func hashes(algorithm: Algorithm) throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer { $0.algorithm = algorithm }
                _ = try sticksAndDrains(lab, web)
                _ = try DriverBench(in: lab.director, ["hash_port": "yes"], running: [web])
                #expect(try lab.share(of: 32, to: web).count == 2)
            }
        }

        @Test("keeps a client at its node by session persistence, and lets go of it when the node drains", arguments: Family.allCases)
        func persistence(family: Family) throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer("web", family) { $0.sessionPersistence = .sourceIP(timeout: 60) }
                let (bench, running) = try sticksAndDrains(lab, web)
                try bench.run(web.with { $0.sessionPersistence = LBaaS.SessionPersistence.none })
                #expect(try lab.share(of: 4, to: web) == ["r1": 2, "r2": 2])
                #expect(try running.ask() == running.server)
            }
        }

        /// Runs a load balancer that keeps the client at one node, and drains that.
        ///
        /// - Returns: the driver, and a connection to the node that drains.
        private func sticksAndDrains(_ lab: Lab, _ web: LoadBalancer) throws -> (DriverBench, Connection) {
            let bench = try DriverBench(in: lab.director)
            try bench.run(web)
            let running = try lab.connect(web)
            let other = try lab.other(than: running.server).name
            #expect(try lab.share(of: 4, to: web) == [running.server: 4])
            try bench.run(web.with { $0[running.server].condition = .draining })
            #expect(try lab.share(of: 4, to: web) == [other: 4])
            #expect(try running.ask() == running.server)
            return (bench, running)
        }

        @Test("lets a backup serve when no other node does, and takes the service back without cutting its connections")
        func backup() throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer { $0["r2"].isBackup = true }
                let bench = try DriverBench(in: lab.director)
                try bench.run(web)
                let first = try lab.connect(web)
                #expect(try lab.share(of: 3, to: web) == ["r1": 3])
                try bench.run(web.with { $0["r1"].condition = .draining })
                #expect(try lab.share(of: 3, to: web) == ["r2": 3])
                #expect(try bench.up() == ["r2"])
                let second = try lab.connect(web)
                try bench.run(web)
                #expect(try lab.share(of: 3, to: web) == ["r1": 3])
                #expect(try [first, second].map { try $0.ask() } == ["r1", "r2"])
                #expect(try bench.up() == ["r1"])
            }
        }

        @Test("has one writer with GALERA, the first backup that can when the node cannot")
        func galera() throws {
            try withLab(realServers: 3) { lab in
                try lab.serve(.tcp)
                let base = try lab.balancer("base", as: .galera) {
                    $0["r1"].isBackup = true
                    $0["r3"].isBackup = true
                }
                let bench = try DriverBench(in: lab.director)
                try bench.run(base)
                #expect(try lab.share(of: 3, to: base) == ["r2": 3])
                let running = try lab.connect(base)
                try bench.run(base.with { $0["r2"].weight = 0 })
                #expect(try lab.share(of: 3, to: base) == ["r1": 3])
                try bench.run(
                    base.with {
                        $0["r2"].weight = 0
                        $0["r1"].condition = .disabled
                    })
                #expect(try lab.share(of: 3, to: base) == ["r3": 3])
                #expect(try running.ask() == "r2")
            }
        }

        @Test("is changed in place, and what runs goes on", arguments: Family.allCases)
        func inPlace(family: Family) throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer("web", family)
                let bench = try DriverBench(in: lab.director)
                try bench.run(web)
                let running = try ["r1", "r2"].map { try lab.connect(web, reaching: $0) }
                let changes: [(String, (inout LoadBalancer) -> Void)] = [
                    ("weight", { $0["r1"].weight = 9 }),
                    (
                        "no weight",
                        {
                            $0["r1"].weight = 0
                            $0["r2"].weight = 0
                        }
                    ),
                    ("algorithm", { $0.algorithm = .leastConnections }), ("a hash", { $0.algorithm = .maglev }),
                    ("persistence", { $0.sessionPersistence = .sourceIP(timeout: 30) }), ("forwarding", { $0.forwarding = .direct }),
                    ("a tunnel", { $0.forwarding = .tunnel(Tunnel(kind: .gre)) }), ("protocol", { $0.serviceProtocol = .http }),
                    ("backup", { $0["r2"].isBackup = true }), ("ids", { $0["r2"].id = "another" }), ("nothing", { _ in }),
                ]
                for (what, change) in changes {
                    let plan = try bench.run(web.with(change))
                    #expect(plan.allSatisfy { $0.hasPrefix("set ") || $0.hasPrefix("beware") }, "\(what)")
                    #expect(try running.map { try $0.ask() } == ["r1", "r2"], "\(what)")
                    #expect(try bench.resync() == [], "\(what)")
                }
                #expect(try lab.share(of: 4, to: web) == ["r1": 2, "r2": 2])
            }
        }

        /// Not so with DIRECT: a real server has one route for all of its connections, and the route for DIRECT is of a kind of its own.
        @Test("forwards new connections in the new way, and running ones in the old", arguments: Family.allCases)
        func newForwarding(family: Family) throws {
            try withLab { lab in
                for server in lab.realServers { try server.unwrap(Tunnel(kind: .ipip)) }
                try lab.serve(.tcp)
                let web = try lab.balancer("web", family)
                let bench = try DriverBench(in: lab.director)
                var running: [Connection] = []
                for forwarding in [.nat, .tunnel(Tunnel(kind: .ipip)), .nat] as [LBaaS.Forwarding] {
                    try bench.run(web.with { $0.forwarding = forwarding })
                    for connection in running { #expect(try connection.ask() == connection.server) }
                    running += try (0..<2).map { _ in try lab.connect(web) }
                    for connection in running { #expect(try connection.ask() == connection.server) }
                }
                #expect(Set(running.map(\.server)) == ["r1", "r2"])
            }
        }

        @Test("comes back from SUSPEND in another way: what ran is reset, and nothing new gets lost", arguments: Family.allCases)
        func suspendedForwarding(family: Family) throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer("web", family)
                let bench = try DriverBench(in: lab.director)
                for forwarding in [.nat, .direct, .nat] as [LBaaS.Forwarding] {
                    let changed = web.with { $0.forwarding = forwarding }
                    try bench.run(changed)
                    #expect(try lab.share(of: 4, to: web) == ["r1": 2, "r2": 2])
                    let running = try ["r1", "r2"].map { try lab.connect(web, reaching: $0) }
                    try bench.run(changed.with { $0.isSuspended = true })
                    for connection in running { #expect(throws: SocketError.reset) { try connection.ask() } }
                }
            }
        }

        @Test("exchanges a node for another, and never refuses a client meanwhile")
        func exchange() throws {
            try withLab(realServers: 3) { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer()
                let (before, after) = (web.with { $0.nodes.removeLast() }, web.with { $0.nodes.removeFirst() })
                let bench = try DriverBench(in: lab.director)
                try bench.run(before)
                let running = try ["r1", "r2"].map { try lab.connect(web, reaching: $0) }
                let plan = try bench.run(after.letting("r1", of: before))
                #expect(plan.map { $0.split(separator: " ")[0] }.sorted() == ["add", "set"])
                #expect(try lab.share(of: 4, to: web) == ["r2": 2, "r3": 2])
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])
                // Its time is over: what still runs is reset, for it would never hear anything again.
                try bench.run(after)
                #expect(try lab.director.savedTable().count == 3)
                #expect(throws: SocketError.reset) { try running[0].ask() }
                #expect(try running[1].ask() == "r2")
            }
        }

        @Test("schedules each UDP packet for itself where the configuration says so, but for NAT")
        func onePacket() throws {
            try withLab { lab in
                let balancers = try [.direct, .nat].enumerated().map { index, forwarding in
                    try lab.balancer(.init("\(index)"), as: .udp, port: UInt16(53 + index)) { $0.forwarding = forwarding }
                }
                for balancer in balancers { try lab.serve(balancer) }
                let bench = try DriverBench(in: lab.director)
                try bench.run(balancers)
                let client = try lab.connect(balancers[0])
                #expect(try (0..<4).map { _ in try client.ask() } == [String](repeating: client.server, count: 4))
                _ = try DriverBench(in: lab.director, ["one_packet": "yes"], running: balancers)
                let other = try lab.connect(balancers[0])
                #expect(try Set((0..<4).map { _ in try other.ask() }) == ["r1", "r2"])
                // There no answer would be translated back.
                #expect(try lab.share(of: 4, to: balancers[1]) == ["r1": 2, "r2": 2])
            }
        }

        @Test("gives a node no more connections than the configuration says")
        func thresholds() throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let web = try lab.balancer { $0["r1"].weight = 100 }
                try DriverBench(in: lab.director, ["upper_threshold": "3", "lower_threshold": "2"]).run(web)
                let open = try (0..<6).map { _ in try lab.connect(web) }
                #expect(Dictionary(grouping: open, by: \.server).mapValues(\.count) == ["r1": 3, "r2": 3])
                #expect(throws: SocketError.refused) { try lab.connect(web) }
            }
        }
    }
}

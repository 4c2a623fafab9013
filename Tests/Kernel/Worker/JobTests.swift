import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension OnKernel {
    /// Jobs that take nodes out while connections to them run.
    @Suite("A job") struct JobTests {
        private let patient = ["drain_timeout": "86400"]
        private let service = Service(transport: .tcp, family: .v4)

        @Test("whose traffic would come back to where it came from is refused, and a dry run says the same")
        func loop() throws {
            try withWorker([:]) { lab, worker in
                func lb(_ id: String, _ port: Double, to target: Double) -> JSON {
                    let node: JSON = ["id": "n", "address": "127.0.0.1", "port": .number(target)]
                    return ["id": .string(id), "protocol": "TCP", "address": "127.0.0.1", "port": .number(port), "nodes": .array([node])]
                }
                let before = try lab.director.savedTable()
                for loop in [[lb("a", 81, to: 81)], [lb("a", 81, to: 82), lb("b", 82, to: 81)]] {
                    for action in ["CREATE", "UPDATE"] {
                        let sentences = try [true, false].map { try worker.ask(job(action, loop, dryRun: $0))["hpcs_error"].text }
                        #expect(sentences[0] == sentences[1])
                        #expect(sentences[0]?.contains("its traffic would go round in a loop") == true, "\(sentences)")
                    }
                }
                #expect(try lab.director.savedTable() == before)
            }
        }

        @Test("DELETE lets what runs finish, and then the service goes")
        func delete() throws {
            try withWorker(patient) { lab, worker in
                let running = try ["r1", "r2"].map { try lab.connect(service, reaching: $0) }
                try worker.succeed(job("DELETE", named("web")))
                #expect(try worker.ask(job("STATS"))["status"] == "DELETED")
                #expect(try lab.director.savedTable() == rules(r1: 0, r2: 0))
                #expect(throws: SocketError.refused) { try lab.connect(service) }
                try worker.advance(seconds: 60)
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])
                running[0].close()
                try waitUntil("r1 goes") {
                    try worker.advance(seconds: 1)
                    return try lab.director.savedTable() == rules(r2: 0)
                }
                #expect(try running[1].ask() == "r2")
                running[1].close()
                try waitUntil("the service goes") {
                    try worker.advance(seconds: 1)
                    return try lab.director.savedTable() == []
                }
            }
        }

        @Test("DELETE lets what runs finish for so long and no longer")
        func deadline() throws {
            try withWorker(["drain_timeout": "30"]) { lab, worker in
                let running = try lab.connect(service)
                try worker.succeed(job("DELETE"))
                try worker.advance(seconds: 29)
                #expect(try running.ask() == running.server)
                try worker.advance(seconds: 1)
                #expect(throws: SocketError.reset) { try running.ask() }
                #expect(try lab.director.savedTable() == [])
            }
        }

        @Test("DELETE by force lets nothing finish")
        func force() throws {
            try withWorker { lab, worker in
                let running = try lab.connect(service)
                var delete = job("DELETE")
                delete["hpcs_force"] = true
                try worker.succeed(delete)
                #expect(try lab.director.savedTable() == [])
                #expect(throws: (any Error).self) { try running.ask(within: 0.5) }
            }
        }

        @Test("takes a node out, which finishes what it has though the worker starts anew meanwhile, and without a write")
        func restart() throws {
            try withWorker(patient) { lab, worker in
                let running = try lab.connect(service, reaching: "r1")
                try worker.succeed(job("CREATE", lab.listed(weights: ["r2": 1])))
                let table = rules(r1: 0, r2: 1)
                #expect(try lab.director.savedTable() == table)
                let tap = try NetlinkTap(in: lab.director)
                for _ in 0..<2 {
                    try worker.restart()
                    try worker.advance(seconds: 60)
                    try worker.resync()
                }
                #expect(try tap.takeWrites() == 0)
                #expect(try lab.director.savedTable() == table)
                #expect(try running.ask() == "r1")
                #expect(try lab.share(of: 3, to: service) == ["r2": 3])
                running.close()
                try waitUntil("r1 goes") {
                    try worker.advance(seconds: 1)
                    return try lab.director.savedTable() == rules(r2: 1)
                }
                #expect(try tap.takeWrites() == 1)
                #expect(try lab.share(of: 3, to: service) == ["r2": 3])
            }
        }

        @Test("wants a node again that drains, and it gets its weight back with its connections", arguments: [false, true])
        func again(restarts: Bool) throws {
            try withWorker(patient) { lab, worker in
                let running = try lab.connect(service, reaching: "r1")
                try worker.succeed(job("CREATE", lab.listed(weights: ["r2": 1])))
                #expect(try worker.nodes() == ["r2": "UP"])
                if restarts { try worker.restart() }
                try worker.succeed(job("CREATE", lab.listed(weights: ["r1": 3, "r2": 1])))
                #expect(try lab.director.savedTable() == rules(r1: 3, r2: 1))
                #expect(try lab.share(of: 4, to: service) == ["r1": 3, "r2": 1])
                try worker.advance(seconds: 100_000)
                #expect(try running.ask() == "r1")
            }
        }

        @Test("has a node DRAINING, which finishes what it has and is then out of the table")
        func draining() throws {
            try withWorker(patient) { lab, worker in
                let running = try lab.connect(service, reaching: "r1")
                var listed = try lab.listed(weights: ["r1": 1, "r2": 1])
                var nodes = listed["nodes"].elements
                nodes[0]["condition"] = "DRAINING"
                listed["nodes"] = .array(nodes)
                try worker.succeed(job("CREATE", listed))
                #expect(try lab.director.savedTable() == rules(r1: 0, r2: 1))
                #expect(try worker.nodes() == ["r1": "DOWN", "r2": "UP"])
                #expect(try running.ask() == "r1")
                running.close()
                try waitUntil("r1 goes") {
                    try worker.advance(seconds: 1)
                    return try lab.director.savedTable() == rules(r2: 1)
                }
                try worker.succeed(job("CREATE", lab.listed(weights: ["r1": 1, "r2": 1])))
                #expect(try lab.share(of: 4, to: service) == ["r1": 2, "r2": 2])
            }
        }

        @Test("SUSPEND takes the service out at once, and ENABLE brings it back as it was, a new start of the worker in between or not")
        func suspend() throws {
            try withWorker { lab, worker in
                for restarts in [false, true] {
                    let table = rules(r1: 1, r2: 1)
                    #expect(try lab.director.savedTable() == table)
                    try worker.succeed(job("SUSPEND"))
                    #expect(try worker.nodes() == ["r1": "DOWN", "r2": "DOWN"])
                    #expect(throws: SocketError.refused) { try lab.connect(service) }
                    if restarts { try worker.restart() }
                    try worker.advance(seconds: 3)
                    #expect(try lab.director.savedTable() == [])
                    try worker.resync()
                    #expect(try lab.director.savedTable() == [])
                    try worker.succeed(job("ENABLE"))
                    #expect(try lab.director.savedTable() == table)
                    #expect(try worker.nodes() == ["r1": "UP", "r2": "UP"])
                    #expect(try lab.share(of: 4, to: service) == ["r1": 2, "r2": 2])
                }
            }
        }

        @Test("SUSPEND ends what runs, so that a load balancer can come back with DIRECT")
        func direct() throws {
            try withWorker { lab, worker in
                let running = try ["r1", "r2"].map { try lab.connect(service, reaching: $0) }
                try worker.succeed(job("SUSPEND"))
                for connection in running { #expect(throws: SocketError.reset) { try connection.ask() } }
                try worker.succeed(job("CREATE", lab.listed(weights: ["r1": 1, "r2": 1], ["forwarding": "DIRECT"])))
                for connection in running { #expect(throws: (any Error).self) { try connection.ask(within: 0.1) } }
                #expect(try lab.share(of: 4, to: service) == ["r1": 2, "r2": 2])
            }
        }

        @Test("is all or nothing: what the kernel refuses leaves the table as it was, and what runs running")
        func allOrNothing() throws {
            try withWorker { lab, worker in
                let running = try lab.connect(service)
                var bad = try lab.listed("bad", port: 81, weights: ["r1": 1])
                // Of nobody: the kernel knows that it is the address of all in the network.
                bad["nodes"] = [["id": "all", "address": "10.2.0.255", "port": 81]]
                let change = try lab.listed(weights: ["r1": 9])
                let reply = try worker.ask(job("UPDATE", change, try lab.listed("good", port: 82, weights: ["r1": 1]), bad))
                #expect(reply.failure?.contains("10.2.0.255:81") == true, "\(reply)")
                #expect(try lab.director.savedTable() == rules(r1: 1, r2: 1))
                #expect(try worker.nodes() == ["r1": "UP", "r2": "UP"])
                #expect(try running.ask() == running.server)
                try worker.succeed(job("CREATE", try lab.listed("good", port: 82, weights: ["r1": 1])))
                try worker.restart()
                #expect(try lab.director.savedTable().count == 5)
            }
        }

        @Test("that is a dry run tells what would be done, and does nothing")
        func dryRun() throws {
            try withWorker { lab, worker in
                let tap = try NetlinkTap(in: lab.director)
                let reply = try worker.ask(job("CREATE", lab.listed(weights: ["r1": 7]), dryRun: true))
                #expect(
                    Set(reply["plan"].texts) == [
                        "set real server 10.2.0.11:80 of 10.9.0.1:80/tcp: NAT, weight 7",
                        "set real server 10.2.0.12:80 of 10.9.0.1:80/tcp: NAT, weight 0",
                    ])
                #expect(try tap.takeWrites() == 0)
                #expect(try lab.director.savedTable() == rules(r1: 1, r2: 1))
            }
        }

        private func rules(r1: Int? = nil, r2: Int? = nil) -> Set<Rule> {
            Set(
                ["-A -t 10.9.0.1:80 -s wrr"] + (r1.map { ["-a -t 10.9.0.1:80 -r 10.2.0.11:80 -m -w \($0)"] } ?? [])
                    + (r2.map { ["-a -t 10.9.0.1:80 -r 10.2.0.12:80 -m -w \($0)"] } ?? []))
        }
    }
}

/// Runs a test with a lab, a worker on its director, and a load balancer for TCP over two nodes.
private func withWorker(_ section: [String: String] = [:], _ body: (Lab, WorkerBench) throws -> Void) throws {
    try withLab { lab in
        try lab.serve(.tcp)
        let worker = try WorkerBench(in: lab.director, section)
        try worker.succeed(job("CREATE", lab.listed(weights: ["r1": 1, "r2": 1])))
        try body(lab, worker)
    }
}

import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension OnKernel {
    /// Nodes that the worker checks, and the kernel's table.
    @Suite("The health of nodes") struct HealthTests {
        private let service = Service(transport: .tcp, family: .v4)

        /// A monitor that connects each second and believes the first answer.
        private func monitor(_ more: [String: JSON] = [:]) -> JSON {
            var monitor: JSON = ["type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1]
            for (name, value) in more { monitor[name] = value }
            return monitor
        }

        /// What checks of a real server connect to, besides what it serves.
        private func healthPort(of server: RealServer, port: UInt16 = 81) throws -> Socket {
            try server.namespace.run {
                let address = try server.address(.v4)
                let socket = try Socket(.tcp, for: address)
                try socket.bind(to: address, port: port)
                try socket.listen()
                return socket
            }
        }

        private func rules(r1: Int?, r2: Int?) -> Set<Rule> {
            Set(
                ["-A -t 10.9.0.1:80 -s wrr"] + (r1.map { ["-a -t 10.9.0.1:80 -r 10.2.0.11:80 -m -w \($0)"] } ?? [])
                    + (r2.map { ["-a -t 10.9.0.1:80 -r 10.2.0.12:80 -m -w \($0)"] } ?? []))
        }

        @Test("While nodes go that say so before, no connection fails")
        func graceful() async throws {
            try await withProgram { lab, gearmand, start in
                _ = try await start()
                var ports = try lab.realServers.map { try healthPort(of: $0) }
                let checks = monitor(["port": 81, "quiesce": true])
                try await gearmand.succeed(job("CREATE", lab.listed(weights: ["r1": 1, "r2": 1], ["monitor": checks])))
                try await eventually("both are up") { try lab.director.savedTable() == rules(r1: 1, r2: 1) }
                let running = try ["r1", "r2"].map { try lab.connect(service, reaching: $0) }
                let load = Load(from: lab.client)
                for (index, other) in ["r2", "r1"].enumerated() {
                    withExtendedLifetime(ports.remove(at: index)) {}
                    let resting = index == 0 ? rules(r1: 0, r2: 1) : rules(r1: 1, r2: 0)
                    try await eventually("the node gets nothing new") { try lab.director.savedTable() == resting }
                    // What was on its way to it has come there.
                    try await load.goesOn(for: 2)
                    let before = load.tally.served[other] ?? 0
                    try await load.goesOn(for: 40)
                    #expect((load.tally.served[other] ?? 0) >= before + 40)
                    #expect(try running.map { try $0.ask() } == ["r1", "r2"])
                    ports.insert(try healthPort(of: lab.realServers[index]), at: index)
                    try await eventually("the node is back") { try lab.director.savedTable() == rules(r1: 1, r2: 1) }
                    try await load.goesOn(for: 20)
                }
                let tally = try await load.stop()
                #expect(tally.failures == [])
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])
            }
        }

        @Test("Where a node is killed, what fails is what it had and what came before it was found out")
        func killed() async throws {
            try await withProgram { lab, gearmand, start in
                _ = try await start()
                try await gearmand.succeed(job("CREATE", lab.listed(weights: ["r1": 1, "r2": 1], ["monitor": monitor()])))
                try await eventually("both are up") { try lab.director.savedTable() == rules(r1: 1, r2: 1) }
                let running = try lab.connect(service, reaching: "r2")
                let load = Load(from: lab.client)
                for _ in 1...3 {
                    try await load.goesOn(for: 20)
                    let before = load.tally.failures.count
                    lab.realServers[0].stop()
                    try await eventually("it is out") { try lab.director.savedTable() == rules(r1: nil, r2: 1) }
                    // What was on its way to it has failed.
                    try await load.goesOn(for: 2)
                    let after = load.tally
                    #expect(after.failures.count > before)
                    try await load.goesOn(for: 60)
                    #expect(load.tally.failures.dropFirst(after.failures.count) == [])
                    try lab.realServers[0].serve(.tcp)
                    try await eventually("it is back") { try lab.director.savedTable() == rules(r1: 1, r2: 1) }
                    let share = load.tally.served["r1"] ?? 0
                    try await load.goesOn(for: 20)
                    #expect((load.tally.served["r1"] ?? 0) > share)
                }
                _ = try await load.stop()
                #expect(try running.ask() == "r2")
            }
        }

        @Test("Of a thousand nodes that go and come at random for a minute the table has in the end exactly those that are there")
        func thousand() async throws {
            try raiseFileLimit(to: 4096)
            try await withProgram { lab, gearmand, start in
                let worker = try await start()
                let server = lab.realServers[0]
                var random = SeededGenerator(seed: 5)
                let first: UInt16 = 10_000
                var nodes: [Socket?] = try (0..<1000).map { try healthPort(of: server, port: first + $0) }
                // A port that is closed refuses at once. What takes as long as the timeout is a check for which a busy kernel has no time: it is long.
                let delay = 4
                let checks = monitor(["delay": .number(Double(delay)), "timeout": .number(Double(delay))])
                var listed = try lab.listed(weights: [:], ["monitor": checks])
                listed["nodes"] = .array(
                    try nodes.indices.map {
                        [
                            "id": "n\($0)", "address": .string("\(try server.address(.v4))"), "port": .number(Double(Int(first) + $0)),
                            "weight": 1,
                        ]
                    })
                try await gearmand.succeed(job("CREATE", listed))
                func there() throws -> Set<Rule> {
                    let address = try server.address(.v4)
                    let up = nodes.indices.filter { nodes[$0] != nil }.map { Int(first) + $0 }
                    return Set(["-A -t 10.9.0.1:80 -s wrr"] + up.map { "-a -t 10.9.0.1:80 -r \(address):\($0) -m -w 1" })
                }
                try await eventually("all are up") { try lab.director.savedTable() == there() }

                // For so long, and not so many times: how fast this kernel is depends on what else the host has to do.
                let end = Deadline(seconds: 60), middle = Deadline(seconds: 30)
                var isFirst = true
                while !end.isOver {
                    let index = Int.random(in: nodes.indices, using: &random)
                    nodes[index] = nodes[index] == nil ? try healthPort(of: server, port: first + UInt16(index)) : nil
                    // As fast as they can they would leave no processor for anybody else.
                    try await Task.sleep(for: .milliseconds(10))
                    if isFirst, middle.isOver {
                        isFirst = false
                        _ = try await worker.end(by: SIGKILL)
                        _ = try await start()
                    }
                }
                try await eventually("the table is right") { try lab.director.savedTable() == there() }
                let told = try await gearmand.nodes()
                #expect(told.filter { $0.value == "UP" }.count == nodes.count { $0 != nil })
                #expect(nodes.indices.allSatisfy { told["n\($0)"] == (nodes[$0] == nil ? "DOWN" : "UP") })
                // And it stays so, while every node is checked again. On a busy machine a check can be late once.
                let tap = try NetlinkTap(in: lab.director)
                try await eventually("nothing is written while each is checked twice") {
                    _ = try tap.takeWrites()
                    let checked = Deadline(seconds: 2 * Double(delay))
                    try await eventually("the checks") { checked.isOver }
                    return try tap.takeWrites() == 0 && lab.director.savedTable() == there()
                }
            }
        }
    }
}

import Glibc
import LBaaS
import Synchronization
import TestSupport
import Testing
import WorkerHarness

extension OnKernel {
    /// The program with its job server, on the kernel.
    @Suite("The program") struct ProgramTests {
        private let service = Service(transport: .tcp, family: .v4)

        @Test("does jobs over the wire, and what runs goes on through all that is no end of it")
        func jobs() async throws {
            try await withProgram { lab, gearmand, start in
                let worker = try await start()
                try await gearmand.succeed(job("CREATE", lab.listed(weights: ["r1": 3, "r2": 1])))
                #expect(try await gearmand.nodes() == ["r1": "UP", "r2": "UP"])
                #expect(try lab.director.savedTable() == rules(r1: 3, r2: 1))
                #expect(try lab.share(of: 4, to: service) == ["r1": 3, "r2": 1])
                let running = try ["r1", "r2"].map { try lab.connect(service, reaching: $0) }

                // Somebody clears the table, and the worker sees it by itself.
                try lab.director.ipvsadm("-C")
                try await eventually("the table is repaired") { try lab.director.savedTable() == rules(r1: 3, r2: 1) }
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])

                // The worker ends, the table stays, and the next worker writes nothing.
                #expect(try await worker.end() == .exit(0))
                #expect(try lab.share(of: 4, to: service) == ["r1": 3, "r2": 1])
                let tap = try NetlinkTap(in: lab.director)
                _ = try await start()
                #expect(try await gearmand.nodes() == ["r1": "UP", "r2": "UP"])
                #expect(try tap.takeWrites() == 0)
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])

                try await gearmand.succeed(job("SUSPEND"))
                #expect(try await gearmand.nodes() == ["r1": "DOWN", "r2": "DOWN"])
                try await eventually("the service is gone") { try lab.director.savedTable() == [] }
                try await gearmand.succeed(job("ENABLE"))
                #expect(try await gearmand.nodes() == ["r1": "UP", "r2": "UP"])
                // It is the same to what was there before.
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])
                try await gearmand.succeed(job("DELETE"))
                #expect(try lab.director.savedTable() == rules(r1: 0, r2: 0))
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])
                for connection in running { connection.close() }
                try await eventually("the service is gone") { try lab.director.savedTable() == [] }
            }
        }

        @Test("is killed in the middle of jobs, and the table is as the last one says")
        func kills() async throws {
            try await withProgram { lab, gearmand, start in
                var worker = try await start()
                try await gearmand.succeed(job("CREATE", lab.listed(weights: ["r1": 1, "r2": 1])))
                let running = try ["r1", "r2"].map { try lab.connect(service, reaching: $0) }
                let answered = Atomic<Int>(0)
                let changes = try (1...60).map { try job("CREATE", lab.listed(weights: ["r1": $0, "r2": 256 - $0])).bytes }
                async let client: Void = onThread { [port = gearmand.port] in
                    let client = GearmanClient(ports: [port], function: WorkerOptions.function, timeout: 60)
                    for change in changes {
                        guard try JSON(bytes: client.submitUntilAnswered(change)).isPass else { throw Failure("a change is refused") }
                        answered.add(1, ordering: .relaxed)
                    }
                }
                for count in [7, 23, 41] {
                    try await eventually("\(count) changes are answered") { answered.load(ordering: .relaxed) >= count }
                    #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                    #expect(try running.map { try $0.ask() } == ["r1", "r2"])
                    if count == 23 { try lab.director.ipvsadm("-C") }
                    worker = try await start()
                }
                try await client
                #expect(try lab.director.savedTable() == rules(r1: 60, r2: 196))
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                worker = try await start()
                #expect(try lab.director.savedTable() == rules(r1: 60, r2: 196))
                #expect(try running.map { try $0.ask() } == ["r1", "r2"])
            }
        }

        @Test("needs no more than the one capability, which its unit gives to a plain user")
        func plainUser() async throws {
            try await withProgram(asNobody: true) { lab, gearmand, start in
                try lab.director.set(["net.ipv4.vs.expire_quiescent_template": 0])
                let worker = try await start()
                #expect(try lab.director.parameter("net.ipv4.vs.expire_quiescent_template") == 1)
                try await gearmand.succeed(job("CREATE", lab.listed(weights: ["r1": 3, "r2": 1])))
                #expect(try lab.director.savedTable() == rules(r1: 3, r2: 1))
                #expect(try lab.share(of: 4, to: service) == ["r1": 3, "r2": 1])
                #expect(try await gearmand.nodes() == ["r1": "UP", "r2": "UP"])
                try lab.director.ipvsadm("-C")
                try await eventually("the table is repaired") { try lab.director.savedTable() == rules(r1: 3, r2: 1) }
                #expect(try await worker.end() == .exit(0))
                _ = try await start()
                #expect(try lab.director.savedTable() == rules(r1: 3, r2: 1))
            }
        }

        @Test("does not start without the capability, and says so")
        func capability() async throws {
            try await withRig { rig in
                var options = rig.options(try rig.makeGearmand())
                options.driver = "ipvs"
                options.launcher = ["/usr/bin/setpriv", "--bounding-set=-net_admin"]
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(69))
                #expect(errors.contains("it needs the capability CAP_NET_ADMIN; run it as root"), "\(errors)")
            }
        }

        @Test("does not start on a kernel without IPVS, and says so")
        func missing() async throws {
            try await withRig { rig in
                var options = rig.options(try rig.makeGearmand())
                options.driver = "ipvs"
                try await withoutModules({ $0.hasPrefix("ip_vs") }) {
                    let (end, errors) = try await rig.runWorker(options)
                    #expect(end == .exit(69))
                    #expect(errors.contains("the kernel has no IPVS; load it with 'modprobe ip_vs'"), "\(errors)")
                }
            }
        }

        private func rules(r1: Int, r2: Int) -> Set<Rule> {
            ["-A -t 10.9.0.1:80 -s wrr", "-a -t 10.9.0.1:80 -r 10.2.0.11:80 -m -w \(r1)", "-a -t 10.9.0.1:80 -r 10.2.0.12:80 -m -w \(r2)"]
        }
    }
}

import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// The worker that is killed.
    @Suite struct Kills {
        @Test func ofAThousandJobsEachIsAnsweredAndTheLastChangeCounts() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let options = rig.options(gearmand)
                var worker = try await rig.startWorker(options)
                let load = Load(on: gearmand, retries: false)
                let lives = try await under(load, clients: 10, jobs: 100) {
                    for fifth in 0..<5 {
                        let moment = fifth * 200 + .random(in: 20..<180)
                        try await load.answers(more: moment - load.answered)
                        #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                        worker = try await rig.startWorker(options)
                    }
                }
                #expect(load.answered == 1000)
                try await Life.check(lives, over: gearmand)
                // And what it says is what it has on disk.
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                worker = try await rig.startWorker(options)
                try await Life.check(lives, over: gearmand)
                #expect(try await worker.log.lines("started", count: 1).first?["load_balancers"] == "\(lives.count { $0.wanted != nil })")
            }
        }

        @Test func aJobInHandIsDoneByTheNextWorker() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                options.configuration = "[worker:dummy]\nslow = create=60000\n"
                let worker = try await rig.startWorker(options)
                async let reply = gearmand.ask(job("CREATE", loadBalancer("web")))
                try await eventually("the job is in hand") { try await gearmand.function(WorkerOptions.function).running == 1 }
                #expect(try await worker.end(by: SIGKILL) == .signal(SIGKILL))
                options.configuration = ""
                _ = try await rig.startWorker(options)
                #expect(try await reply.isPass)
                #expect(try await gearmand.nodes() == ["web-0": "UP"])
            }
        }
    }
}

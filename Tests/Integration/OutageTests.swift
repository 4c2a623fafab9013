import Glibc
import Testing
import WorkerHarness
import TestSupport

extension RealServers {
    /// Job servers that are away, restarted or silent.
    @Suite struct Outages {
        @Test func aJobServerIsStoppedAndStartedTwentyTimesUnderLoad() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let worker = try await rig.startWorker(rig.options(gearmand))
                let load = Load(on: gearmand, retries: true)
                let lives = try await under(load, clients: 6) {
                    for outage in 1...20 {
                        try await load.answers(more: 12)
                        try await gearmand.end(by: outage.isMultiple(of: 2) ? SIGTERM : SIGKILL)
                        try await worker.says("job server lost", times: outage)
                        try await gearmand.start()
                        try await worker.says("job server connected", times: outage + 1)
                    }
                    try await load.answers(more: 12)
                }
                try await Life.check(lives, over: gearmand)
                // A job server that ends can take a connection once more, and close it.
                try await eventually("each loss is followed by a return") { try worker.log.returns.count == worker.log.losses.count + 1 }
                let losses = try worker.log.losses
                #expect(losses.count >= 20, "\(losses.map { $0["reason"] ?? "" })")
                for loss in losses {
                    #expect(loss["level"] == "warning" && loss["server"] == gearmand.address && loss["reason"]?.isEmpty == false)
                }
            }
        }

        @Test func aJobServerThatIsAbsentAtTheStartIsWaitedFor() async throws {
            try await withRig { rig in
                let gearmand = try rig.makeGearmand()
                let worker = try rig.spawnWorker(rig.options(gearmand))
                try await worker.says("job server cannot be reached")
                // That no try is logged can only be seen by giving it time for several.
                let enough = Deadline(seconds: 0.5)
                try await eventually("several tries") { enough.isOver }
                try await gearmand.start()
                try await worker.isReady()
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                #expect(try await worker.end() == .exit(0))
                #expect(try worker.log.losses.count == 1)
                #expect(try worker.log.returns.count == 1)
            }
        }

        @Test func jobsGoOnOverTheOtherJobServer() async throws {
            try await withRig { rig in
                let (stays, goes) = (try await rig.startGearmand(), try await rig.startGearmand())
                let worker = try await rig.startWorker(rig.options(goes, stays))
                try await worker.says("job server connected", times: 2)
                let load = Load(on: stays, retries: false)
                let lives = try await under(load, clients: 4) {
                    for outage in 1...3 {
                        try await goes.succeed(job("STATS"))
                        try await goes.end(by: SIGKILL)
                        try await worker.says("job server lost", times: outage)
                        try await load.answers(more: 20)
                        let reply = try await onThread {
                            try GearmanClient(ports: [goes.port, stays.port], function: WorkerOptions.function, timeout: 30)
                                .submitUntilAnswered(try job("STATS").bytes, within: 200)
                        }
                        #expect(try JSON(bytes: reply).isPass, "a client that knows both finds the one that is left")
                        try await goes.start()
                        try await worker.says("job server connected", times: outage + 2)
                    }
                    try await goes.succeed(job("STATS"))
                }
                try await Life.check(lives, over: goes)
                #expect(try await worker.end() == .exit(0))
                #expect(try worker.log.losses.map { $0["server"] } == Array(repeating: goes.address, count: 3))
                #expect(try worker.log.returns.count == 5)
            }
        }

        @Test func aFrozenJobServerIsNoticedAndItsReturnToo() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                options.configuration = "[gearman]\nkeepidle = 0.2\nkeepintvl = 3\nkeepcnt = 2\n"
                let worker = try await rig.startWorker(options)
                for freeze in 1...2 {
                    try await gearmand.succeed(job("CREATE", loadBalancer("web", weights: freeze)))
                    gearmand.send(SIGSTOP)
                    try await worker.says("job server lost", times: freeze)
                    #expect(try worker.log.losses.last?["reason"]?.contains("no answer to a heartbeat") == true)
                    // The kernel takes the connection of this client; the job server answers when it is let go.
                    async let reply = gearmand.ask(job("STATS"))
                    gearmand.send(SIGCONT)
                    try await worker.says("job server connected", times: freeze + 1)
                    #expect(try await reply.isPass)
                }
                try await gearmand.succeed(job("UPDATE", loadBalancer("web", weights: 7)))
                #expect(try await worker.end() == .exit(0))
                #expect(try worker.log.losses.count == 2)
                #expect(try worker.log.returns.count == 3)
            }
        }

        @Test func aHeartbeatLeavesALivingConnectionAlone() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                options.configuration = "[gearman]\nkeepidle = 0.1\nkeepintvl = 60\n"
                let worker = try await rig.startWorker(options)
                let enough = Deadline(seconds: 0.6)
                try await eventually("several heartbeats") { enough.isOver }
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                // Its log is whole when it has ended.
                #expect(try await worker.end() == .exit(0))
                #expect(try worker.log.losses.isEmpty)
            }
        }
    }
}

import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// The worker that is told to end.
    @Suite struct Shutdown {
        @Test func noJobIsLostAndNoneIsDoneTwice() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let options = rig.options(gearmand)
                var workers = [try await rig.startWorker(options)]
                let load = Load(on: gearmand, retries: false)
                let lives = try await under(load, clients: 8) {
                    for round in 0..<6 {
                        try await load.answers(more: .random(in: 20..<60))
                        let signal = round.isMultiple(of: 2) ? SIGTERM : SIGINT
                        #expect(try await workers[round].end(by: signal, within: 60) == .exit(0))
                        workers.append(try await rig.startWorker(options))
                    }
                    try await load.answers(more: 20)
                }
                func logged() throws -> Int { try workers.map { try $0.log.jobs.count }.reduce(0, +) }
                try await eventually("each job is logged") { try logged() >= load.answered }
                #expect(try logged() == load.answered)
                for worker in workers.dropLast() { #expect(try worker.log.lines.last?["message"] == "stopped") }
                try await Life.check(lives, over: gearmand)
            }
        }

        @Test func theJobInHandIsFinishedFirst() async throws {
            try await withSlowJob(milliseconds: 5000) { gearmand, worker, reply in
                worker.process.send(SIGTERM)
                try await worker.says("stopping")
                // No more jobs: this one waits for the next worker.
                async let next = gearmand.ask(job("STATS"))
                #expect(try await reply().isPass)
                #expect(try await worker.process.end() == .exit(0))
                let told = try worker.log.lines.filter { $0["level"] != "debug" }
                let words = told.compactMap { $0["message"]?.split { !$0.isLetter }.first }
                #expect(words.suffix(3) == ["stopping", "job", "stopped"])
                return try await next.isPass
            }
        }

        @Test func aSecondSignalEndsAtOnce() async throws {
            try await withSlowJob(milliseconds: 60_000) { _, worker, reply in
                worker.process.send(SIGTERM)
                try await worker.says("stopping")
                #expect(try await worker.end(by: SIGTERM) == .exit(75))
                return try await reply().isPass
            }
        }

        @Test func aJobThatTakesTooLongIsLeftToTheNextWorker() async throws {
            try await withSlowJob(milliseconds: 60_000, arguments: ["--shutdown-timeout", "0.3"]) { _, worker, reply in
                #expect(try await worker.end() == .exit(75))
                #expect(try await worker.log.lines("a job was still in hand", count: 1).count == 1)
                return try await reply().isPass
            }
        }

        @Test func anIdleWorkerEndsSoonAlsoWithoutAJobServer() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                let idle = try await rig.startWorker(rig.options(gearmand))
                #expect(try await idle.end(within: 60) == .exit(0))
                let lost = try await rig.startWorker(rig.options(gearmand))
                try await gearmand.end(by: SIGKILL)
                try await lost.says("job server lost")
                #expect(try await lost.end(by: SIGINT, within: 60) == .exit(0))
                try await gearmand.start()
                let frozen = try await rig.startWorker(rig.options(gearmand))
                gearmand.send(SIGSTOP)
                #expect(try await frozen.end(within: 60) == .exit(0))
            }
        }

        @Test func otherSignalsAreLoggedAndTheWorkerGoesOn() async throws {
            try await withWorker { gearmand, worker in
                let signals: [(Int32, String)] = [
                    (SIGHUP, "SIGHUP"), (SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2"), (SIGXFSZ, "SIGXFSZ"), (SIGPIPE, "SIGPIPE"),
                    (SIGALRM, "SIGALRM"), (SIGXCPU, "SIGXCPU"), (SIGIO, "SIGIO"), (SIGPWR, "SIGPWR"), (50, "signal 50"),
                ]
                for (count, (signal, name)) in signals.enumerated() {
                    worker.process.send(signal)
                    try await worker.says("a signal is ignored", times: count + 1)
                    #expect(try worker.log.lines("a signal is ignored").last?["signal"] == name)
                }
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                #expect(try await worker.end(by: SIGQUIT) == .exit(0))
            }
        }

        @Test func aSignalDuringTheStartStopsTheWorkerInOrder() async throws {
            try await withSlowStart(milliseconds: 8000, timeout: "50") { worker in
                worker.process.send(SIGTERM)
                #expect(try await worker.process.end() == .exit(0))
                let messages = try worker.log.lines.compactMap { $0["message"] }
                #expect(!messages.contains("started") && messages.last == "stopped")
            }
        }

        @Test func aStartThatTakesTooLongEndsWithTheShutdownTimeout() async throws {
            try await withSlowStart(milliseconds: 60_000, timeout: "0.3") { worker in
                worker.process.send(SIGTERM)
                let end = try await worker.process.end(within: 20)
                #expect(end == .exit(75))
            }
        }

        @Test func aSecondSignalEndsAStartAtOnce() async throws {
            try await withSlowStart(milliseconds: 60_000, timeout: "50") { worker in
                worker.process.send(SIGTERM)
                try await worker.says("stopping")
                let end = try await worker.end(by: SIGINT)
                #expect(end == .exit(75))
            }
        }

        /// Runs a test with a worker whose appliance takes so long to be asked at the start, once it is asked.
        private func withSlowStart(milliseconds: Int, timeout: String, _ body: (WorkerProcess) async throws -> Void) async throws {
            try await withRig { rig in
                var options = rig.options(try rig.makeGearmand())
                options.configuration = "[worker:dummy]\nslow = observe=\(milliseconds)\n"
                options.arguments = ["--shutdown-timeout", timeout, "--pid", rig.path("pid")]
                let worker = try rig.spawnWorker(options)
                try await eventually("the state is open") { access(options.stateFolder + "/state.sqlite", F_OK) == 0 }
                try await body(worker)
                #expect(access(rig.path("pid"), F_OK) != 0)
            }
        }

        /// Runs a test with a slow job in hand, which a quick second worker does if the first has not. The test's own answer must be yes.
        private func withSlowJob(
            milliseconds: Int, arguments: [String] = [],
            _ body: (Gearmand, WorkerProcess, @escaping @Sendable () async throws -> JSON) async throws -> Bool
        ) async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                options.configuration = "[worker:dummy]\nslow = create=\(milliseconds)\n"
                options.arguments = arguments
                let worker = try await rig.startWorker(options)
                let reply = Task { try await gearmand.ask(job("CREATE", loadBalancer("web"))) }
                try await eventually("the job is in hand") { try await gearmand.function(WorkerOptions.function).running == 1 }
                options.configuration = ""
                let next = Task { [options] in
                    _ = try await worker.process.end()
                    return try await rig.startWorker(options)
                }
                #expect(try await body(gearmand, worker) { try await reply.value })
                _ = try await next.value
                #expect(try await gearmand.nodes() == ["web-0": "UP"])
            }
        }
    }
}

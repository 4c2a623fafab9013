import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What a worker finds out about its surroundings, in the 5 s that clients wait.
    @Suite struct Diagnostics {
        /// An answer within 5 s, with which a busy machine may need several tries.
        private func answer(of gearmand: Gearmand) async throws -> JSON {
            var reply: JSON = .null
            try await eventually("an answer within 5 s") {
                guard let found = try? await gearmand.ask(job("DIAGNOSTICS"), timeout: 5) else { return false }
                reply = found
                return true
            }
            return reply
        }

        @Test func aDeadJobServerIsTold() async throws {
            try await withRig { rig in
                let (alive, dead) = (try await rig.startGearmand(), try rig.makeGearmand())
                _ = try await rig.startWorker(rig.options(dead, alive))
                let reply = try await answer(of: alive)
                #expect(reply.isPass)
                #expect(reply["gearman"].elements.map { $0["host"] } == ["127.0.0.1", "127.0.0.1"])
                #expect(reply["gearman"].elements.map { $0["status"] } == ["FAIL", "PASS"])
                #expect(reply["network"] == "PASS")
            }
        }

        @Test func aSilentJobServerHoldsNobodyUp() async throws {
            try await withRig { rig in
                let (alive, silent) = (try await rig.startGearmand(), try await rig.startGearmand())
                _ = try await rig.startWorker(rig.options(silent, alive))
                silent.send(SIGSTOP)
                let reply = try await answer(of: alive)
                #expect(reply["gearman"].elements.map { $0["status"] } == ["FAIL", "PASS"])
            }
        }

        @Test func theNetworkIsWhatTheTargetSays() async throws {
            let listener = try LoopbackSocket.bound(listens: true)
            let refuser = try LoopbackSocket.bound()
            for (port, network) in [(listener.port, "PASS"), (refuser.port, "FAIL")] as [(UInt16, JSON)] {
                try await withWorker(arguments: ["--diagnostics-target", "127.0.0.1:\(port)"]) { gearmand, _ in
                    let reply = try await answer(of: gearmand)
                    #expect(reply["gearman"][0]["status"] == "PASS")
                    #expect(reply["network"] == network)
                }
            }
        }
    }
}

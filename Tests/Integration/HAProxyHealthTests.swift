import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What haproxy finds out about its servers, and what the worker makes of it.
    @Suite struct HAProxyHealth {
        @Test func aServiceIsDownBelowItsQuorumAndBackAboveIt() async throws {
            try await withHAProxyWorker(more: "[notifier:dummy]\n") { gearmand, worker in
                // haproxy is alone in its network, so nobody answers; a node that it does not check is up.
                var loadBalancer = loadBalancer("web", weights: 1, 1)
                loadBalancer["monitor"] = ["type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1]
                loadBalancer["quorum"] = 2
                try await gearmand.succeed(job("CREATE", loadBalancer))
                func told(_ what: String) throws -> [WorkerLog.Line] { try worker.log.lines("service \(what)") }
                try await eventually("the service is down") { try told("DOWN").count == 1 }
                #expect(try told("UP").count == 1)
                #expect(try told("DOWN").first?["reason"]?.hasSuffix("quorum 2") == true)
                try await eventually("both are down") { try await gearmand.nodes() == ["web-0": "DOWN", "web-1": "DOWN"] }
                loadBalancer["monitor"] = .null
                loadBalancer["panic_percent"] = 50
                let refused = try await gearmand.ask(job("CREATE", loadBalancer))
                #expect(refused.failure?.contains("panic_percent") == true, "\(refused)")
            }
        }
    }
}

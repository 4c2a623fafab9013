import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What haproxy finds out about its servers, and what the worker makes of it.
    @Suite struct HAProxyHealth {
        @Test func aServiceIsNotToldToBeUpBeforeACheckPassed() async throws {
            try await withHAProxyWorker(more: "[notifier:dummy]\n") { gearmand, worker in
                // haproxy is alone in its network, so nobody answers.
                var loadBalancer = loadBalancer("web", weights: 1, 1)
                loadBalancer["monitor"] = ["type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1]
                loadBalancer["quorum"] = 2
                try await gearmand.succeed(job("CREATE", loadBalancer))
                try await eventually("both are down") { try await gearmand.nodes() == ["web-0": "DOWN", "web-1": "DOWN"] }
                for change in ["UP", "DOWN"] { #expect(try worker.log.lines("service \(change)").isEmpty) }
                loadBalancer["monitor"] = .null
                loadBalancer["panic_percent"] = 50
                let refused = try await gearmand.ask(job("CREATE", loadBalancer))
                #expect(refused.failure?.contains("panic_percent") == true, "\(refused)")
            }
        }
    }
}

import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// The operator's own lines, which haproxy alone can judge.
@Suite struct TrialTests {
    @Test(arguments: ["chroot /nonexistent", "ulimit-n 2000000000", "setenv A 1\nchroot /etc/hostname"])
    func linesWithWhichHAProxyDoesNotStartNeverReachTheOneThatRuns(lines: String) async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            let shop = balancer("shop", port: port, to: one)
            bench.run(shop)
            let (pid, file) = (bench.serving, bench.file)
            try bench.restart(["global": lines])
            _ = try bench.driver.observe(expecting: [shop])
            let all = [shop, balancer("other", port: try freePort(), to: one)]
            let foreseen = try #require(bench.driver.objection(to: bench.groups(to: all)))
            #expect(foreseen.message.contains("haproxy does not start with the lines of global and defaults"))
            #expect(bench.tryToRun(all).allSatisfy { $0.contains("haproxy does not start with the lines of global and defaults") })
            #expect(bench.serving == pid && bench.file == file)
            #expect(try Page(port).body == "one")
        }
    }

    @Test(arguments: [("global", "chroot /nonexistent"), ("global", "frobnicate 1"), ("defaults", "frobnicate 1")])
    func theCheckOfTheConfigurationFindsLinesThatHAProxyDoesNotTake(key: String, line: String) async throws {
        try await onThread { () -> Void in
            _ = #expect(throws: DriverConfiguration.Failure.self) { try HAProxyDriver.registration.check(DriverConfiguration([key: line])) }
        }
    }

    @Test func theCheckOfTheConfigurationPassesLinesThatHAProxyTakes() async throws {
        try await onThread {
            try HAProxyDriver.registration.check(DriverConfiguration())
            try HAProxyDriver.registration.check(
                DriverConfiguration(["global": "maxconn 100\nstats socket /nonexistent/x", "defaults": "option abortonclose"]))
            #expect(throws: DriverConfiguration.Failure.self) {
                try HAProxyDriver.registration.check(DriverConfiguration(["program": "/nonexistent"]))
            }
        }
    }
}

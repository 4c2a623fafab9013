import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// A haproxy that ends though nobody told it to.
@Suite struct RestartTests {
    /// A process of haproxy's that is ended, and by whom haproxy was started.
    enum Victim: CaseIterable { case worker, master, workerOfAnEarlierDriver, masterOfAnEarlierDriver }

    @Test(arguments: Victim.allCases)
    func itIsStartedAgainAtOnceFromTheLastGoodFile(_ victim: Victim) async throws {
        try await withBench { bench in
            try bench.restart(restartsHAProxy: true)
            try bench.settle()
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one) { $0.nodes[0].weight = 7 })
            if victim == .workerOfAnEarlierDriver || victim == .masterOfAnEarlierDriver {
                try bench.restart(restartsHAProxy: true)
                #expect(try bench.settle() == [])
            }
            try waitUntil("it is watched") { bench.driver.restarts.withLock { $0.watch != nil } }
            let file = bench.file
            let serving = try #require(bench.serving)
            let isMaster = victim == .master || victim == .masterOfAnEarlierDriver
            kill(isMaster ? try bench.driver.loader.processTable().master : serving, SIGKILL)
            try waitUntil("another one serves") { bench.serving != nil && bench.serving != serving }
            // What came last to the one that ended is reset.
            try waitUntil("it serves") { (try? Page(port).body) == "one" }
            try waitUntil("it is said") { bench.logged.contains { $0.contains("haproxy was started again") } }
            let ended = bench.logged.filter { $0.contains("haproxy ended") }
            #expect(ended.count == 1)
            // Nobody but its parent is told by which signal the master ended.
            let isTold = victim != .masterOfAnEarlierDriver
            #expect(
                ended.first?.contains(isTold ? "haproxy ended (signal 9); it is started again" : "haproxy ended; it is") == true, "\(ended)"
            )
            #expect(bench.file == file)
            #expect(try bench.settle() == [])
            #expect(try bench.status("shop") == ["one": true])
        }
    }

    @Test func theFileIsWrittenAnewWhereSomebodyTookIt() async throws {
        try await withBench { bench in
            try bench.restart(restartsHAProxy: true)
            try bench.settle()
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            try waitUntil("it is watched") { bench.driver.restarts.withLock { $0.watch != nil } }
            let file = bench.file
            unlink(bench.site.configurationFile)
            kill(try bench.driver.loader.processTable().master, SIGKILL)
            try waitUntil("it serves") { (try? Page(port).body) == "one" && bench.file == file }
            #expect(try bench.settle() == [])
        }
    }

    @Test func oneThatCannotBeStartedIsToldOfAndTriedAgain() async throws {
        let folder = try TemporaryFolder()
        let program = folder.file("haproxy")
        symlink("/usr/sbin/haproxy", program)
        try await withBench(["program": program]) { bench in
            try bench.restart(restartsHAProxy: true)
            try bench.settle()
            let one = try bench.server("one")
            let port = try freePort()
            bench.run(balancer(port: port, to: one))
            try waitUntil("it is watched") { bench.driver.restarts.withLock { $0.watch != nil } }
            unlink(program)
            kill(try bench.driver.loader.processTable().master, SIGKILL)
            try waitUntil("it is said") { bench.logged.count { $0.contains("haproxy cannot be started again") } >= 2 }
            #expect(bench.logged.count { $0.contains("haproxy ended (signal 9)") } == 1)
            let failure = #expect(throws: DriverError.self) { try bench.driver.status(of: ["shop"]) }
            #expect(failure?.code == .notRunning && failure?.message == "haproxy does not run")
            symlink("/usr/sbin/haproxy", program)
            try waitUntil("it serves") { (try? Page(port).body) == "one" }
            try waitUntil("its nodes are up") { (try? bench.status("shop")) == ["one": true] }
        }
    }

    @Test func oneThatWasToldToEndStaysAway() async throws {
        try await withBench { bench in
            try bench.restart(restartsHAProxy: true)
            try bench.settle()
            let one = try bench.server("one")
            bench.run(balancer(port: try freePort(), to: one))
            try waitUntil("it is watched") { bench.driver.restarts.withLock { $0.watch != nil } }
            let master = try bench.driver.loader.processTable().master
            bench.run()
            try waitUntil("it has ended") { kill(master, 0) != 0 }
            // What the watch has to say comes before this.
            bench.driver.restartQueue.sync {}
            #expect(bench.serving == nil)
            #expect(!bench.logged.contains { $0.contains("haproxy ended") })
        }
    }

    @Test func whereItDoesNotRunEveryNodeIsDown() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            bench.run(balancer(port: try freePort(), to: one))
            try bench.killHAProxy()
            let killed = #expect(throws: DriverError.self) { try bench.driver.status(of: ["shop"]) }
            #expect(killed?.code == .notRunning)
            _ = try bench.driver.observe(expecting: [])
            let known = #expect(throws: DriverError.self) { try bench.driver.status(of: ["shop"]) }
            #expect(known?.code == .notRunning)
            #expect(try bench.driver.status(of: []) == [:])
        }
    }
}

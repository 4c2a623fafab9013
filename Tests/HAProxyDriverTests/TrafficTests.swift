import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import HAProxyDriver

/// That bytes are counted once, whatever becomes of the process that counted them.
@Suite struct TrafficTests {
    /// Counts as the worker's ledger does.
    final class Ledger: Sendable {
        private let readings = Mutex<[UInt64: UInt64]>([:])

        /// The bytes since the last time.
        func read(_ counters: [TrafficCounter]) -> UInt64 {
            readings.withLock { readings in
                let before = readings
                readings = Dictionary(uniqueKeysWithValues: counters.map { ($0.run, $0.bytesOut) })
                return counters.reduce(0) { $0 + $1.bytesOut - (before[$1.run] ?? 0) }
            }
        }
    }

    @Test func everyByteIsCountedOnce() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            let ledger = Ledger()
            func count() throws -> UInt64 { ledger.read(try #require(try bench.driver.statistics(of: ["shop"])["shop"])) }
            func shop(_ timeout: UInt32) -> LoadBalancer {
                balancer("shop", .tcp, port: port, to: one) { $0.timeouts.client = timeout }
            }
            func send(_ bytes: Int, over connection: LoopbackSocket) throws {
                try connection.send("bytes \(bytes)\n")
                var missing = bytes
                while missing > 0 {
                    let bytes = try connection.receive(min(missing, 65_536))
                    if bytes.isEmpty { throw Failure("the connection was closed, with \(missing) bytes missing") }
                    missing -= bytes.count
                }
            }
            bench.run(shop(100_000))
            #expect(try count() == 0)
            let first = try LoopbackSocket.connected(to: port)
            try send(1000, over: first)
            bench.run(shop(110_000))
            // One process finishes what it has, another serves.
            let second = try LoopbackSocket.connected(to: port)
            try send(300_000, over: second)
            try send(70_000, over: first)
            bench.run(shop(120_000))
            try send(5, over: second)
            first.shut()
            // The worker ends and comes again, while a process comes to its last connection.
            try bench.restart()
            try send(9000, over: second)
            second.shut()
            try waitUntil("only one process is left") {
                try bench.settle()
                return try bench.driver.loader.processTable().old.isEmpty
            }
            var total = try count()
            #expect(total == 380_005)
            for _ in 0..<5 { total += try count() }
            #expect(total == 380_005)
            // Suspended it still has counted what it has.
            let third = try LoopbackSocket.connected(to: port)
            try send(40, over: third)
            var suspended = shop(120_000)
            suspended.isSuspended = true
            bench.run(suspended)
            try send(2, over: third)
            third.shut()
            try waitUntil("all is counted") {
                total += try count()
                return total == 380_047
            }
            // Deleted and made anew it begins at 0.
            bench.run(balancer("other", port: try freePort(), to: one))
            bench.run(shop(5000), balancer("other", port: try freePort(), to: one))
            #expect(try bench.driver.statistics(of: ["shop"])["shop"]?.map(\.bytesOut).reduce(0, +) == 0)
            // What clients sent counts too, and how often they came.
            func counted(_ value: KeyPath<TrafficCounter, UInt64>) throws -> UInt64 {
                try bench.driver.statistics(of: ["shop"])["shop"]?.map { $0[keyPath: value] }.reduce(0, +) ?? 0
            }
            #expect(try counted(\.connections) == 0 && counted(\.bytesIn) == 0)
            // And a haproxy that was killed takes with it what nobody read, and no more. It counts a connection's bytes when that ends, as this
            // one does because its client is silent.
            let fourth = try LoopbackSocket.connected(to: port)
            try send(100, over: fourth)
            let last = Ledger()
            func countAnew() throws -> UInt64 { last.read(try bench.driver.statistics(of: ["shop"])["shop"] ?? []) }
            try waitUntil("it is counted") { try bench.driver.statistics(of: ["shop"])["shop"]?.map(\.bytesOut).max() == 100 }
            #expect(try countAnew() == 100)
            #expect(try counted(\.connections) == 1 && counted(\.bytesIn) > 0)
            try bench.killHAProxy()
            try bench.settle()
            let fifth = try LoopbackSocket.connected(to: port)
            try send(10, over: fifth)
            fifth.shut()
            var rest: UInt64 = 0
            try waitUntil("it is counted") {
                rest += try countAnew()
                return rest == 10
            }
        }
    }
}

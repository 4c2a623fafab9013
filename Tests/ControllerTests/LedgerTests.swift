import LBaaS
import Requests
import TestSupport
import Testing

@testable import Controller

@Suite("Traffic with counters that come and go")
struct LedgerTests {
    private let bench: Bench
    private let a = balancer("a", 1)

    init() throws {
        bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1)])
    }

    private func told(ended: [UInt64: UInt64] = [:], began: [UInt64: UInt64] = [:]) -> GroupOutcome {
        GroupOutcome(ended: ["a": counters(ended)], began: ["a": counters(began)])
    }

    private func counters(_ runs: [UInt64: UInt64]) -> [TrafficCounter] {
        runs.sorted { $0.key < $1.key }.map { TrafficCounter(bytesOut: $0.value, run: $0.key) }
    }

    /// Changes the load balancer, which is when the driver tells of counters.
    private func change(_ outcome: GroupOutcome, weight: UInt16) -> Bool {
        bench.driver.tell(outcome)
        return bench.pipeline.commit(.create([balancer("a", 1, weight: weight)])).isChanged
    }

    private func reported() throws -> UInt64 { try #require(bench.pipeline.metrics(ids("a")).bytes?.first) }

    @Test("is that of all counters of a load balancer")
    func several() throws {
        bench.driver.count(counters([1: 10, 2: 200]), of: "a")
        #expect(try reported() == 210)
        bench.driver.count(counters([2: 201, 3: 1000]), of: "a")
        #expect(try reported() == 1001)
    }

    @Test("has the last bytes of a counter that ended, and the next of its run begins at 0")
    func ended() throws {
        bench.driver.count(100, of: "a")
        #expect(try reported() == 100)
        #expect(change(told(ended: [1: 130]), weight: 2))
        bench.driver.count(500, of: "a")
        #expect(try reported() == 530)
        // One that says less than is known says nothing new.
        #expect(change(told(ended: [1: 400]), weight: 3))
        bench.driver.count([], of: "a")
        #expect(try reported() == 0)
    }

    @Test("is by the same rules that of bytes from clients and of their connections, over a restart")
    func totals() throws {
        func totals(_ counters: (out: UInt64, in: UInt64, connections: UInt64, run: UInt64)...) throws -> [UInt64] {
            bench.driver.count(
                counters.map { TrafficCounter(bytesOut: $0.out, bytesIn: $0.in, connections: $0.connections, run: $0.run) }, of: "a")
            guard case .metrics(let report) = bench.pipeline.metrics(ids("a")) else { return [] }
            let entry = try #require(report.entries.first)
            return [entry.totalOut, entry.totalIn, entry.totalConnections]
        }
        #expect(try totals((10, 20, 3, 1)) == [10, 20, 3])
        #expect(try totals((15, 27, 4, 1), (1, 2, 3, 2)) == [16, 29, 7])
        try bench.restart()
        #expect(try totals((15, 27, 4, 1), (1, 2, 3, 2)) == [16, 29, 7])
        // The first began anew, and ends.
        #expect(try totals((5, 6, 1, 1), (1, 2, 3, 2)) == [21, 35, 8])
        let end = TrafficCounter(bytesOut: 6, bytesIn: 8, connections: 2, run: 1)
        #expect(change(GroupOutcome(ended: ["a": [end]]), weight: 2))
        #expect(try totals((1, 2, 3, 2)) == [22, 37, 9])
    }

    @Test("has nothing of what a counter showed when it began")
    func began() throws {
        #expect(change(told(began: [1: 1000]), weight: 2))
        bench.driver.count(1007, of: "a")
        #expect(try reported() == 7)
        try bench.restart()
        #expect(change(told(ended: [1: 1010], began: [1: 0, 2: 50]), weight: 3))
        bench.driver.count(counters([1: 5, 2: 60]), of: "a")
        #expect(try reported() == 18)
    }

    @Test("has nothing of what a counter showed when it began in a batch of which a part failed")
    func beganEarly() throws {
        bench.driver.fail("bad")
        bench.driver.tell(GroupOutcome(began: ["b": counters([1: 1000])]))
        let jobs = [balancer("bad", 2), balancer("b", 3)].map { Job.commit(.change(.create([$0]))) }
        #expect(bench.pipeline.run(jobs).map(\.isChanged) == [false, true])
        bench.driver.count(1007, of: "b")
        #expect(bench.pipeline.metrics(ids("b")).bytes == [7])
    }

    @Test("of one that is created anew has nothing of an earlier life")
    func newLife() throws {
        bench.driver.count(100, of: "a")
        #expect(bench.pipeline.commit(.delete(.all)).isChanged)
        #expect(change(told(ended: [1: 150], began: [1: 150]), weight: 1))
        bench.driver.count(155, of: "a")
        #expect(try reported() == 5)
    }

    @Test("read before a DELETE that could not be made durable is not counted again", arguments: [true, false], [true, false])
    func undone(isUndone: Bool, isKnown: Bool) {
        let entry = WantedState.Entry(loadBalancer: a, createdAt: bench.clock.now)
        var ledger = TrafficLedger()
        if isKnown { ledger.keep(["a": TrafficLedger.Account(reportedAt: bench.clock.now)]) }
        let reading = TrafficReadings(counters: ["a": counters([1: 89])], sequence: ledger.sequence)
        let ended = [GroupOutcome(ended: ["a": counters([1: 89])])]
        ledger.countersChanged(of: ["a"])
        let former = ledger.account(of: "a")
        ledger.close("a")
        if isUndone {
            ledger.restore(["a": former])
            ledger.keepUnsaved(ledger.changing(ended, earlier: [:]) { _ in TrafficLedger.Life(createdAt: bench.clock.now) })
        }
        let report = ledger.report(on: [entry], traffic: reading, earlier: [:], now: bench.clock.now).report
        // What was counted for one that is deleted is not of the one that is made in its place.
        #expect(report.entries.map(\.bytesOut) == [isUndone ? 89 : 0])
    }

    @Test("of a load balancer that is gone is nobody's")
    func gone() throws {
        bench.driver.tell(told(ended: [1: 150], began: [1: 150]))
        #expect(bench.pipeline.commit(.delete(.all)).isChanged)
        #expect(bench.pipeline.commit(.create([a])).isChanged)
        bench.driver.count([], of: "a")
        #expect(try reported() == 0)
    }

    @Test(
        "is reported once, whatever is read, reported, ended, begun, refused and restarted in between", arguments: 0..<10 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var runs: [UInt64: UInt64] = [:]
        var (sent, total): (UInt64, UInt64) = (0, 0)
        for step in 0..<80 {
            let run = UInt64.random(in: 1...3, using: &generator)
            let (fails, weight) = (Int.random(in: 0..<4, using: &generator) == 0, UInt16(step % 200 + 2))
            if fails { bench.driver.fail("a") } else { bench.driver.fail(nil) }
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: if let last = runs.removeValue(forKey: run) { #expect(change(told(ended: [run: last]), weight: weight) != fails) }
            case 1:
                let last = runs[run]
                runs[run] = .random(in: 0...1000, using: &generator)
                #expect(change(told(ended: last.map { [run: $0] } ?? [:], began: [run: runs[run] ?? 0]), weight: weight) != fails)
            case 2: bench.pipeline.resync()
            case 3: try bench.restart()
            case 4: total += try reported()
            default:
                guard runs[run] != nil else { continue }
                let bytes = UInt64.random(in: 1...100, using: &generator)
                runs[run, default: 0] += bytes
                sent += bytes
            }
            bench.driver.count(counters(runs), of: "a")
        }
        total += try reported()
        #expect(total == sent, "seed \(seed)")
    }
}

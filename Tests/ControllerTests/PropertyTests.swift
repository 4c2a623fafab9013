import Foundation
import LBaaS
import Requests
import Synchronization
import TestSupport
import Testing

@testable import Controller

@Suite("Random jobs")
struct PropertyTests {
    @Test("leave what a simple model says, in the appliance and in the state", arguments: 0..<12 as Range<UInt64>)
    func model(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bench = try Bench()
        var model = Model()
        for step in 0..<150 {
            let change = WantedChange.random(using: &generator)
            let outcome = bench.pipeline.commit(change)
            let isWanted = model.apply(change)
            #expect(outcome.isChanged == isWanted, "seed \(seed), step \(step): \(change): \(outcome)")
            #expect(try bench.driver.running == model.balancers, "seed \(seed), step \(step): \(change)")
            bench.driver.clear()
            // Repeated it passes, if it passed, and touches nothing.
            if isWanted {
                #expect(bench.pipeline.commit(change).isChanged, "seed \(seed), step \(step): \(change)")
                #expect(bench.driver.calls.isEmpty, "seed \(seed), step \(step): \(change)")
            }
            if step % 30 == 0 { try bench.restart() }
        }
        #expect(try bench.committed == model.balancers)
        #expect(try bench.durable == model.balancers)
    }

    @Test("that the appliance fails at random leave what those that passed say", arguments: 0..<12 as Range<UInt64>)
    func failures(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bench = try Bench()
        var model = Model()
        let luck = Mutex(SeededGenerator(seed: seed + 1000))
        bench.driver.fail { _ in
            luck.withLock { luck in
                [RecordingDriver.Failure.refused, .carriedOut, .partly, nil, nil, nil, nil, nil].randomElement(using: &luck) ?? nil
            }
        }
        for step in 0..<150 {
            let change = WantedChange.random(using: &generator)
            let outcome = bench.pipeline.commit(change)
            var next = model
            let isWanted = next.apply(change)
            #expect(isWanted || !outcome.isChanged, "seed \(seed), step \(step): \(change)")
            if outcome.isChanged { model = next }
            #expect(try bench.committed == model.balancers, "seed \(seed), step \(step): \(change)")
            bench.clock.advance(seconds: .random(in: 0...3, using: &generator))
        }
        bench.driver.fail(nil)
        bench.clock.advance(seconds: 6)
        #expect(bench.pipeline.commit(.enable(.named([]))).isChanged)
        #expect(try bench.driver.running == model.balancers)
        #expect(try bench.durable == model.balancers)
    }

    @Test("of 8 threads at once leave appliance, committed state and state file the same", arguments: [false, true])
    func threads(areFailing: Bool) throws {
        let bench = try Bench()
        if areFailing {
            let luck = Mutex(SeededGenerator(seed: 7))
            bench.driver.fail { _ in luck.withLock { .random(in: 0..<50, using: &$0) == 0 ? .partly : nil } }
        }
        let (passed, failed) = (Counter(), Counter())
        let group = DispatchGroup()
        let (pipeline, clock) = (bench.pipeline, bench.clock)
        for thread in 0..<8 as Range<UInt64> {
            group.enter()
            Thread.detachNewThread {
                var generator = SeededGenerator(seed: thread)
                for number in 0..<500 {
                    if number % 50 == 49 { _ = pipeline.metrics(.all) }
                    if number % 50 == 25 { _ = pipeline.run(.plan(.random(using: &generator))) }
                    let outcome = pipeline.commit(.random(using: &generator))
                    (outcome.isChanged ? passed : failed).increase()
                    clock.advance(seconds: 1)
                }
                group.leave()
            }
        }
        group.wait()
        #expect(passed.value + failed.value == 4000)
        #expect(passed.value > 500)
        #expect(failed.value > 500)
        bench.driver.fail(nil)
        bench.clock.advance(seconds: 6)
        #expect(pipeline.commit(.enable(.named([]))).isChanged)
        let committed = try bench.committed
        #expect(try bench.driver.running == committed)
        #expect(try bench.durable == committed)
        #expect(pipeline.count == committed.count)
        #expect(bench.progress.stuck(now: .seconds(1 << 30)).isEmpty)
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }
    func increase() { count.add(1, ordering: .relaxed) }
}

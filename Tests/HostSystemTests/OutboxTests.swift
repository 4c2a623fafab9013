import Dispatch
import HostSystem
import Testing

@Suite("An outbox", .timeLimit(.minutes(15)))
struct OutboxTests {
    private let long = Duration.seconds(300)

    /// An outbox whose thread hands on what it is told when it may, and ends when it is told to.
    private func outbox(
        _ gate: DispatchSemaphore? = nil, handOn: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> Outbox<Int> {
        let outbox = Outbox(0)
        let isStarted = outbox.start {
            var last: UInt64 = 0
            while true {
                let order = outbox.order
                if !outbox.isWaitedFor {
                    _ = outbox.wait(until: Deadline(in: .seconds(60)))
                    continue
                }
                // An order may be seen again that was handed on, for the thread is told to end meanwhile.
                if order.told > last { gate?.wait() }
                last = order.told
                handOn(outbox.with { $0 })
                outbox.handedOn(order)
                if order.isLast { return }
            }
        }
        try #require(isStarted)
        return outbox
    }

    @Test("is flushed when everything told so far is handed on")
    func flushed() throws {
        let outbox = try outbox()
        for number in 1...1000 {
            outbox.tell { $0 = number }
            if number.isMultiple(of: 10) { #expect(outbox.flush(within: long)) }
        }
        #expect(outbox.stop(within: long))
    }

    @Test("keeps nobody waiting longer than he may, nor at all while it is stuck or has no thread")
    func unflushed() throws {
        let gate = DispatchSemaphore(value: 0)
        let outbox = try outbox(gate)
        outbox.tell { $0 = 1 }
        #expect(!outbox.flush(within: .milliseconds(20)))
        outbox.stuck()
        let start = ContinuousClock.now
        #expect(!outbox.flush(within: long))
        outbox.unstuck()
        #expect(ContinuousClock.now - start < long)
        gate.signal()
        #expect(outbox.flush(within: long))
        #expect(outbox.stop(within: long))
        outbox.tell { $0 = 2 }
        #expect(!outbox.flush(within: long))
        #expect(ContinuousClock.now - start < long)
    }

    @Test("lets go who waits when it gets stuck")
    func letGo() throws {
        let gate = DispatchSemaphore(value: 0)
        let outbox = try outbox(gate)
        outbox.tell { $0 = 1 }
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.05) { outbox.stuck() }
        let start = ContinuousClock.now
        #expect(!outbox.flush(within: long))
        #expect(ContinuousClock.now - start < long)
        gate.signal()
        #expect(outbox.stop(within: long))
    }

    @Test("hands on what is left before it ends, as it is by then")
    func stopped() throws {
        let gate = DispatchSemaphore(value: 0)
        let (seen, done) = (Outbox<[Int]>([]), DispatchSemaphore(value: 0))
        let outbox = try outbox(gate) { number in
            seen.with { $0.append(number) }
            done.signal()
        }
        outbox.tell { $0 = 1 }
        gate.signal()
        done.wait()
        outbox.tell { $0 = 2 }
        outbox.tell { $0 = 3 }
        // For one or two times: the thread may have seen the first of them already.
        gate.signal()
        gate.signal()
        #expect(outbox.stop(within: long))
        #expect(seen.with { $0 }.first == 1)
        #expect(seen.with { $0 }.last == 3)
    }
}

@Suite("A deadline")
struct DeadlineTests {
    @Test("has its milliseconds rounded up, and as many as system calls take")
    func milliseconds() {
        #expect(Deadline(in: .zero).milliseconds == 0)
        #expect(Deadline(in: .zero).isOver)
        #expect(Deadline(in: .seconds(-5)).milliseconds == 0)
        #expect((1...60_000).contains(Deadline(in: .seconds(60)).milliseconds))
        #expect(Deadline(in: .seconds(1_000_000_000_000)).milliseconds == .max)
    }
}

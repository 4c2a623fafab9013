import Dispatch
import TestSupport
import Testing

@testable import HostSystem

@Suite struct WorkQueueTests {
    @Test("Work is carried out by as many threads as there are, the rest waits, and what is too much is refused")
    func limits() async throws {
        let queue = try #require(WorkQueue(threads: 2, mostWaiting: 3))
        let gate = DispatchSemaphore(value: 0)
        let (entered, done) = (Record<Int>(), Record<Int>())
        func add(_ number: Int) -> Bool {
            queue.add {
                entered.add(number)
                gate.wait()
                done.add(number)
            }
        }
        #expect(add(0) && add(1))
        try await eventually("both threads") { entered.all.count == 2 }
        #expect(add(2) && add(3) && add(4) && !add(5))
        #expect(entered.all.count == 2)
        for _ in 0..<5 { gate.signal() }
        try await eventually("the rest") { done.all.count == 5 }
        #expect(Set(done.all) == [0, 1, 2, 3, 4] && entered.all.dropFirst(2).sorted() == [2, 3, 4])
        #expect(queue.add {})
    }

    @Test("A queue that stops carries out what waits, and takes nothing more")
    func stop() async throws {
        let queue = try #require(WorkQueue(threads: 1, mostWaiting: 10))
        let gate = DispatchSemaphore(value: 0)
        let done = Record<Int>()
        #expect(queue.add { gate.wait() })
        for number in 0..<3 { #expect(queue.add { done.add(number) }) }
        #expect(try await !onThread { queue.stop(within: .milliseconds(10)) })
        #expect(!queue.add {})
        gate.signal()
        #expect(try await onThread { queue.stop(within: .seconds(60)) })
        #expect(done.all == [0, 1, 2])
    }
}

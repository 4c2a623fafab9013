import TestSupport
import Testing

@testable import HealthChecks

@Suite("When a check is due")
struct ScheduleTests {
    private let start = ContinuousClock.now

    /// When the first checks are due, each made at once when it was due and some time after.
    private func times(
        _ count: Int, delay: Duration, jitter: Double = 0, firstWithin: Duration = .seconds(1), late: Duration = .zero, seed: UInt64 = 1
    ) -> [Duration] {
        var random = SeededGenerator(seed: seed)
        var schedule = Schedule(delay: delay, jitter: jitter, firstWithin: firstWithin, now: start, random: &random)
        var times = [schedule.due - start]
        while times.count < count {
            schedule.advance(now: schedule.due + late, random: &random)
            times.append(schedule.due - start)
        }
        return times
    }

    private func gaps(_ times: [Duration]) -> [Duration] { zip(times.dropFirst(), times).map { $0 - $1 } }

    @Test("comes again after its delay to the nanosecond, however long each takes", arguments: [Duration.zero, .milliseconds(900)])
    func phase(late: Duration) {
        let found = gaps(times(100, delay: .seconds(1), late: late))
        #expect(found.allSatisfy { $0 == .seconds(1) })
    }

    @Test("begins soon, and goes on at a phase of its own where the delay is long")
    func first() {
        for seed in 1..<100 as Range<UInt64> {
            let found = times(10, delay: .seconds(30), seed: seed)
            #expect(found[0] >= .zero && found[0] < .seconds(1))
            let gaps = gaps(found)
            #expect(gaps[0] >= .zero && gaps[0] < .seconds(30))
            #expect(gaps.dropFirst().allSatisfy { $0 == .seconds(30) })
        }
    }

    @Test("spreads ten thousand evenly", arguments: [Duration.seconds(1), .seconds(30)])
    func even(delay: Duration) {
        var counts = [Int](repeating: 0, count: 100)
        for seed in 0..<10_000 as Range<UInt64> {
            let time = times(3, delay: delay, seed: seed)[2]
            counts[Int(time / delay * 100) % 100] += 1
        }
        // A hundred on the average; beyond five standard deviations is not chance.
        #expect(counts.allSatisfy { (50...150).contains($0) })
    }

    @Test("leaves out what should have begun by now, and keeps its phase")
    func skipping() {
        var random = SeededGenerator(seed: 1)
        var schedule = Schedule(delay: .seconds(1), jitter: 0, firstWithin: .seconds(1), now: start, random: &random)
        let first = schedule.due
        schedule.advance(now: first + .milliseconds(5700), random: &random)
        #expect(schedule.due == first + .seconds(5))
        schedule.advance(now: first + .milliseconds(5800), random: &random)
        #expect(schedule.due == first + .seconds(6))
    }

    @Test("is put off at random, and does not drift by it")
    func jitter() {
        let found = times(1000, delay: .seconds(1), jitter: 0.1)
        for (index, time) in found.enumerated().dropFirst() {
            let late = time - found[0] - .seconds(index)
            #expect(late >= .zero && late < .milliseconds(100))
        }
        #expect(Set(gaps(found)).count > 900)
    }
}

@Suite("A queue of timers")
struct TimerQueueTests {
    @Test("gives each owner at its time, like a list that is sorted")
    func property() {
        var random = SeededGenerator(seed: 7)
        let start = ContinuousClock.now
        for _ in 0..<50 {
            var queue = TimerQueue()
            var model: [Int: ContinuousClock.Instant] = [:]
            for _ in 0..<200 {
                let owner = Int.random(in: 0..<40, using: &random)
                let instant = start + .milliseconds(Int.random(in: 0..<100, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    queue.remove(owner)
                    model[owner] = nil
                case 1:
                    let popped = queue.popDue(at: instant)
                    let earliest = model.values.min().flatMap { $0 <= instant ? $0 : nil }
                    #expect(popped.flatMap { model[$0] } == earliest)
                    if let popped { model[popped] = nil }
                default:
                    queue.set(owner, at: instant)
                    model[owner] = instant
                }
                #expect(queue.earliest == model.values.min())
            }
        }
    }
}

@Suite("A lane")
struct LaneTests {
    private func ticket(_ number: UInt32) -> Ticket { Ticket(slot: 0, number: number) }

    @Test("lets so many in, and the others in their order")
    func order() {
        var taken = 0
        let lane = ConcurrencyLimit(limit: 3) { taken }
        #expect(lane.hasRoom && !lane.hasNext && lane.next() == nil)
        for number in 0..<1000 as Range<UInt32> { lane.wait(ticket(number)) }
        taken = 1
        for number in 0..<1000 as Range<UInt32> {
            // Whoever comes now has to wait too.
            #expect(lane.hasNext && !lane.hasRoom)
            #expect(lane.next() == ticket(number))
            lane.enter()
            if number > 0 {
                #expect(!lane.hasNext && lane.next() == nil && !lane.hasRoom)
                lane.leave()
            }
        }
        #expect(!lane.hasNext && lane.hasRoom)
        lane.enter()
        #expect(!lane.hasRoom)
        taken = 0
        #expect(lane.hasRoom)
    }
}

@Suite("Statistics of checks")
struct CheckStatisticsTests {
    @Test("know how late the checks began, to an eighth", arguments: [0, 1, 7, 8, 9, 15, 16, 100, 999, 12_345, 7_000_000])
    func lateness(microseconds: Int) {
        var statistics = CheckStatistics()
        for _ in 0..<99 { statistics.noteBegin(late: .microseconds(microseconds)) }
        statistics.noteBegin(late: .seconds(3600))
        let found = statistics.lateness(of: 0.99)
        #expect(found >= .microseconds(microseconds) && found <= .microseconds(microseconds + microseconds / 8))
        #expect(statistics.lateness(of: 1) >= .seconds(3600) && statistics.lateness(of: 0) == .zero)
        #expect(statistics.begun == 100)
    }
}

@Suite("An echo message")
struct EchoMessageTests {
    private let mark = EchoMark(secret: 0x0102_0304_0506_0708, ticket: Ticket(slot: 0x0A0B_0C0D, number: 0x1112_1314))

    @Test("of IPv4 is a request with its checksum")
    func v4() {
        let bytes = EchoMessage.v4.request(mark)
        #expect(bytes.prefix(2) == [8, 0] && bytes[4..<8] == [7, 8, 0x13, 0x14])
        #expect(bytes[8...] == [1, 2, 3, 4, 5, 6, 7, 8, 0x0A, 0x0B, 0x0C, 0x0D, 0x11, 0x12, 0x13, 0x14])
        // Over a message with its checksum the sum is nothing.
        #expect(EchoMessage.checksum(bytes) == 0)
    }

    @Test("of IPv6 leaves the checksum to the kernel")
    func v6() {
        let bytes = EchoMessage.v6.request(mark)
        #expect(bytes.prefix(4) == [128, 0, 0, 0] && bytes.count == 24)
    }

    @Test("that answers brings back what the request had, and no other message does")
    func answer() {
        var bytes = EchoMessage.v4.request(mark)
        #expect(EchoMessage.v4.mark(in: bytes, hasHeader: false) == nil)
        bytes[0] = 0
        #expect(EchoMessage.v4.mark(in: bytes, hasHeader: false) == mark)
        #expect(EchoMessage.v4.mark(in: [0x46] + [UInt8](repeating: 9, count: 23) + bytes, hasHeader: true) == mark)
        #expect(EchoMessage.v6.mark(in: bytes, hasHeader: false) == nil)
        bytes[0] = 129
        #expect(EchoMessage.v6.mark(in: bytes, hasHeader: false) == mark)
        for count in 0..<24 { #expect(EchoMessage.v6.mark(in: bytes.prefix(count), hasHeader: false) == nil) }
        for first in 0...255 as ClosedRange<UInt8> { #expect(EchoMessage.v4.mark(in: [first], hasHeader: true) == nil) }
    }
}

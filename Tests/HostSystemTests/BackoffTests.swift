import HostSystem
import Testing

@Suite("The wait before connecting is tried again")
struct BackoffTests {
    private func waits(_ count: Int, maximum: Double, share: Double) -> [Double] {
        var backoff = Backoff(maximum: maximum)
        return (0..<count).map { _ in backoff.next(share: share) }
    }

    private func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }
    }

    @Test("is that of the table where no share is taken away")
    func longest() {
        #expect(isClose(waits(9, maximum: 5, share: 0), [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5]))
    }

    @Test("is half of that where the whole share is taken away")
    func shortest() {
        #expect(isClose(waits(9, maximum: 5, share: 1), [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.5, 2.5, 2.5]))
    }

    @Test("is in between otherwise, and the share of one wait does not change the next")
    func between() {
        var backoff = Backoff(maximum: 5)
        let found = [1, 0, 0.5, 1].map { backoff.next(share: $0) }
        #expect(isClose(found, [0.05, 0.2, 0.3, 0.4]))
    }

    @Test("is never longer than the maximum", arguments: [0.01, 0.1, 0.15, 1, 3.2, 60, 1_000_000])
    func maximum(maximum: Double) {
        let found = waits(100, maximum: maximum, share: 0)
        #expect(found.first == min(maximum, 0.1))
        #expect(found.allSatisfy { $0 <= maximum })
        #expect(zip(found, found.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(found.last == min(maximum, 0.1 * 1_048_576))
    }

    @Test("begins anew after a success")
    func reset() {
        var backoff = Backoff(maximum: 5)
        for _ in 0..<50 { _ = backoff.next(share: 0) }
        backoff.reset()
        #expect(isClose([backoff.next(share: 0), backoff.next(share: 0)], [0.1, 0.2]))
        backoff.reset()
        #expect(isClose([backoff.next(share: 1)], [0.05]))
    }
}

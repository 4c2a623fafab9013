import LBaaS
import TestSupport
import Testing

@Suite("The health of a node")
struct NodeHealthTests {
    private let refused = CheckResult.failed("connect: refused")

    private func at(_ second: Int64) -> Timestamp { Timestamp(microseconds: second * 1_000_000) }

    /// Feeds results, `+` passed and `-` failed, a second each, and writes what the node is after each: `U` and `D`, small while results
    /// speak against it.
    private func course(_ results: String, isUp: Bool, rise: UInt32, fall: UInt32) -> String {
        var health = NodeHealth(isUp: isUp, since: at(0))
        var states = ""
        for (second, result) in results.enumerated() {
            let before = health.isUp
            let turned = health.take(result == "+" ? .passed : refused, rise: rise, fall: fall, now: at(Int64(second) + 1))
            #expect(turned == (health.isUp != before))
            if turned { #expect(health.since == at(Int64(second) + 1)) }
            let state = health.isUp ? "U" : "D"
            states += health.against > 0 ? state.lowercased() : state
        }
        return states
    }

    @Test(
        arguments: [
            ("++", true, 2, 2, "UU"), ("--", true, 2, 2, "uD"), ("-+-+-", true, 2, 2, "uUuUu"), ("---+", true, 3, 3, "uuDd"),
            ("-++-+++", false, 3, 1, "DddDddU"), ("+", false, 1, 1, "U"), ("-", true, 1, 1, "D"), ("+-+-", false, 1, 1, "UDUD"),
        ] as [(String, Bool, UInt32, UInt32, String)])
    func course(results: String, isUp: Bool, rise: UInt32, fall: UInt32, states: String) {
        #expect(course(results, isUp: isUp, rise: rise, fall: fall) == states)
    }

    @Test("knows why its last check failed, until one passes")
    func reason() {
        var health = NodeHealth(isUp: true, since: at(0))
        _ = health.take(refused, rise: 2, fall: 2, now: at(1))
        #expect(health.reason == "connect: refused" && health.isUp && health.since == at(0))
        _ = health.take(.failed("connect: timed out"), rise: 2, fall: 2, now: at(2))
        #expect(health.reason == "connect: timed out" && !health.isUp && health.since == at(2))
        _ = health.take(.passed, rise: 2, fall: 2, now: at(3))
        #expect(health.reason == nil && !health.isUp)
    }

    @Test("turns exactly when so many results in a row speak against it")
    func property() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            let (rise, fall) = (UInt32.random(in: 1...4, using: &generator), UInt32.random(in: 1...4, using: &generator))
            let start = Bool.random(using: &generator)
            let results = (0..<40).map { _ in Bool.random(using: &generator) }
            var health = NodeHealth(isUp: start, since: at(0))
            var (isUp, row) = (start, 0)
            for (second, passed) in results.enumerated() {
                _ = health.take(passed ? .passed : refused, rise: rise, fall: fall, now: at(Int64(second)))
                row = passed == isUp ? 0 : row + 1
                if row == Int(isUp ? fall : rise) { (isUp, row) = (!isUp, 0) }
                #expect(health.isUp == isUp && health.against == UInt32(row))
            }
        }
    }
}

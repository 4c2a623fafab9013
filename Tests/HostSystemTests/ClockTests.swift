import HostSystem
import Testing

@Suite struct ClockTests {
    @Test func theOffsetOfTwoClocksFollowsAClockThatIsSetAndNoOtherDifference() {
        let offset = ClockOffset()
        for measured: Int64 in [0, 1, -1, 9999, -9999] { #expect(offset.follow(measured: measured) == .zero) }
        for measured: Int64 in [3_600_000_000, 3_600_000_001, 3_599_990_001] {
            #expect(offset.follow(measured: measured) == .seconds(3600))
        }
        #expect(offset.follow(measured: -10_000) == .milliseconds(-10))
    }

    @Test func aTimeIsShownTheSameAgainAndAgain() {
        let time = Clock.steady()
        // The clock can be set meanwhile, once.
        #expect(Set((0..<10_000).map { _ in Clock.moment().wall(time) }).count <= 2)
    }
}

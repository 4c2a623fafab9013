import Foundation
import LBaaS
import TestSupport
import Testing

@Suite("The text of a time")
struct TimestampTests {
    private func text(_ microseconds: Int64, separator: Unicode.Scalar = " ", fractionDigits: Int = 6) -> String {
        var output: [UInt8] = []
        Timestamp(microseconds: microseconds).append(to: &output, separator: separator, fractionDigits: fractionDigits)
        return String(decoding: output, as: UTF8.self)
    }

    private func foundation(_ second: Int64) -> String {
        let style = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day().time(includingFractionalSeconds: false)
        return style.dateTimeSeparator(.space).format(Date(timeIntervalSince1970: TimeInterval(second)))
    }

    @Test(
        "is UTC",
        arguments: [
            (0, "1970-01-01 00:00:00.000000"), (1_389_280_305_704_754, "2014-01-09 15:11:45.704754"),
            (-1, "1969-12-31 23:59:59.999999"), (-1_000_000, "1969-12-31 23:59:59.000000"), (1, "1970-01-01 00:00:00.000001"),
            (951_782_400_000_000, "2000-02-29 00:00:00.000000"), (951_868_799_999_999, "2000-02-29 23:59:59.999999"),
            (951_868_800_000_000, "2000-03-01 00:00:00.000000"), (1_709_164_800_000_000, "2024-02-29 00:00:00.000000"),
            (4_107_542_399_000_000, "2100-02-28 23:59:59.000000"), (4_107_542_400_000_000, "2100-03-01 00:00:00.000000"),
            (-2_203_891_200_000_000, "1900-03-01 00:00:00.000000"), (-2_203_891_200_000_001, "1900-02-28 23:59:59.999999"),
            (253_402_300_799_999_999, "9999-12-31 23:59:59.999999"),
        ])
    func known(microseconds: Int64, expected: String) {
        #expect(text(microseconds) == expected)
    }

    @Test("has as many digits of the second as wanted, cut and not rounded, and any separator")
    func digits() {
        let digits = (1...6).map { text(1_389_280_305_987_659, separator: "T", fractionDigits: $0) }
        #expect(digits == ["9", "98", "987", "9876", "98765", "987659"].map { "2014-01-09T15:11:45.\($0)" })
        #expect((1...6).map { text(-1, fractionDigits: $0) } == (1...6).map { "1969-12-31 23:59:59." + String(repeating: "9", count: $0) })
        #expect(text(50, fractionDigits: 1) == "1970-01-01 00:00:00.0")
    }

    @Test("goes behind what is there")
    func appends() {
        var output = Array("at ".utf8)
        Timestamp(microseconds: 0).append(to: &output, separator: "T", fractionDigits: 3)
        #expect(String(decoding: output, as: UTF8.self) == "at 1970-01-01T00:00:00.000")
    }

    @Test("is Foundation's at the first and the last second of each month for 700 years")
    func months() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for year in 1600...2300 {
            for month in 1...12 {
                let date = try #require(calendar.date(from: DateComponents(year: year, month: month)))
                let first = Int64(date.timeIntervalSince1970)
                for second in [first - 1, first] where text(second * 1_000_000 + 5) != foundation(second) + ".000005" {
                    Issue.record("\(text(second * 1_000_000)) is not \(foundation(second))")
                }
            }
        }
    }

    @Test("is Foundation's at random seconds of the years 1583 to 9999")
    func random() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<5000 {
            let second = Int64.random(in: -12_212_553_600...253_402_300_799, using: &generator)
            let fraction = Int64.random(in: 0..<1_000_000, using: &generator)
            let expected = foundation(second) + "." + String(fraction + 1_000_000).dropFirst()
            #expect(text(second * 1_000_000 + fraction) == expected)
        }
    }

    @Test("sorts as the times do")
    func order() {
        #expect(Timestamp(microseconds: -1) < Timestamp(microseconds: 0))
        #expect(Timestamp(microseconds: .min) < Timestamp(microseconds: .max))
        #expect([5, -5, 0].map { Timestamp(microseconds: $0) }.sorted().map(\.microseconds) == [-5, 0, 5])
    }
}

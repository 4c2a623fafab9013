package import LBaaS

/// When what an object tells happened, as Kubernetes writes times: `2026-11-28T10:00:00.123456Z`.
package enum TriggerTime {
    /// Reads a time; nil for what is none.
    package static func read(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        let marks: [(Int, String)] = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")]
        guard marks.allSatisfy({ bytes[$0] == $1.utf8.first }), let year = number(0..<4), let month = number(5..<7),
            let day = number(8..<10), let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var microseconds: Int64 = 0
        if bytes.count > 20 {
            // Nine digits at most, of which six count.
            let fraction = 20..<bytes.count - 1
            guard bytes[19] == UInt8(ascii: "."), (1...9).contains(fraction.count), number(fraction) != nil,
                let digits = number(fraction.prefix(6))
            else { return nil }
            microseconds = (0..<max(0, 6 - fraction.count)).reduce(digits) { value, _ in value * 10 }
        }
        let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
        return Timestamp(microseconds: seconds * 1_000_000 + microseconds)
    }

    /// The days since 1970 began. A year begins in March here, so that a leap day is its last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let ofYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + ofYear - 719_468
    }
}

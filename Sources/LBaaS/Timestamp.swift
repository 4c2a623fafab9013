/// A time, in microseconds since 1970 began (UTC).
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Microseconds since 1970 began.
    public let microseconds: Int64

    /// A time.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// The order in time.
    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// The time so much later; a duration of more than 292,000 years counts as that.
    public static func + (time: Self, duration: Duration) -> Self {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflowToo) = time.microseconds.addingReportingOverflow(whole &+ attoseconds / 1_000_000_000_000)
        return Timestamp(microseconds: overflow || overflowToo ? .max : sum)
    }

    /// The time from one to another, negative where that was before.
    public static func - (left: Self, right: Self) -> Duration {
        .microseconds(left.microseconds.subtractingReportingOverflow(right.microseconds).partialValue)
    }

    /// Appends the UTC text, such as `2014-01-09 15:11:45.704754`.
    ///
    /// By arithmetic alone: the C library's way takes a lock that every thread waits for.
    ///
    /// - Parameters:
    ///   - separator: what stands between date and time.
    ///   - fractionDigits: how many digits follow the seconds, 1 to 6.
    public func append(to output: inout [UInt8], separator: Unicode.Scalar, fractionDigits: Int) {
        let text = characters(separator: separator)
        unsafe text.span.extracting(first: 20 + fractionDigits).withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
    }

    /// The UTC text to the microsecond.
    fileprivate func characters(separator: Unicode.Scalar) -> InlineArray<26, UInt8> {
        let (second, fraction) = microseconds.quotientAndFlooredRemainder(dividingBy: 1_000_000)
        let (day, secondOfDay) = second.quotientAndFlooredRemainder(dividingBy: 86_400)
        let date = Self.date(ofDay: day)
        var text: InlineArray<26, UInt8> = InlineArray(repeating: 0)
        func put(_ number: Int64, _ places: Range<Int>, then mark: Unicode.Scalar? = nil) {
            var rest = number
            for place in places.reversed() {
                text[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            if let mark { text[places.upperBound] = UInt8(ascii: mark) }
        }
        put(date.year, 0..<4, then: "-")
        put(date.month, 5..<7, then: "-")
        put(date.day, 8..<10, then: separator)
        put(secondOfDay / 3600, 11..<13, then: ":")
        put(secondOfDay / 60 % 60, 14..<16, then: ":")
        put(secondOfDay % 60, 17..<19, then: ".")
        put(fraction, 20..<26)
        return text
    }

    /// The time as RFC 3339 has it, in UTC: `2014-01-09T15:11:45.704Z`.
    public var text: String {
        var bytes: [UInt8] = []
        append(to: &bytes, separator: "T", fractionDigits: 3)
        return String(decoding: bytes, as: UTF8.self) + "Z"
    }

    /// The Gregorian date of a day, counted from 1970-01-01. Years begin in March here, so that the leap day is the last of its year.
    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (day + 719_468).quotientAndFlooredRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

extension ByteWriter {
    /// Appends the time as RFC 3339 has it, in UTC: `2014-01-09T15:11:45.704Z`.
    public mutating func append(time: Timestamp) {
        let text = time.characters(separator: "T")
        unsafe append(text.span.bytes.extracting(first: 23))
        append(byte: UInt8(ascii: "Z"))
    }
}

extension Int64 {
    /// The quotient rounded down and the remainder, which is never negative.
    fileprivate func quotientAndFlooredRemainder(dividingBy divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

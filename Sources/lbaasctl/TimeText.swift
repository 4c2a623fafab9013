import Glibc
import HostSystem
import LBaaS

/// Times as the API has them (RFC 3339, in UTC), as people read them.
enum TimeText {
    /// Without fractions of a second; as it is where it is no such time.
    static func short(_ text: String?) -> String {
        guard let text else { return "-" }
        guard seconds(text) != nil, let dot = text.firstIndex(of: ".") else { return text }
        return text[..<dot] + "Z"
    }

    /// How long ago it was: `42s`, `5m10s`, `3h5m`, `2d4h`.
    static func age(_ text: String?, now: Int = Clock.unixTime()) -> String? {
        guard let text, let then = seconds(text) else { return text }
        let age = max(0, now - then)
        let (days, hours, minutes) = (age / 86400, age / 3600 % 24, age / 60 % 60)
        func pair(_ large: Int, _ unit: String, _ small: Int, _ smallUnit: String) -> String {
            "\(large)\(unit)" + (small == 0 ? "" : "\(small)\(smallUnit)")
        }
        if days > 0 { return pair(days, "d", hours, "h") }
        if hours > 0 { return pair(hours, "h", minutes, "m") }
        return minutes > 0 ? pair(minutes, "m", age % 60, "s") : "\(age)s"
    }

    /// Seconds since 1970 began; nil where it is no such time.
    static func seconds(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
        func number(_ place: Int, _ length: Int) -> Int32? {
            let digits = bytes[place..<place + length]
            guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return Int32(String(decoding: digits, as: UTF8.self))
        }
        for (place, mark) in zip([4, 7, 10, 13, 16], "--T::".utf8) where bytes[place] != mark { return nil }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var time = unsafe tm()
        unsafe (time.tm_year, time.tm_mon, time.tm_mday) = (year - 1900, month - 1, day)
        unsafe (time.tm_hour, time.tm_min, time.tm_sec) = (hour, minute, second)
        return unsafe timegm(&time)
    }
}

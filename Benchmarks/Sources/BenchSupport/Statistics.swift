package import Foundation

/// The middle and the ends of some figures.
package struct Spread {
    package let median: Double
    package let least: Double
    package let most: Double

    /// Of one figure or more.
    package init(_ figures: [Double]) {
        let sorted = figures.sorted()
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        least = sorted[0]
        most = sorted[sorted.count - 1]
    }

    /// `7,600 (7,100–7,900)`.
    package func text(digits: Int = 0) -> String {
        "\(median.text(digits: digits)) (\(least.text(digits: digits))–\(most.text(digits: digits)))"
    }
}

extension Double {
    /// With so many digits behind the point, and a comma at every third before it.
    package func text(digits: Int = 0) -> String {
        let plain = String(format: "%.\(digits)f", self)
        let whole = plain.prefix { $0 != "." }
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { grouped += "," }
            grouped.append(digit)
        }
        return grouped + plain.dropFirst(whole.count)
    }
}

extension Int {
    /// With a comma at every third digit.
    package var grouped: String { Double(self).text() }
}

/// Nanoseconds on a clock of the system.
package func nanoseconds(_ clock: clockid_t = CLOCK_MONOTONIC) -> Double {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// Tries until it is so; false where it is not so in time.
package func waitUntil(seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = nanoseconds() + seconds * 1e9
    while try !condition() {
        if nanoseconds() > deadline { return false }
        usleep(1000)
    }
    return true
}

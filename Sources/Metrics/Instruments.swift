import Synchronization

/// Something that is measured, and written as samples of its family.
package protocol MetricInstrument: Sendable {
    /// Writes its samples. They begin with a name and labels that were made ready by `beginnings`.
    func write(_ beginnings: [[UInt8]], to text: inout MetricsText)

    /// What is behind the name of the family in each sample, and the last label, where there is one.
    var samples: [(suffix: String, label: String?)] { get }
}

extension MetricInstrument {
    package var samples: [(suffix: String, label: String?)] { [("", nil)] }
}

/// A number that only grows. Adding to it is one atomic instruction.
package final class Counter: MetricInstrument {
    private let count = Atomic<UInt64>(0)

    init() {}

    /// The number.
    package var value: UInt64 { count.load(ordering: .relaxed) }

    /// Adds to it.
    package func add(_ number: UInt64 = 1) { count.wrappingAdd(number, ordering: .relaxed) }

    package func write(_ beginnings: [[UInt8]], to text: inout MetricsText) { text.line(beginnings[0], value) }
}

/// A number that goes up and down.
package final class Gauge: MetricInstrument {
    private let bits = Atomic<UInt64>(0)

    init() {}

    /// The number.
    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Sets it.
    package func set(_ number: Double) { bits.store(number.bitPattern, ordering: .relaxed) }

    /// Adds to it.
    package func add(_ number: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + number).bitPattern
            let result = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if result.exchanged { return }
            old = result.original
        }
    }

    package func write(_ beginnings: [[UInt8]], to text: inout MetricsText) { text.line(beginnings[0], value) }
}

/// How many observations are in which bucket, and their sum. An observation is two atomic instructions and takes no lock.
package final class Histogram: MetricInstrument {
    /// What it counts in.
    package enum Unit: Double, Sendable {
        /// Observed in nanoseconds, written in seconds.
        case seconds = 1e9
        /// Observed and written as they are.
        case plain = 1
    }

    private final class Cell: Sendable {
        let count = Atomic<UInt64>(0)
    }

    private let unit: Unit
    /// The upper bound of each bucket but the last, as it is observed.
    private let bounds: [UInt64]
    private let cells: [Cell]
    private let sum = Atomic<UInt64>(0)

    /// From 100 µs to 10 s, as they are good for jobs and requests.
    package static let durations: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    /// - Parameter bounds: the upper bounds of the buckets but the last, which has none, as they are written: rising, greater than 0.
    init(_ unit: Unit, bounds: [Double]) {
        self.unit = unit
        self.bounds = bounds.map { UInt64(($0 * unit.rawValue).rounded()) }
        precondition(zip(self.bounds, self.bounds.dropFirst()).allSatisfy { $0 < $1 }, "the bounds of a histogram rise")
        cells = (0...bounds.count).map { _ in Cell() }
    }

    /// Adds an observation; one of `seconds` is in nanoseconds.
    package func observe(_ value: UInt64) {
        var place = 0
        while place < bounds.count, value > bounds[place] { place += 1 }
        cells[place].count.wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(value, ordering: .relaxed)
    }

    /// Adds an observation of time; less than none counts as none, and 290 years are enough.
    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        if seconds < 0 || attoseconds < 0 { return observe(0) }
        observe(UInt64(min(seconds, 9_000_000_000)) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000)
    }

    /// How many observations there are.
    package var count: UInt64 { cells.reduce(0) { $0 + $1.count.load(ordering: .relaxed) } }

    package var samples: [(suffix: String, label: String?)] {
        bounds.map { bound in
            let value = Double(bound) / unit.rawValue
            return ("_bucket", "le=\"\(UInt64(exactly: value).map(String.init) ?? value.description)\"")
        } + [("_bucket", "le=\"+Inf\""), ("_sum", nil), ("_count", nil)]
    }

    package func write(_ beginnings: [[UInt8]], to text: inout MetricsText) {
        // The sum is read first and the count is that of the buckets, so that they agree as well as they can while others observe.
        let sum = Double(self.sum.load(ordering: .relaxed)) / unit.rawValue
        var count: UInt64 = 0
        for (place, cell) in cells.enumerated() {
            count += cell.count.load(ordering: .relaxed)
            text.line(beginnings[place], count)
        }
        text.line(beginnings[cells.count], sum)
        text.line(beginnings[cells.count + 1], count)
    }
}

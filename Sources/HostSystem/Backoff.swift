/// How long to wait before connecting is tried again.
///
/// The n-th wait, counted from 0, is `min(maximum, first × 2ⁿ)`, where the first is 0.1 s if not said otherwise. A random share of up to a
/// half of it is taken away, so that the connections of many workers do not come back all at once:
///
/// | try | 0 | 1 | 2 | 3 | 4 | 5 | 6 and later |
/// |---|---|---|---|---|---|---|---|
/// | s, with a maximum of 5 | 0.05 to 0.1 | 0.1 to 0.2 | 0.2 to 0.4 | 0.4 to 0.8 | 0.8 to 1.6 | 1.6 to 3.2 | 2.5 to 5 |
package struct Backoff {
    /// The longest wait, in seconds.
    package let maximum: Double
    private let first: Double
    private var failures = 0

    /// - Parameters:
    ///   - first: the first wait, in seconds.
    ///   - maximum: the longest, in seconds.
    package init(first: Double = 0.1, maximum: Double) { (self.first, self.maximum) = (first, maximum) }

    /// The wait after one more failure, in seconds.
    ///
    /// - Parameter share: a random number from 0 to 1.
    package mutating func next(share: Double) -> Double {
        let whole = min(maximum, first * Double(1 << min(failures, 20)))
        failures += 1
        return whole * (1 - share / 2)
    }

    /// Begins anew: connecting worked.
    package mutating func reset() { failures = 0 }
}

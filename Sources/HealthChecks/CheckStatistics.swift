/// How a checker keeps up.
public struct CheckStatistics: Sendable {
    /// How many checks began.
    public private(set) var begun: UInt64 = 0
    /// How many could not be made, for want of descriptors, ports or memory.
    public package(set) var unmade: UInt64 = 0
    /// How many began so late, in classes that are an eighth of a power of two wide.
    private var lateness = [UInt64](repeating: 0, count: 8 * 64)

    init() {}

    /// How late, at most, this share of the checks began: 0.99 for all but one in a hundred. It is too large by an eighth at the most.
    ///
    /// - Parameter share: 0 to 1.
    public func lateness(of share: Double) -> Duration {
        var left = UInt64((Double(begun) * min(max(share, 0), 1)).rounded(.up))
        for (index, count) in lateness.enumerated() {
            if left <= count { return left == 0 ? .zero : .microseconds(Self.upperBound(of: index)) }
            left -= count
        }
        return .zero
    }

    /// What was added since it was so.
    public func since(_ earlier: CheckStatistics) -> CheckStatistics {
        var difference = self
        difference.begun -= earlier.begun
        difference.unmade -= earlier.unmade
        difference.lateness = zip(lateness, earlier.lateness).map { $0 - $1 }
        return difference
    }

    /// Counts a check that began so late.
    mutating func noteBegin(late: Duration) {
        begun += 1
        let (seconds, attoseconds) = late.components
        lateness[Self.index(of: UInt64(max(0, seconds * 1_000_000 + attoseconds / 1_000_000_000_000)))] += 1
    }

    /// Up to 8 µs a class is 1 µs wide; from there on the highest bit and the three below it tell the class.
    private static func index(of microseconds: UInt64) -> Int {
        if microseconds < 8 { return Int(microseconds) }
        let shift = 60 - microseconds.leadingZeroBitCount
        return 8 * (shift + 1) + Int(microseconds >> UInt64(shift)) - 8
    }

    private static func upperBound(of index: Int) -> Int64 {
        if index < 8 { return Int64(index) }
        let shift = index / 8 - 1
        return Int64(index % 8 + 9) << Int64(shift) - 1
    }
}

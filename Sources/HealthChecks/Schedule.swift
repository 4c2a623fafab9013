/// When a check is due: soon for the first time, then again and again after its delay, at a phase of its own.
///
/// Each time follows from the one before and not from when the check was made, so that the phase stays and many checks stay spread evenly.
struct Schedule {
    /// A point in time.
    typealias Instant = ContinuousClock.Instant

    private let delay: Duration
    /// The part of the delay by which each check is put off at most, at random.
    private let jitter: Double
    /// Without what it is put off.
    private var nominal: Instant
    /// When the next check is due.
    private(set) var due: Instant
    /// Whether the phase is still to be chosen.
    private var isUnphased: Bool

    /// - Parameters:
    ///   - firstWithin: how long the first check may be put off.
    init(delay: Duration, jitter: Double, firstWithin: Duration, now: Instant, random: inout some RandomNumberGenerator) {
        self.delay = max(delay, .milliseconds(1))
        self.jitter = jitter
        nominal = now + min(self.delay, firstWithin) * Double.random(in: 0..<1, using: &random)
        due = nominal
        isUnphased = firstWithin < self.delay
    }

    /// Goes on to the next check. Those that should have begun by now are left out.
    mutating func advance(now: Instant, random: inout some RandomNumberGenerator) {
        // The first checks may come close together; from here on they are spread over the whole delay.
        nominal = nominal + delay * (isUnphased ? Double.random(in: 0..<1, using: &random) : 1)
        isUnphased = false
        if nominal <= now - delay { nominal = nominal + delay * Int((now - nominal) / delay) }
        due = nominal + delay * (jitter * Double.random(in: 0..<1, using: &random))
    }
}

/// Who has to wait before the next try to log in: by name, and by address. Times are of a clock that only goes forward.
///
/// A try counts as a failure from its beginning, so that tries at the same time do not get around it, and success takes it back.
///
/// | failures of a name | of an address | wait after the last |
/// |---|---|---|
/// | up to 4 | up to 19 | none |
/// | 5, 6, 7, … | 20, 21, 22, … | 1 s, 2 s, 4 s, … up to 30 s |
///
/// What failed is forgotten after 15 minutes without another failure; and what is oldest, where there are too many names or addresses. Each server
/// counts for itself.
struct LoginDelays: Sendable {
    /// The failures that a name and an address have without a wait.
    static let freeFailures = (name: 4, address: 19)
    /// The longest wait.
    static let longestWait = Duration.seconds(30)
    /// How long failures are remembered.
    static let memory = Duration.seconds(900)
    /// The most names, and the most addresses.
    static let mostSubjects = 4096

    private struct Failures: Sendable {
        var count: Int
        var last: Duration
    }

    private var names: [String: Failures] = [:]
    private var addresses: [String: Failures] = [:]

    /// Begins a try.
    ///
    /// - Returns: how long to wait before another one, where this one is refused; nil where it may go on.
    mutating func begin(name: String, address: String, now: Duration) -> Duration? {
        let wait = max(
            Self.wait(names[name], free: Self.freeFailures.name, now), Self.wait(addresses[address], free: Self.freeFailures.address, now))
        if wait > .zero { return wait }
        Self.count(&names, name, now)
        Self.count(&addresses, address, now)
        return nil
    }

    /// Ends a try that was right: the name has no failures any more, and the address one less.
    mutating func succeed(name: String, address: String) {
        names[name] = nil
        Self.takeBack(&addresses, address)
    }

    /// Ends a try that was not judged.
    mutating func withdraw(name: String, address: String) {
        Self.takeBack(&names, name)
        Self.takeBack(&addresses, address)
    }

    /// Whether the last failure of a name is the first behind which the next try has to wait.
    func isFirstDelay(name: String) -> Bool { names[name]?.count == Self.freeFailures.name + 1 }

    private static func wait(_ failures: Failures?, free: Int, _ now: Duration) -> Duration {
        guard let failures, failures.count > free, now - failures.last < memory else { return .zero }
        let whole = min(Duration.seconds(1 << min(failures.count - free - 1, 10)), longestWait)
        return max(.zero, failures.last + whole - now)
    }

    private static func count(_ table: inout [String: Failures], _ subject: String, _ now: Duration) {
        if let known = table[subject], now - known.last < memory {
            table[subject] = Failures(count: known.count + 1, last: now)
            return
        }
        if table[subject] == nil, table.count >= mostSubjects, let oldest = table.min(by: { $0.value.last < $1.value.last }) {
            table[oldest.key] = nil
        }
        table[subject] = Failures(count: 1, last: now)
    }

    private static func takeBack(_ table: inout [String: Failures], _ subject: String) {
        guard let known = table[subject] else { return }
        table[subject] = known.count > 1 ? Failures(count: known.count - 1, last: known.last) : nil
    }
}

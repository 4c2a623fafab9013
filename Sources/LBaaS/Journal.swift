/// One committed change, as the journal keeps it: who changed what, and when.
public struct JournalEntry: Hashable, Sendable {

    /// The revision that the change made: the number of the entry.
    public var revision: UInt64
    /// When it was decided on.
    public let time: Timestamp
    /// What it came from: the name of a source of requests, `health` or `drain`.
    public let cause: String
    /// Which request it was: the handle of a job, the name of a client; empty where there is none.
    public let origin: String
    /// What was changed, such as `CREATE shop`.
    public let what: String
    /// What became of it: `PASS`.
    public let outcome: String
    /// The load balancers that it changes. They are not stored: empty where it was read from the journal.
    public var loadBalancers: [LoadBalancerID]

    /// The cause of what checks found.
    public static let health = "health"

    /// An entry, which gets its revision when it is committed.
    public init(
        revision: UInt64 = 0, time: Timestamp, cause: String, origin: String = "", what: String, outcome: String = "PASS",
        loadBalancers: [LoadBalancerID] = []
    ) {
        self.revision = revision
        self.time = time
        self.cause = cause
        self.origin = origin
        self.what = what
        self.outcome = outcome
        self.loadBalancers = loadBalancers
    }
}

extension [LoadBalancerID] {
    /// The first of them, for a line of a log: at most eight, and at most 64 bytes of each.
    package var shown: String {
        // Mostly it is one.
        if count == 1, self[0].text.utf8.count <= 64 { return self[0].text }
        let shown = prefix(8).map { $0.text.utf8.count > 64 ? String($0.text.prefix(60)) + "…" : $0.text }.joined(separator: ",")
        return count > 8 ? "\(shown),… (\(count))" : shown
    }
}

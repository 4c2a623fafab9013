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
    /// Whether the store is to have it. What a cluster changes all the time would leave no room for anything else.
    public var isStored: Bool

    /// The cause of what checks found.
    public static let health = "health"

    /// An entry, which gets its revision when it is committed.
    public init(
        revision: UInt64 = 0, time: Timestamp, cause: String, origin: String = "", what: String, outcome: String = "PASS",
        loadBalancers: [LoadBalancerID] = [], isStored: Bool = true
    ) {
        self.revision = revision
        self.time = time
        self.cause = cause
        self.origin = origin
        self.what = what
        self.outcome = outcome
        self.loadBalancers = loadBalancers
        self.isStored = isStored
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

extension [IPAddress] {
    /// The first of them in the order of their text, for a line of a log: at most eight.
    package var shown: String {
        let texts = Set(map(\.description)).sorted()
        return texts.prefix(8).joined(separator: ",") + (texts.count > 8 ? ",… (\(texts.count))" : "")
    }
}

public import LBaaS

/// A job that was understood.
public enum JobRequest: Sendable {
    /// UPDATE, CREATE, SUSPEND, ENABLE or DELETE.
    case change(WantedChange, ChangeOptions)
    /// STATS.
    case status(Selection)
    /// METRICS.
    case metrics(Selection)
    /// DISCOVER.
    case discover
    /// ARCHIVE.
    case archive(ArchiveOrder)
    /// DIAGNOSTICS.
    case diagnostics
}

/// How a job wants its change made.
public struct ChangeOptions: Hashable, Sendable {
    /// Whether it only asks what would be done.
    public let isDryRun: Bool
    /// Whether what leaves does so at once, without finishing what it has.
    public let isForced: Bool

    /// Options.
    public init(isDryRun: Bool = false, isForced: Bool = false) {
        self.isDryRun = isDryRun
        self.isForced = isForced
    }
}

/// What a job wants changed.
public enum WantedChange: Sendable {
    /// These load balancers and no others.
    case update([LoadBalancer])
    /// These load balancers, and all others as they are.
    case create([LoadBalancer])
    /// Keep, and stop serving.
    case suspend(Selection)
    /// Serve again.
    case enable(Selection)
    /// Forget.
    case delete(Selection)
}

/// Which load balancers a job means.
public enum Selection: Hashable, Sendable {
    /// Every one.
    case all
    /// These, in the order of the job, each once.
    case named([LoadBalancerID])
}

/// Why a job was not understood.
enum RequestError: Error {
    /// The original's validation error, which takes the place of the reply: its message, and the path.
    case badRequest(String, path: String)
    /// A FAIL with this sentence, which names the path at fault.
    case fail(String)
}

public import LBaaS

/// What an intake asks of the core.
public enum Request: Sendable {
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

/// How a request wants its change made.
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

/// What a request wants changed.
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

/// Which load balancers a request means.
public enum Selection: Hashable, Sendable {
    /// Every one.
    case all
    /// These, in the order of the request, each once.
    case named([LoadBalancerID])
}

extension Request {
    /// The load balancers that it names, in its order.
    public var loadBalancers: [LoadBalancerID] {
        switch self {
        case .change(.update(let list), _), .change(.create(let list), _): list.map(\.id)
        case .change(.suspend(let selection), _), .change(.enable(let selection), _), .change(.delete(let selection), _),
            .status(let selection), .metrics(let selection):
            if case .named(let ids) = selection { ids } else { [] }
        case .archive(let order): [order.loadBalancer]
        case .discover, .diagnostics: []
        }
    }

    /// Whether it only asks what a change would do.
    public var isDryRun: Bool {
        if case .change(_, let options) = self { options.isDryRun } else { false }
    }
}

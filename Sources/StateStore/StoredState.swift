/// A load balancer as it is kept.
public struct StoredLoadBalancerRow: Hashable, Sendable {
    /// Its identity.
    public let id: String
    /// Its text, which the store does not look into.
    public let text: [UInt8]
    /// Whether it is suspended.
    public let isSuspended: Bool
    /// When it was created, in microseconds since 1970 began.
    public let createdAt: Int64

    /// A load balancer as it is kept.
    public init(id: String, text: [UInt8], isSuspended: Bool, createdAt: Int64) {
        self.id = id
        self.text = text
        self.isSuspended = isSuspended
        self.createdAt = createdAt
    }
}

/// What METRICS has reported of a load balancer.
public struct StoredTraffic: Hashable, Sendable {
    /// Whose traffic.
    public let id: String
    /// The counter's last reading, in bytes.
    public let bytes: UInt64
    /// The run of the counter that the reading is of.
    public let run: UInt64
    /// When it was last reported, in microseconds since 1970 began.
    public let reportedAt: Int64

    /// What was reported.
    public init(id: String, bytes: UInt64, run: UInt64, reportedAt: Int64) {
        self.id = id
        self.bytes = bytes
        self.run = run
        self.reportedAt = reportedAt
    }
}

/// All that is kept.
public struct StoredState: Hashable, Sendable {
    /// The load balancers.
    public var loadBalancers: [StoredLoadBalancerRow] = []
    /// What was reported of them.
    public var traffic: [StoredTraffic] = []
    /// The identities that were deleted, the oldest first.
    public var deleted: [String] = []
    /// True where the last change was a DELETE that left nothing.
    public var isEmptyByDelete = false

    /// Nothing.
    public init() {}
}

/// One change of what is kept.
public enum StateWrite: Hashable, Sendable {
    /// Keep a load balancer, in place of any of its identity. Where it is among the deleted, `forgetDeleted` takes it out.
    case put(StoredLoadBalancerRow)
    /// Forget a load balancer and its traffic; it is now the last of the deleted.
    case delete(id: String)
    /// Forget that there ever was one.
    case forgetDeleted(id: String)
    /// Keep what was reported.
    case traffic(StoredTraffic)
    /// Keep whether the last change was a DELETE that left nothing.
    case isEmptyByDelete(Bool)
}

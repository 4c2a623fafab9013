/// What one check of a node found.
public enum CheckResult: Hashable, Sendable {
    /// It answered as it should.
    case passed
    /// It did not, in words for an operator, such as `connect: refused` or `HTTP: status 503, expected 200-299`.
    case failed(String)
}

/// How a node is, as its checks see it: a state machine that takes results and says when the node turned.
///
/// It is durable with what is wanted: a restart of the worker goes on where it was, so that it neither lets a node flap nor brings one
/// back that is down.
public struct NodeHealth: Hashable, Sendable {
    /// Whether it may get traffic.
    public private(set) var isUp: Bool
    /// How many results in a row speak against that; 0 where the last one was for it.
    public private(set) var against: UInt32
    /// Why the last check failed; nil where it passed, and before the first one.
    public private(set) var reason: String?
    /// Since when it has been up or down.
    public private(set) var since: Timestamp
    /// Whether it was ever found to be up, or said to be by who made it: one that was not did not fall.
    public private(set) var wasUp: Bool

    /// A node that was not checked yet.
    ///
    /// - Parameter isUp: what it counts as until its checks say otherwise.
    public init(isUp: Bool, since: Timestamp) {
        self.init(isUp: isUp, against: 0, reason: nil, since: since, wasUp: isUp)
    }

    /// A node as it was.
    public init(isUp: Bool, against: UInt32, reason: String?, since: Timestamp, wasUp: Bool) {
        self.isUp = isUp
        self.against = against
        self.reason = reason
        self.since = since
        self.wasUp = wasUp
    }

    /// Whether it counts as up though no check has found it so.
    public var isAssumed: Bool { isUp && !wasUp }

    /// Takes the result of a check.
    ///
    /// - Parameters:
    ///   - rise: after so many that passed in a row it is up, 1 or more.
    ///   - fall: after so many that failed in a row it is down, 1 or more.
    ///   - now: when the check ended.
    /// - Returns: whether it turned up or down.
    public mutating func take(_ result: CheckResult, rise: UInt32, fall: UInt32, now: Timestamp) -> Bool {
        switch result {
        case .passed: reason = nil
        case .failed(let words): reason = words
        }
        let isFor = isUp == (result == .passed)
        if isFor {
            against = 0
            wasUp = wasUp || isUp
            return false
        }
        against += 1
        if against < (isUp ? fall : rise) { return false }
        isUp.toggle()
        against = 0
        since = now
        wasUp = wasUp || isUp
        return true
    }
}

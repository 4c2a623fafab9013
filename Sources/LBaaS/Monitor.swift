/// How the nodes of a load balancer are checked.
public struct Monitor: Hashable, Sendable {
    /// What a check does. The raw value is its name on the wire.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case connect = "CONNECT"
        case http = "HTTP"
        case https = "HTTPS"
    }

    /// What a check does.
    public var kind: Kind
    /// Seconds between checks, 1 or more.
    public var delay: UInt32 = 30
    /// Seconds until a check has failed, 1 to `delay`.
    public var timeout: UInt32 = 30
    /// Failed checks in a row that take a node out, 1 or more.
    public var attempts: UInt32 = 2
    /// Checks passed in a row that bring a node back; nil for as many as `attempts`.
    public var rise: UInt32?
    /// The path asked for, with a leading `/`.
    public var path = "/"
    /// The method asked with; nil where the client left it to the driver.
    public var method: String?
    /// The `Host` header; nil where the client left it to the driver.
    public var host: String?
    /// Another port than the node's.
    public var port: UInt16?
    /// The status codes that pass, in the order given; empty where the client left them to the driver.
    public var expectedCodes: [ClosedRange<UInt16>] = []

    /// Whether a node counts as up before its first check; nil where the client left it to the driver.
    public var initiallyUp: Bool?
    /// Whether a node that is down keeps the connections that it has.
    public var quiesces = false
    /// For how long a node that comes back gets less than its weight, in seconds; 0 for not at all.
    public var slowStart: UInt32 = 0

    /// A monitor with the protocol's defaults.
    public init(kind: Kind) { self.kind = kind }
}

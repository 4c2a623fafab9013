/// How the nodes of a load balancer are checked.
public struct Monitor: Hashable, Sendable {
    /// What a check does. The raw value is its name on the wire.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case connect = "CONNECT"
        case http = "HTTP"
        case https = "HTTPS"
        case tls = "TLS"
        case udp = "UDP"
        case icmp = "ICMP"
        case exec = "EXEC"
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
    /// Another address than the node's.
    @Indirect public var address: IPAddress?
    /// Another port than the node's.
    public var port: UInt16?
    /// The address that checks come from; nil where the system shall choose.
    @Indirect public var source: IPAddress?
    /// The status codes that pass, in the order given; empty where the client left them to the driver.
    public var expectedCodes: [ClosedRange<UInt16>] = []
    @Indirect private var unusualTLS: TLS?
    /// What UDP sends, perhaps nothing.
    public var payload: [UInt8] = []
    /// How an answer to UDP must begin; empty where any will do, nil where none is needed.
    public var expectedAnswer: [UInt8]?
    /// What EXEC runs: the absolute path of a program, and its arguments.
    public var command: [String] = []

    /// Whether a node counts as up before its first check; nil where the client left it to the driver.
    public var initiallyUp: Bool?
    /// Whether a node that is down keeps the connections that it has.
    public var quiesces = false
    /// For how long a node that comes back gets less than its weight, in seconds; 0 for not at all.
    public var slowStart: UInt32 = 0

    /// A monitor with the protocol's defaults.
    public init(kind: Kind) {
        self.kind = kind
        address = nil
        source = nil
        unusualTLS = nil
    }

    /// How HTTPS and TLS speak with a node. Most monitors have the usual way, which takes no room.
    public var tls: TLS {
        get { unusualTLS ?? TLS() }
        set { unusualTLS = newValue == TLS() ? nil : newValue }
    }
}

/// How TLS is spoken with a node.
public struct TLS: Hashable, Sendable {
    /// Whether the node's certificate is verified.
    public var isVerified = true
    /// The name that the certificate must be for, and that the node is told (SNI); nil for the name in the `Host` header of an HTTP
    /// request, and the address where there is none.
    public var serverName: String?
    /// A file of PEM certificates of authorities, by its absolute path; nil for that of the configuration, else the system's.
    public var authorities: String?

    /// With a certificate that is verified.
    public init() {}
}

/// The host that a `Host` header names: without a port, and without the brackets of an IPv6 address; nil where it names none.
package func hostName(inHeader header: String?) -> String? {
    guard let header else { return nil }
    let name = header.hasPrefix("[") ? header.dropFirst().prefix { $0 != "]" } : header.prefix { $0 != ":" }
    return name.isEmpty ? nil : String(name)
}

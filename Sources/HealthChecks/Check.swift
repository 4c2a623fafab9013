public import LBaaS

/// What tells one check from another: a node of a load balancer.
public struct CheckKey: Hashable, Sendable {
    /// The load balancer.
    public let loadBalancer: LoadBalancerID
    /// The node.
    public let node: NodeID

    /// A node of a load balancer.
    public init(loadBalancer: LoadBalancerID, node: NodeID) {
        self.loadBalancer = loadBalancer
        self.node = node
    }
}

/// What is done again and again to learn how a node is.
public struct Check: Hashable, Sendable {
    /// What is done.
    public enum Kind: Hashable, Sendable {
        /// Passes where a TCP connection can be made. It is given up before the server's program sees it: after the server's SYN/ACK comes
        /// our RST and no ACK, so that neither side keeps anything of it. Only where the checker has to wait 40 ms for a processor does the
        /// kernel send the ACK, and the program sees a connection that is reset.
        case connect
        /// Passes where an HTTP request is answered with an expected status.
        case http(HTTPRequest)
        /// Passes where a TLS handshake succeeds.
        case tls(TLS)
        /// Sends a datagram. It fails where the node, or a router on the way, says that nobody is there.
        ///
        /// - Parameters:
        ///   - payload: what is sent, perhaps nothing.
        ///   - expected: how an answer must begin; empty where any answer will do. Where it is nil no answer is needed: the check passes with
        ///     the first one, and by silence when its time is up.
        case udp(payload: [UInt8], expected: [UInt8]?)
        /// Passes where an ICMP echo request is answered. The port means nothing.
        case icmp
        /// Passes where a program ends with status 0. It is told `LBAAS_ADDRESS` and `LBAAS_PORT` in its environment, reads nothing, and
        /// what it writes is lost. When it ends, or its time is up, whatever it started in its process group is killed.
        ///
        /// - Parameters:
        ///   - path: the program, one that `HealthChecker.Configuration` allows.
        ///   - arguments: what it is called with, besides its path.
        case exec(path: String, arguments: [String])

        /// What it is called: `connect`, `http`, `tls`, `udp`, `icmp` or `exec`.
        public var name: String {
            switch self {
            case .connect: "connect"
            case .http: "http"
            case .tls: "tls"
            case .udp: "udp"
            case .icmp: "icmp"
            case .exec: "exec"
            }
        }
    }

    /// What is done.
    public var kind: Kind
    /// The address that is checked.
    public var address: IPAddress
    /// The port that is checked, 1 to 65535.
    public var port: UInt16
    /// The address that the check comes from; nil where the system shall choose.
    public var source: IPAddress?
    /// The time between the beginnings of two checks, 1 ms or more.
    public var delay: Duration
    /// After how long a check has failed, 1 ms or more, and at most `delay`.
    public var timeout: Duration
    /// After so many checks that passed in a row the node is up, 1 or more.
    public var rise: UInt32
    /// After so many checks that failed in a row the node is down, 1 or more.
    public var fall: UInt32

    /// A check.
    public init(
        _ kind: Kind, address: IPAddress, port: UInt16, source: IPAddress? = nil, delay: Duration, timeout: Duration, rise: UInt32,
        fall: UInt32
    ) {
        self.kind = kind
        self.address = address
        self.port = port
        self.source = source
        self.delay = delay
        self.timeout = timeout
        self.rise = rise
        self.fall = fall
    }

    /// Where it goes.
    var endpoint: Endpoint { Endpoint(host: .address(address), port: port) }
}

/// The request of an HTTP check. Redirects are not followed: a redirect is its status.
public struct HTTPRequest: Hashable, Sendable {
    /// The codes that pass where none are named: success and redirection, as HAProxy has it.
    public static let usualCodes: ClosedRange<UInt16> = 200...399

    /// The method.
    public var method = "GET"
    /// The path, with a leading `/`. What a request line cannot hold is percent-encoded.
    public var path = "/"
    /// The `Host` header; nil for the address, with the port where it is not the usual one.
    public var host: String?
    /// The status codes that pass; none for `usualCodes`.
    public var expectedCodes: [ClosedRange<UInt16>] = []
    /// Nil for HTTP, otherwise how HTTPS is spoken.
    public var tls: TLS?

    /// A GET of `/` by HTTP.
    public init() {}
}

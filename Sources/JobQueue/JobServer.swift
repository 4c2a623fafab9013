/// A Gearman job server.
public struct JobServer: Hashable, Sendable, CustomStringConvertible {
    /// The port that job servers listen on by default.
    public static let defaultPort: UInt16 = 4730

    /// A host name or an address.
    public let host: String
    /// Its port, 1 to 65535.
    public let port: UInt16

    /// A job server.
    public init(host: String, port: UInt16 = defaultPort) {
        self.host = host
        self.port = port
    }

    /// `host:port`, an IPv6 address in brackets.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

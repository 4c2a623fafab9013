/// The limits of a server. No limit of time is renewed by bytes that come or go.
package struct HTTPLimits: Sendable {
    /// The most bytes that the head of a request has, together with what the library needs beside it; at least 4096.
    package var head = 16 << 10
    /// The most bytes that a body has, where its route has no limit of its own.
    package var body = 64 << 10
    /// The most bytes of a refused body that are read and dropped, so that the client sees the answer.
    package var drain = 16 << 20
    /// The longest time from the first line of a request, or from the connection, to the last byte of its body.
    package var request: Duration = .seconds(10)
    /// The longest time between a response and the first line of the next request.
    package var idle: Duration = .seconds(60)
    /// The longest time for a handler; 504 is answered then.
    package var handler: Duration = .seconds(30)
    /// The longest time in which a client takes a response. An event stream goes on as long as its client takes something within five
    /// minutes.
    package var response: Duration = .seconds(60)

    /// The default limits.
    package init() {}
}

/// A listener on a Unix socket.
package struct UnixListener: Sendable {
    /// Its path, 107 bytes at most. A socket that is there and that nobody listens on is replaced.
    package var path: String
    /// The permissions of the socket: who may write may connect.
    package var mode: UInt32 = 0o660
    /// Its owner; nil for the user of the process.
    package var user: UInt32?
    /// Its group; nil for the group of the process.
    package var group: UInt32?
    /// The most connections at a time; more wait.
    package var connections = 512

    /// A listener at a path.
    package init(path: String) { self.path = path }
}

/// A listener on a TCP port.
package struct TCPListener: Sendable {
    /// PEM texts.
    package struct TLS: Sendable {
        /// The certificate, and those that lead from it to an authority.
        package var certificate: String
        /// Its key.
        package var key: String
        /// The authorities of clients: each client must have a certificate of one. Nil for no certificates of clients.
        package var authorities: String?

        /// A certificate with its key.
        package init(certificate: String, key: String, authorities: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.authorities = authorities
        }
    }

    /// An IPv4 or IPv6 address, no name.
    package var address: String
    /// A port; 0 for one that the system chooses.
    package var port: UInt16
    /// TLS; nil for none.
    package var tls: TLS?
    /// The most connections at a time; more wait.
    package var connections = 2048
    /// The most connections of one address at a time; more are closed. 0 for no limit.
    package var connectionsPerAddress = 128
    /// The proxies before it; nil for none.
    package var trustedProxies: TrustedProxies?
    /// The hosts that requests may name, in small letters, with or without a port; empty for any.
    package var hosts: Set<String> = []
    /// The origins that requests of browsers may come from (`https://host:port`), besides that of the server itself.
    package var origins: Set<String> = []

    /// A listener on a port of an address.
    package init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// A request that is over, for logs and metrics.
package struct HTTPRecord: Sendable {
    /// The pattern of its route; nil where it was refused before.
    package let route: String?
    /// The place of its route in the table, by which the server's user can keep what belongs to it; nil where it was refused before.
    package let routeNumber: Int?
    /// The request, without its body; nil where it was refused before.
    package let request: HTTPRequest?
    /// The detail of the problem that it was answered with; nil where it was answered with something else.
    package let problem: String?
    /// Its method; nil where it is none of `HTTPMethod`.
    package let method: HTTPMethod?
    /// The status of the response; nil where the connection ended without one.
    package let status: Int?
    /// The time from its first line to the end of the response.
    package let duration: Duration
}

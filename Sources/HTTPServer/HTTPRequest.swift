/// A whole request: its head and its body are here.
package final class HTTPRequest: Sendable {
    /// Its method.
    package let method: HTTPMethod
    /// The pattern of its route, such as `/v1/things/{id}`: the name of the route in metrics.
    package let route: String
    /// The path as it came, without the query.
    package let path: String
    /// The values of the parameters in the pattern, decoded, by their names without braces.
    package let parameters: [(name: String, value: String)]
    /// The names and values of the query, decoded, in their order.
    package let query: [(name: String, value: String)]
    /// Its header fields.
    package let headers: HTTPHeaders
    /// Who sent it.
    package let client: HTTPClient
    /// Its body; empty where it has none, and where it is asked whether the request may come in.
    package let body: [UInt8]

    init(
        method: HTTPMethod, match: HTTPRoutes.Match, target: RequestTarget, headers: HTTPHeaders, client: HTTPClient
    ) {
        self.method = method
        route = match.route.pattern
        path = target.path
        parameters = match.parameters
        query = target.query
        self.headers = headers
        self.client = client
        body = []
    }

    /// The same request with its body.
    init(_ request: HTTPRequest, body: [UInt8]) {
        method = request.method
        route = request.route
        path = request.path
        parameters = request.parameters
        query = request.query
        headers = request.headers
        client = request.client
        self.body = body
    }

    /// The value of a parameter of the pattern; nil where the pattern has none of this name.
    package func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// The first value of a name in the query; nil where there is none.
    package func query(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// Who sent a request, as far as the connection tells.
package enum HTTPClient: Hashable, Sendable {
    /// A process of this host, over the Unix socket, as it was when it connected.
    ///
    /// - user, group: its effective ids.
    /// - groups: its supplementary groups, 256 at most.
    /// - process: its number; it can be another's by now.
    case local(user: UInt32, group: UInt32, groups: [UInt32], process: Int32)
    /// Another host, or this one over TCP.
    ///
    /// - address: an IPv4 or IPv6 address as `inet_ntop` writes it.
    /// - certificate: the certificate that was verified, where the listener has authorities for clients.
    case remote(address: String, port: UInt16, certificate: HTTPClientCertificate?)
}

/// The certificate of a client. It was verified against the authorities of the listener.
package struct HTTPClientCertificate: Hashable, Sendable {
    /// The common name of its subject; empty where it has none.
    package let commonName: String
    /// The SHA-256 of the certificate: 32 bytes.
    package let fingerprint: [UInt8]
}

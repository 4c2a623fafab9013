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
    /// What is behind the question mark of the target, as it came; nil where there is none.
    package let queryText: String?
    /// Whether it came by TLS.
    package let isSecure: Bool
    /// Its header fields.
    package let headers: HTTPHeaders
    /// Who sent it.
    package let client: HTTPClient
    /// Its body; empty where it has none, and where it is asked whether the request may come in.
    package let body: [UInt8]
    /// What `HTTPAdmission` keeps of it; nil where it is asked whether the request may come in.
    package let caller: (any Sendable)?

    init(
        method: HTTPMethod, match: HTTPRoutes.Match, target: RequestTarget, isSecure: Bool, headers: HTTPHeaders, client: HTTPClient
    ) {
        self.method = method
        route = match.route.pattern
        path = target.path
        parameters = match.parameters
        query = target.query
        queryText = target.queryText
        self.isSecure = isSecure
        self.headers = headers
        self.client = client
        body = []
        caller = nil
    }

    /// The same request with its body, or with what is kept of it.
    init(_ request: HTTPRequest, body: [UInt8] = [], caller: (any Sendable)?) {
        method = request.method
        route = request.route
        path = request.path
        parameters = request.parameters
        query = request.query
        queryText = request.queryText
        isSecure = request.isSecure
        headers = request.headers
        client = request.client
        self.body = body
        self.caller = caller
    }

    /// Whether a body follows its head, by the fields of the head.
    package var announcesBody: Bool {
        headers["transfer-encoding"] != nil || headers["content-length"].map { !$0.utf8.allSatisfy { $0 == UInt8(ascii: "0") } } ?? false
    }

    /// The address of whoever sent it; `local` over the Unix socket.
    package var clientAddress: String {
        if case .remote(let address, _, _) = client { address } else { "local" }
    }

    /// The value of a parameter of the pattern; nil where the pattern has none of this name.
    package func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// The first value of a name in the query; nil where there is none.
    package func query(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// Whether a request may come in.
package struct HTTPAdmission: Sendable {
    /// What its handler and its record have of it as `HTTPRequest.caller`, such as who was recognised.
    package var caller: (any Sendable)?
    /// The response that refuses it; nil where it may come in.
    package var refusal: HTTPResponse?
    /// Whether the same head may come in again on the same connection without a question. Not where something in it is good for once.
    package var isRepeatable: Bool

    /// A decision.
    package init(caller: (any Sendable)? = nil, refusal: HTTPResponse? = nil, isRepeatable: Bool = true) {
        self.caller = caller
        self.refusal = refusal
        self.isRepeatable = isRepeatable
    }
}

/// Who sent a request, as far as the connection and trusted proxies tell.
package enum HTTPClient: Hashable, Sendable {
    /// A process of this host, over the Unix socket, as it was when it connected.
    ///
    /// - user, group: its effective ids.
    /// - groups: its supplementary groups, 256 at most.
    /// - process: its number; it can be another's by now.
    case local(user: UInt32, group: UInt32, groups: [UInt32], process: Int32)
    /// Another host, or this one over TCP.
    ///
    /// - address: an IPv4 or IPv6 address as `inet_ntop` writes it; by the word of a trusted proxy where the connection comes from one.
    /// - port: that of the connection.
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

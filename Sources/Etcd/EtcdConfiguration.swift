import CCurl

/// The address of one member of a cluster.
package struct EtcdEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// `http://HOST:PORT` or `https://HOST:PORT`, an IPv6 address in brackets.
    package let description: String
    /// Whether connections use TLS.
    package let isSecure: Bool

    /// Reads an address: `http` or `https`, a host, and a port, which is 2379 where none is given. Nothing may follow.
    ///
    /// - Throws: `configuration`.
    package init(_ text: String) throws(EtcdError) {
        let form = "an etcd endpoint is http://HOST:PORT or https://HOST:PORT"
        // C would stop reading at a NUL.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let url = unsafe curl_url() else {
            throw EtcdError(.configuration, "\(String(reflecting: text)) has characters that no URL has: \(form)")
        }
        defer { unsafe curl_url_cleanup(url) }
        func part(_ part: CURLUPart) -> String? {
            var value: UnsafeMutablePointer<CChar>?
            guard unsafe curl_url_get(url, part, &value, 0) == CURLUE_OK, let found = unsafe value else { return nil }
            defer { unsafe curl_free(found) }
            return unsafe String(cString: found)
        }
        guard unsafe curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK, let scheme = part(CURLUPART_SCHEME),
            ["http", "https"].contains(scheme), let host = part(CURLUPART_HOST), !host.isEmpty
        else { throw EtcdError(.configuration, "'\(text)' is not the URL of a server: \(form)") }
        let others = [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT]
        guard others.allSatisfy({ part($0) == nil }), ["/", nil].contains(part(CURLUPART_PATH)) else {
            throw EtcdError(.configuration, "'\(text)' has more than a host and a port: \(form)")
        }
        description = "\(scheme)://\(host):\(part(CURLUPART_PORT) ?? "2379")"
        isSecure = scheme == "https"
    }
}

/// Which cluster a client uses, and what a request may cost.
package struct EtcdConfiguration: Sendable {
    /// A name and a password of etcd's own authentication.
    package struct User: Sendable {
        /// The name.
        package var name: String
        /// The password.
        package var password: String

        /// A user.
        package init(name: String, password: String) { (self.name, self.password) = (name, password) }
    }

    /// The members, of which any serves all requests.
    package var endpoints: [EtcdEndpoint]
    /// The file of certificates that those of the members are verified by, in PEM; nil for those of the system.
    package var authorities: String?
    /// The files of the certificate that this client shows and of its key, in PEM; nil for none.
    package var certificate: (file: String, key: String)?
    /// Who logs in; nil where authentication is off.
    package var user: User?
    /// The longest time that a request may take in all, on as many endpoints as it needs.
    package var requestLimit: Duration = .seconds(5)
    /// The longest time that one endpoint may take, after which the next is asked.
    package var endpointLimit: Duration = .seconds(1)
    /// The largest answer, and the largest message of a watch, in bytes.
    package var largestAnswer = 16 << 20
    /// The most requests under way at a time; others wait.
    package var mostConnections = 8

    /// A cluster of these members.
    package init(endpoints: [EtcdEndpoint]) { self.endpoints = endpoints }
}

import CCurl

/// The URL of a server: `http` or `https`, a host, and perhaps a port.
package struct ServerURL: Hashable, Sendable {
    /// Why a text is no such URL.
    package enum Fault: Error, Sendable {
        /// It has characters that no URL has.
        case characters
        /// It does not name a server of HTTP.
        case form
        /// It has a path, a user, a query or the like.
        case excess
    }

    /// Whether it is `https`.
    package let isSecure: Bool
    /// The host, an IPv6 address in brackets.
    package let host: String
    /// The port; nil where none is given.
    package let port: UInt16?

    /// Reads a URL.
    package init(_ text: String) throws(Fault) {
        // C would stop reading at a NUL.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let url = unsafe curl_url() else { throw .characters }
        defer { unsafe curl_url_cleanup(url) }
        func part(_ part: CURLUPart) -> String? {
            var value: UnsafeMutablePointer<CChar>?
            guard unsafe curl_url_get(url, part, &value, 0) == CURLUE_OK, let found = unsafe value else { return nil }
            defer { unsafe curl_free(found) }
            return unsafe String(cString: found)
        }
        guard unsafe curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK, let scheme = part(CURLUPART_SCHEME),
            ["http", "https"].contains(scheme), let host = part(CURLUPART_HOST), !host.isEmpty
        else { throw .form }
        let others = [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT]
        guard others.allSatisfy({ part($0) == nil }), ["/", nil].contains(part(CURLUPART_PATH)) else { throw .excess }
        isSecure = scheme == "https"
        self.host = host
        port = part(CURLUPART_PORT).flatMap { UInt16($0) }
    }
}

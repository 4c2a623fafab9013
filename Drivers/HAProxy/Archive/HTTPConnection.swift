import CCurl
import LBaaS

/// How long an object store may take.
struct Patience: Sendable {
    /// For a connection.
    var connecting: Duration = .seconds(10)
    /// Without a byte going either way.
    var silence: Duration = .seconds(30)
    /// For the answer to a request, once all of that is sent.
    var answer: Duration = .seconds(30)
    /// For all requests of an archive together. A client waits for 120 s.
    var archive: Duration = .seconds(100)
}

/// A connection to an HTTP server, which is opened when it is needed and kept from request to request.
///
/// Redirects are not followed, so that a secret header goes nowhere else. A proxy is used where the environment of the worker names one
/// (`https_proxy` and the like, which libcurl reads) and the server is one that `archive_endpoints` names: of another one only the
/// address that is connected to is allowed or not, and behind a proxy nobody knows it.
@safe struct HTTPConnection: ~Copyable {
    /// Why no answer came, in libcurl's words.
    struct Failure: Error {
        let reason: String
        /// Whether nothing was sent because its address is not allowed.
        var isRefused = false
    }

    private let handle: UnsafeMutableRawPointer
    /// Where libcurl puts its words.
    private let words: UnsafeMutablePointer<CChar>

    private init(_ handle: UnsafeMutableRawPointer) {
        unsafe self.handle = handle
        unsafe words = .allocate(capacity: Int(CURL_ERROR_SIZE))
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe words.deallocate()
    }

    /// libcurl wants to be set up once, before threads use it.
    private static let isSetUp = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// A connection that is not open yet.
    static func make() throws(Failure) -> HTTPConnection {
        guard isSetUp, let handle = unsafe curl_easy_init() else { throw Failure(reason: "libcurl cannot be used") }
        return unsafe HTTPConnection(handle)
    }

    /// Sends a PUT request, and answers the status of the response.
    ///
    /// - Parameters:
    ///   - url: below `server`.
    ///   - endpoints: which servers are allowed.
    ///   - headers: `NAME: VALUE`, of printable ASCII.
    ///   - body: at its beginning; and how many bytes it has.
    ///   - deadline: when the answer must be there.
    func put(
        _ url: String, of server: ServerAddress, allowed endpoints: ArchiveEndpoints, headers: [String], body: GzipStream, length: Int,
        patience: Patience, deadline: ContinuousClock.Instant
    ) throws(Failure) -> Int {
        let rest = deadline - .now
        if rest <= .zero { throw Failure(reason: "there was no time left for it") }
        unsafe curl_easy_reset(handle)
        unsafe words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        unsafe curl_easy_set_errors(handle, words)
        unsafe curl_easy_set_text(handle, CURLOPT_URL, url)
        unsafe curl_easy_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        // No signals for time-outs: other threads would get them.
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_TIMEOUT_MS, max(1, rest.milliseconds))
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, min(rest, patience.connecting).milliseconds))
        set(CURLOPT_LOW_SPEED_LIMIT, 1)
        set(CURLOPT_LOW_SPEED_TIME, max(1, patience.silence.milliseconds / 1000))
        set(CURLOPT_UPLOAD, 1)
        unsafe curl_easy_set_large(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(length))
        unsafe curl_easy_set_read_function(handle, readBody)
        unsafe curl_easy_set_seek_function(handle, seekBody)
        let isNamed = endpoints.allows(host: server.host, port: server.port)
        if !isNamed { unsafe curl_easy_set_text(handle, CURLOPT_PROXY, "") }
        let exchange = HTTPExchange(endpoints, isNamed: isNamed, length: length, patience: patience.answer)
        return try withExtendedLifetime(exchange) { () throws(Failure) in
            limit(exchange)
            return try perform(headers, body, exchange)
        }
    }

    /// Has libcurl ask before it connects, and end what takes too long or brings too much.
    private func limit(_ exchange: HTTPExchange) {
        let context = unsafe Unmanaged.passUnretained(exchange).toOpaque()
        unsafe curl_easy_set_socket_maker(handle, openAllowedSocket)
        unsafe curl_easy_set_context(handle, CURLOPT_OPENSOCKETDATA, context)
        unsafe curl_easy_set_write_function(handle, dropAnswer)
        unsafe curl_easy_set_context(handle, CURLOPT_WRITEDATA, context)
        unsafe curl_easy_set_header_function(handle, dropAnswer)
        unsafe curl_easy_set_context(handle, CURLOPT_HEADERDATA, context)
        set(CURLOPT_NOPROGRESS, 0)
        unsafe curl_easy_set_progress_function(handle, watchAnswer)
        unsafe curl_easy_set_context(handle, CURLOPT_XFERINFODATA, context)
    }

    private func perform(_ headers: [String], _ body: GzipStream, _ exchange: HTTPExchange) throws(Failure) -> Int {
        var list: UnsafeMutablePointer<curl_slist>?
        defer { unsafe curl_slist_free_all(list) }
        for header in headers {
            guard let longer = unsafe curl_slist_append(list, header) else { throw Failure(reason: "no memory is left") }
            unsafe list = longer
        }
        unsafe curl_easy_set_list(handle, CURLOPT_HTTPHEADER, list)
        defer { unsafe curl_easy_set_list(handle, CURLOPT_HTTPHEADER, nil) }
        let code = withExtendedLifetime(body) {
            let pointer = unsafe Unmanaged.passUnretained(body).toOpaque()
            unsafe curl_easy_set_context(handle, CURLOPT_READDATA, pointer)
            unsafe curl_easy_set_context(handle, CURLOPT_SEEKDATA, pointer)
            return unsafe curl_easy_perform(handle)
        }
        if let failure = body.failure { throw Failure(reason: failure.message) }
        // Of several addresses another one may have been allowed.
        if code != CURLE_OK, let failure = exchange.failure { throw Failure(reason: failure, isRefused: exchange.isRefused) }
        var status = 0
        unsafe curl_easy_get_number(handle, CURLINFO_RESPONSE_CODE, &status)
        // A server may refuse a body before all of it came, and close: its answer counts.
        if code == CURLE_OK || (code == CURLE_SEND_ERROR && status >= 400) { return status }
        let reason = unsafe words.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: words)
        throw Failure(reason: reason)
    }

    private func set(_ option: CURLoption, _ value: Int) { unsafe curl_easy_set_number(handle, option, value) }
}

extension Duration {
    /// Whole milliseconds.
    fileprivate var milliseconds: Int {
        Int(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    }
}

/// The address of a server as it is good for a prefix of others: without a slash at its end.
struct ServerAddress: Sendable {
    /// The address.
    let text: String
    /// The host, an IPv6 address in brackets.
    let host: String
    /// The port.
    let port: UInt16

    /// Reads an address.
    ///
    /// - Returns: nil where it is no URL of HTTP or HTTPS, or has what does not belong there: a user, a password, a query or a fragment.
    init?(_ text: String) {
        // C would read as far as a NUL, and take what follows for nothing.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let url = unsafe curl_url() else { return nil }
        defer { unsafe curl_url_cleanup(url) }
        guard unsafe curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK else { return nil }
        func part(_ part: CURLUPart, _ flags: Int32 = 0) -> String? {
            var value: UnsafeMutablePointer<CChar>?
            guard unsafe curl_url_get(url, part, &value, UInt32(flags)) == CURLUE_OK, let found = unsafe value else { return nil }
            defer { unsafe curl_free(found) }
            return unsafe String(cString: found)
        }
        guard ["http", "https"].contains(part(CURLUPART_SCHEME)), let host = part(CURLUPART_HOST), !host.isEmpty,
            let port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT).flatMap({ UInt16($0) })
        else { return nil }
        let others = [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT]
        guard others.allSatisfy({ part($0) == nil }) else { return nil }
        var bytes = Array(text.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        self.text = String(decoding: bytes, as: UTF8.self)
        (self.host, self.port) = (host, port)
    }
}

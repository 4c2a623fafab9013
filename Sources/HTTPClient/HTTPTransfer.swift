package import CCurl
import HostSystem

/// How a client reaches a server, and what an answer may cost.
package struct HTTPClientOptions: Sendable {
    /// The Unix socket that all connections are made to; nil for TCP.
    package var socket: String?
    /// The file of certificates that that of the server is verified by, in PEM; nil for those of the system.
    package var authorities: String?
    /// The files of the certificate that this client shows and of its key, in PEM; nil for none.
    package var certificate: (file: String, key: String)?
    /// The same as texts and not as files; nil where there are none. A text goes before a file.
    package var authoritiesText: [UInt8]?
    /// The certificate that this client shows and its key, as texts.
    package var certificateText: (certificate: [UInt8], key: [UInt8])?
    /// Whether any certificate of the server is accepted.
    package var acceptsAnyCertificate = false
    /// Another host and port that connections to a host and port of a URL go to: `HOST:PORT:HOST:PORT`, IPv6 addresses in brackets. TLS goes
    /// by the name in the URL.
    package var connectTo: String?
    /// The URL of a proxy; nil for none.
    package var proxy: String?
    /// The most bytes of an answer that are kept at a time.
    package var largestAnswer: Int

    /// A client by TCP that shows no certificate.
    package init(largestAnswer: Int) { self.largestAnswer = largestAnswer }
}

/// An easy handle of libcurl, with the connections that it keeps, and what came of the request in hand. Used by one thread at a time.
///
/// Redirects are not followed, and no proxy of the environment is used.
@safe package final class HTTPTransfer {
    let pointer: UnsafeMutableRawPointer
    private let errors: UnsafeMutablePointer<CChar>
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var route: UnsafeMutablePointer<curl_slist>?
    private let largestAnswer: Int
    private var headerSize = 0

    /// What came of the body and was not taken out.
    package var body: [UInt8] = []
    /// Whether the answer was larger than the limit.
    package private(set) var isTooLarge = false

    /// The most bytes of a header.
    private static let largestHeader = 1 << 16

    /// libcurl wants to be set up once, before threads use it.
    private static let isSetUp = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// A handle without a connection; nil where there is no memory for one.
    package init?(_ options: HTTPClientOptions) {
        guard Self.isSetUp, let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
        unsafe errors = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errors.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        largestAnswer = options.largestAnswer
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_easy_set_errors(pointer, errors)
        unsafe curl_easy_set_write_function(pointer, takeBody)
        unsafe curl_easy_set_context(pointer, CURLOPT_WRITEDATA, context)
        unsafe curl_easy_set_header_function(pointer, HTTPClient.takeHeader)
        unsafe curl_easy_set_context(pointer, CURLOPT_HEADERDATA, context)
        // The environment can name proxies, which are not meant for these servers.
        set(CURLOPT_PROXY, to: options.proxy ?? "")
        // A path is sent as it is given, with what looks like a way up.
        set(CURLOPT_PATH_AS_IS, to: 1)
        set(CURLOPT_PROTOCOLS_STR, to: "http,https")
        set(CURLOPT_HTTP_VERSION, to: Int(CURL_HTTP_VERSION_1_1))
        // No signals for time-outs: other threads would get them.
        set(CURLOPT_NOSIGNAL, to: 1)
        // A name server that does not answer must not hold up the end.
        set(CURLOPT_QUICK_EXIT, to: 1)
        set(CURLOPT_TCP_KEEPALIVE, to: 1)
        set(CURLOPT_TCP_KEEPIDLE, to: 10)
        set(CURLOPT_TCP_KEEPINTVL, to: 5)
        set(CURLOPT_SSLVERSION, to: Int(CURL_SSLVERSION_TLSv1_2))
        if let socket = options.socket { set(CURLOPT_UNIX_SOCKET_PATH, to: socket) }
        setTLS(options)
        if let connectTo = options.connectTo {
            unsafe route = unsafe curl_slist_append(nil, connectTo)
            unsafe curl_easy_set_list(pointer, CURLOPT_CONNECT_TO, route)
        }
    }

    private func setTLS(_ options: HTTPClientOptions) {
        if let text = options.authoritiesText {
            set(CURLOPT_CAINFO_BLOB, to: text)
        } else if let authorities = options.authorities {
            set(CURLOPT_CAINFO, to: authorities)
        }
        if let text = options.certificateText {
            set(CURLOPT_SSLCERT_BLOB, to: text.certificate)
            set(CURLOPT_SSLKEY_BLOB, to: text.key)
        } else if let certificate = options.certificate {
            set(CURLOPT_SSLCERT, to: certificate.file)
            set(CURLOPT_SSLKEY, to: certificate.key)
        }
        if options.acceptsAnyCertificate {
            set(CURLOPT_SSL_VERIFYPEER, to: 0)
            set(CURLOPT_SSL_VERIFYHOST, to: 0)
        }
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        unsafe curl_slist_free_all(headers)
        unsafe curl_slist_free_all(route)
        unsafe errors.deallocate()
    }

    /// Prepares a request.
    ///
    /// - Parameters:
    ///   - method: such as `GET`, in capitals.
    ///   - fields: `NAME: VALUE`, of printable ASCII.
    ///   - body: nil for none.
    ///   - limit: the longest time that the whole of it may take; nil for no limit.
    ///   - connectLimit: the longest time for a connection.
    ///   - compressed: whether the answer may come compressed by gzip. The limit of its size is that of the text.
    package func prepare(
        _ method: String, _ url: String, fields: [String], body: [UInt8]?, limit: Duration?, connectLimit: Duration,
        compressed: Bool = false
    ) {
        self.body.removeAll(keepingCapacity: true)
        headerSize = 0
        isTooLarge = false
        unsafe errors.pointee = 0
        set(CURLOPT_URL, to: url)
        set(CURLOPT_TIMEOUT_MS, to: limit.map { max(1, $0.wholeMilliseconds) } ?? 0)
        set(CURLOPT_CONNECTTIMEOUT_MS, to: max(1, connectLimit.wholeMilliseconds))
        unsafe curl_easy_set_text(pointer, CURLOPT_ACCEPT_ENCODING, compressed ? "gzip" : nil)
        if method == "GET", body == nil {
            set(CURLOPT_HTTPGET, to: 1)
            unsafe curl_easy_set_text(pointer, CURLOPT_CUSTOMREQUEST, nil)
        } else {
            set(CURLOPT_POST, to: 1)
            set(CURLOPT_CUSTOMREQUEST, to: method)
            unsafe curl_easy_set_large(pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body?.count ?? 0))
            // The size says how much of it is copied: the zero behind it is for a body without a byte.
            let bytes = (body ?? []) + [0]
            unsafe bytes.withUnsafeBytes { bytes in
                _ = unsafe curl_easy_set_text(pointer, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
            }
        }
        // No wait for a permission to send a large body.
        set(fields + ["Expect:"])
    }

    private func set(_ fields: [String]) {
        var list: UnsafeMutablePointer<curl_slist>?
        for field in fields {
            // Null where there is no memory; then the list is as it was.
            if let longer = unsafe curl_slist_append(list, field) { unsafe list = longer }
        }
        unsafe curl_easy_set_list(pointer, CURLOPT_HTTPHEADER, list)
        unsafe curl_slist_free_all(headers)
        unsafe headers = unsafe list
    }

    /// Makes the request that was prepared, and waits for the answer.
    package func perform() -> CURLcode { unsafe curl_easy_perform(pointer) }

    /// Takes a piece of the body; false where it is too much.
    @safe func take(_ piece: UnsafeRawBufferPointer) -> Bool {
        isTooLarge = body.count + piece.count > largestAnswer
        if !isTooLarge { unsafe body.append(contentsOf: piece) }
        return !isTooLarge
    }

    /// Takes so many bytes of the header; false where they are too many.
    func takeHeader(_ count: Int) -> Bool {
        headerSize += count
        if headerSize > Self.largestHeader { isTooLarge = true }
        return !isTooLarge
    }

    /// The status of the answer; 0 as long as there is none.
    package var status: Int { number(CURLINFO_RESPONSE_CODE) }

    /// After how many seconds the server wants to be asked again; nil where it does not say.
    package var retryAfter: Int? {
        var seconds: curl_off_t = 0
        unsafe curl_easy_get_time(pointer, CURLINFO_RETRY_AFTER, &seconds)
        return seconds > 0 ? Int(seconds) : nil
    }

    /// The error number of the system for what went wrong last; 0 for none.
    package var systemError: Int32 { Int32(truncatingIfNeeded: number(CURLINFO_OS_ERRNO)) }

    /// Whether the connection was there and sending the request may have begun.
    package var mayBeSent: Bool {
        var microseconds: curl_off_t = 0
        unsafe curl_easy_get_time(pointer, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
        return microseconds > 0
    }

    /// What libcurl says went wrong, without how long that took: the same fault has the same words each time.
    package func errorText(_ code: CURLcode) -> String {
        if unsafe errors.pointee == 0 { return unsafe String(cString: curl_easy_strerror(code)) }
        return unsafe Self.withoutTime(String(cString: errors))
    }

    /// A sentence of libcurl without ` after N ms`.
    static func withoutTime(_ text: String) -> String { text.replacing(#/ after \d+ ms/#, with: "") }

    private func number(_ fact: CURLINFO) -> Int {
        var value = 0
        unsafe curl_easy_get_number(pointer, fact, &value)
        return value
    }

    private func set(_ option: CURLoption, to text: String) { unsafe curl_easy_set_text(pointer, option, text) }
    private func set(_ option: CURLoption, to bytes: [UInt8]) { unsafe curl_easy_set_copy(pointer, option, bytes, bytes.count) }
    private func set(_ option: CURLoption, to number: Int) { unsafe curl_easy_set_number(pointer, option, number) }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    package var wholeMilliseconds: Int { Int(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}

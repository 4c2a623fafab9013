import CCurl
import HostSystem

/// An easy handle of libcurl for POST requests to etcd, with the connections that it keeps, and what came of the request in hand. Used by
/// one thread at a time.
@safe final class CurlHandle {
    let pointer: UnsafeMutableRawPointer
    private let errors: UnsafeMutablePointer<CChar>
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let largestAnswer: Int
    private var headerSize = 0

    /// What came of the body and was not taken out.
    var body: [UInt8] = []
    /// Whether the answer was larger than the limit.
    private(set) var isTooLarge = false

    /// The most bytes of a header.
    private static let largestHeader = 1 << 16

    /// libcurl wants to be set up once, before threads use it.
    private static let isSetUp = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// - Throws: `exhausted` where there is no memory for one.
    init(_ configuration: EtcdConfiguration) throws(EtcdError) {
        guard Self.isSetUp, let pointer = unsafe curl_easy_init() else {
            throw EtcdError(.exhausted, "libcurl cannot be used: there is no memory for a connection")
        }
        unsafe self.pointer = pointer
        unsafe errors = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errors.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        largestAnswer = configuration.largestAnswer
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_easy_set_errors(pointer, errors)
        unsafe curl_easy_set_write_function(pointer, takeBody)
        unsafe curl_easy_set_context(pointer, CURLOPT_WRITEDATA, context)
        unsafe curl_easy_set_header_function(pointer, Etcd.takeHeader)
        unsafe curl_easy_set_context(pointer, CURLOPT_HEADERDATA, context)
        set(CURLOPT_POST, to: 1)
        // The environment can name proxies, which are not meant for etcd.
        set(CURLOPT_PROXY, to: "")
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
        if let authorities = configuration.authorities { set(CURLOPT_CAINFO, to: authorities) }
        if let certificate = configuration.certificate {
            set(CURLOPT_SSLCERT, to: certificate.file)
            set(CURLOPT_SSLKEY, to: certificate.key)
        }
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        unsafe curl_slist_free_all(headers)
        unsafe errors.deallocate()
    }

    /// Prepares a request.
    ///
    /// - Parameters:
    ///   - limit: the longest time that the whole of it may take; nil for no limit.
    ///   - answerLimit: the time that etcd is told to take at most; nil for no limit.
    ///   - connectLimit: the longest time for a connection.
    func prepare(
        _ endpoint: EtcdEndpoint, _ path: StaticString, _ text: String, token: String?, limit: Duration?, answerLimit: Duration?,
        connectLimit: Duration
    ) {
        body.removeAll(keepingCapacity: true)
        headerSize = 0
        isTooLarge = false
        unsafe errors.pointee = 0
        set(CURLOPT_URL, to: "\(endpoint)\(path)")
        set(CURLOPT_TIMEOUT_MS, to: limit.map { max(1, $0.milliseconds) } ?? 0)
        set(CURLOPT_CONNECTTIMEOUT_MS, to: max(1, connectLimit.milliseconds))
        unsafe curl_easy_set_large(pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(text.utf8.count))
        set(CURLOPT_COPYPOSTFIELDS, to: text)
        // No wait for a permission to send a large body.
        var lines = ["Content-Type: application/json", "Expect:"]
        if let answerLimit { lines.append("Grpc-Timeout: \(max(1, answerLimit.milliseconds))m") }
        if let token { lines.append("Authorization: \(token)") }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            // Null where there is no memory; then the list is as it was.
            if let longer = unsafe curl_slist_append(list, line) { unsafe list = longer }
        }
        unsafe curl_easy_set_list(pointer, CURLOPT_HTTPHEADER, list)
        unsafe curl_slist_free_all(headers)
        unsafe headers = unsafe list
    }

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
    var status: Int {
        var value = 0
        unsafe curl_easy_get_number(pointer, CURLINFO_RESPONSE_CODE, &value)
        return value
    }

    /// Whether the connection was there and sending the request may have begun.
    var mayBeSent: Bool {
        var microseconds: curl_off_t = 0
        unsafe curl_easy_get_time(pointer, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
        return microseconds > 0
    }

    /// What libcurl says went wrong.
    func errorText(_ code: CURLcode) -> String {
        unsafe errors.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: errors)
    }

    private func set(_ option: CURLoption, to text: String) { unsafe curl_easy_set_text(pointer, option, text) }
    private func set(_ option: CURLoption, to number: Int) { unsafe curl_easy_set_number(pointer, option, number) }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int { Int(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}

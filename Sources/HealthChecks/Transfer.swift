import CCurl
import HostSystem
import LBaaS

/// A try of an HTTP request or a TLS handshake, made by libcurl.
final class Transfer: Probe {
    private let transfers: Transfers
    private let handle: EasyHandle
    /// Nil where a handshake is all.
    private let request: HTTPRequest?

    private init(_ handle: EasyHandle, of transfers: Transfers, for request: HTTPRequest?) throws(HealthCheckError) {
        self.transfers = transfers
        self.handle = handle
        self.request = request
        try transfers.add(handle)
    }

    deinit { transfers.remove(handle) }

    /// Begins a request.
    ///
    /// - Parameter authorities: what the node's certificate is verified by; nil where it is not.
    static func start(
        _ check: Check, _ ticket: Ticket, _ request: HTTPRequest, authorities: CertificateStore?, on transfers: Transfers
    ) throws(HealthCheckError) -> Start {
        if let fault = request.fault { return .over(.failed(fault)) }
        let handle = try transfers.handle()
        handle.prepare(ticket, for: check)
        handle.set(CURLOPT_CUSTOMREQUEST, to: request.method)
        handle.set(CURLOPT_REQUEST_TARGET, to: request.target)
        handle.set(CURLOPT_USERAGENT, to: "lbaas-worker")
        handle.set(CURLOPT_HTTPHEADER, to: ["Connection: close", "Host: \(request.host ?? request.usualHost(of: check))"])
        if let tls = request.tls {
            handle.prepareTLS(for: check, serverName: tls.serverName ?? request.hostName, authorities: authorities)
        } else {
            handle.set(CURLOPT_URL, to: "http://\(HostAddress.address(check.address.loopback).inURL)/")
        }
        return .underway(try Transfer(handle, of: transfers, for: request))
    }

    /// Begins a handshake.
    ///
    /// - Parameter authorities: what the node's certificate is verified by; nil where it is not.
    static func start(
        _ check: Check, _ ticket: Ticket, _ tls: TLS, authorities: CertificateStore?, on transfers: Transfers
    ) throws(HealthCheckError) -> Start {
        if let fault = tls.fault { return .over(.failed(fault)) }
        let handle = try transfers.handle()
        handle.prepare(ticket, for: check)
        handle.prepareTLS(for: check, serverName: tls.serverName, authorities: authorities)
        // HTTP is not what the node speaks, perhaps.
        handle.set(CURLOPT_SSL_ENABLE_ALPN, to: 0)
        handle.set(CURLOPT_CONNECT_ONLY, to: 1)
        return .underway(try Transfer(handle, of: transfers, for: nil))
    }

    /// It is libcurl that is told of its sockets.
    func ready() -> CheckResult? { nil }

    func expired(after timeout: Duration) -> CheckResult {
        .failed("\(handle.isConnected ? stage : "connect"): timed out after \(timeout.text)")
    }

    /// What came of it, when libcurl says that it is over.
    func result(_ code: CURLcode) throws(HealthCheckError) -> CheckResult {
        if let failure = handle.socketFailure { return try failure.result(of: "connect") }
        if let request, let status = handle.status { return request.result(of: status) }
        if request == nil, code == CURLE_OK { return .passed }
        return .failed("\(code == CURLE_COULDNT_CONNECT ? "connect" : stage): \(words(code))")
    }

    /// What it was at, once connected.
    private var stage: String {
        let isSecure = request.map { $0.tls != nil } ?? true
        return isSecure && !handle.hasReached(CURLINFO_APPCONNECT_TIME_T) ? "TLS" : "HTTP"
    }

    private func words(_ code: CURLcode) -> String {
        switch code {
        case CURLE_GOT_NOTHING: return "closed without an answer"
        // Out of memory is what libcurl says where a line is longer than the 100 kB that it allows.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_OUT_OF_MEMORY: return "the answer is not HTTP"
        case CURLE_COULDNT_CONNECT, CURLE_RECV_ERROR, CURLE_SEND_ERROR:
            if handle.systemError != 0 { return shortErrorText(handle.systemError) }
        default: break
        }
        let text = handle.errorText
        return text.isEmpty ? "failed (libcurl error \(code.rawValue))" : withoutLibrary(text)
    }

    /// What libcurl says, without the names of libraries and of what they were doing.
    private func withoutLibrary(_ text: String) -> String {
        for prefix in ["SSL certificate problem: ", "SSL: "] where text.hasPrefix(prefix) { return String(text.dropFirst(prefix.count)) }
        // `error:0A00010B:SSL routines::wrong version number`, where OpenSSL has something to say.
        if let found = text.split(separator: "SSL routines::", maxSplits: 1).dropFirst().first { return String(found) }
        // `OpenSSL SSL_connect: Connection reset by peer in connection to 10.0.0.1:443`, where the system has.
        if text.hasPrefix("OpenSSL SSL_connect: ") {
            return handle.systemError == 0 ? "closed during the handshake" : shortErrorText(handle.systemError)
        }
        return text
    }
}

extension EasyHandle {
    /// Makes it a transfer by TLS. The name goes into the URL, which libcurl checks the certificate by, and is not looked up.
    fileprivate func prepareTLS(for check: Check, serverName: String?, authorities: CertificateStore?) {
        let host = serverName.flatMap { HostAddress($0) } ?? .address(check.address)
        set(CURLOPT_URL, to: "https://\(host.inURL)/")
        set(CURLOPT_CONNECT_TO, to: ["::\(HostAddress.address(check.address.loopback).inURL):"])
        verify(by: authorities)
    }
}

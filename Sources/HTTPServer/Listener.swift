import CMicrohttpd
import HostSystem
import Synchronization

/// What the listeners of a server have in common.
struct ServerContext: Sendable {
    let routes: HTTPRoutes
    let limits: HTTPLimits
    let admit: (@Sendable (HTTPRequest) -> HTTPAdmission)?
    let observe: (@Sendable (HTTPRecord) -> Void)?
    let table: ConnectionTable

    /// The time for a record; zero where nobody wants one.
    func now() -> Duration { observe == nil ? .zero : Clock.bootTime() }
}

/// A listening socket with the thread of its connections.
///
/// It is safe to be used by several threads: the pointer is set once, before the listener is handed out, and taken once, under a lock.
@safe final class Listener: @unchecked Sendable {
    let context: ServerContext
    private let isLocal: Bool
    let isSecure: Bool
    private let hosts: Set<String>
    private let origins: Set<String>
    private let needsCertificate: Bool
    private let trustedProxies: TrustedProxies?
    private let path: SocketPath?
    private let daemon = Mutex<Daemon?>(nil)

    /// The library's daemon with the texts that it uses.
    @safe private struct Daemon: @unchecked Sendable {
        let pointer: OpaquePointer
        let texts: [UnsafeMutablePointer<CChar>]
        /// Whether the socket was taken from it. The library would hand it out again, when its number may be another's.
        var isQuiesced = false
    }

    /// Listens on a Unix socket.
    init(_ options: UnixListener, _ context: ServerContext) throws(HTTPServerError) {
        self.context = context
        (isLocal, isSecure, hosts, origins, needsCertificate, trustedProxies) = (true, false, [], [], false, nil)
        let socket = try ListeningSocket.unix(options)
        path = SocketPath(options.path)
        try start(socket, connections: options.connections, ofAddress: 0, tls: nil, "the socket \(options.path)")
    }

    /// Listens on a TCP port.
    init(_ options: TCPListener, _ context: ServerContext) throws(HTTPServerError) {
        self.context = context
        (isLocal, hosts, origins, trustedProxies) = (false, options.hosts, options.origins, options.trustedProxies)
        isSecure = options.tls != nil
        needsCertificate = options.tls?.authorities != nil
        path = nil
        let socket = try ListeningSocket.tcp(options.address, options.port)
        let name = "\(options.address) port \(options.port)"
        try start(socket, connections: options.connections, ofAddress: options.connectionsPerAddress, tls: options.tls, name)
    }

    private func start(
        _ socket: consuming Descriptor, connections: Int, ofAddress: Int, tls: TCPListener.TLS?, _ name: String
    ) throws(HTTPServerError) {
        let texts = unsafe pemTexts(tls)
        if let code = unsafe checkTexts(texts) {
            unsafe texts.forEach { unsafe free($0) }
            throw HTTPServerError("the certificate, key or authorities of \(name): \(code)")
        }
        var settings = unsafe mhd_settings()
        // The library closes it, also where it does not start.
        unsafe settings.listener = socket.release()
        unsafe settings.connection_memory = max(context.limits.head, 4096)
        unsafe settings.connections = UInt32(clamping: connections)
        unsafe settings.connections_per_address = UInt32(clamping: ofAddress)
        unsafe settings.certificate = UnsafePointer(texts[0])
        unsafe settings.key = UnsafePointer(texts[1])
        unsafe settings.authorities = UnsafePointer(texts[2])
        unsafe settings.context = Unmanaged.passUnretained(self).toOpaque()
        unsafe settings.request = proceedWithRequest
        unsafe settings.target = beginRequest
        unsafe settings.completed = endRequest
        unsafe settings.connection = changeConnection
        guard let pointer = unsafe mhd_start(&settings) else {
            unsafe texts.forEach { unsafe free($0) }
            path?.remove()
            throw HTTPServerError("\(name): there is no memory or thread for it")
        }
        let started = unsafe Daemon(pointer: pointer, texts: texts.compactMap { unsafe $0 })
        daemon.withLock { $0 = started }
    }

    /// Its TCP port.
    var port: UInt16 {
        daemon.withLock { daemon in daemon.map { unsafe ListeningSocket.port(of: mhd_listening_socket($0.pointer)) } ?? 0 }
    }

    /// Takes no more connections, and removes the socket's file.
    func stopTaking() {
        path?.remove()
        let socket = daemon.withLock { daemon -> Int32 in
            guard let running = daemon, !running.isQuiesced else { return -1 }
            daemon?.isQuiesced = true
            return unsafe MHD_quiesce_daemon(running.pointer)
        }
        if socket >= 0 { close(socket) }
    }

    /// Closes all connections and ends the thread. No request waits.
    func end() {
        guard let ended = daemon.withLock({ daemon in daemon.take() }) else { return }
        unsafe MHD_stop_daemon(ended.pointer)
        unsafe ended.texts.forEach { unsafe free($0) }
    }

    /// Whether a request names a host that is this server, and comes from a page that may ask it.
    ///
    /// - Parameter authority: the host of an absolute target.
    func check(_ head: RequestHead, authority: String?) throws(HTTPFault) {
        let host = head.host?.lowercased() ?? ""
        if let authority, authority.lowercased() != host { throw .malformed("the target of the request names another host than Host") }
        if isLocal, isName(withoutPort(host)) {
            throw HTTPFault(
                status: 421, detail: "this socket is reached as localhost, by no name with a dot: a page of another host may not ask it",
                endsConnection: true)
        }
        if !hosts.isEmpty, !hosts.contains(host), !hosts.contains(withoutPort(host)) {
            throw HTTPFault(status: 421, detail: "this server has no host of that name", endsConnection: true)
        }
        guard let origin = head.headers["origin"]?.lowercased() else { return }
        if origin != "\(isSecure ? "https" : "http")://\(host)", !origins.contains(origin) {
            throw HTTPFault(status: 403, detail: "pages of another origin may not ask this server", endsConnection: true)
        }
    }

    /// Whether a host is a name of the DNS. A page may have one that it lets point to this host; a browser that gets at the Unix socket by a
    /// forwarded port would take it for a page of this server.
    private func isName(_ host: String) -> Bool {
        !host.hasPrefix("[") && host.utf8.contains(UInt8(ascii: "."))
            && !host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || 0x30...0x39 ~= $0 }
    }

    private func withoutPort(_ host: String) -> String {
        guard let colon = host.utf8.lastIndex(of: UInt8(ascii: ":")), !host.hasSuffix("]") else { return host }
        return String(host[..<colon])
    }

    /// Who is at the other end of a connection.
    func client(_ handle: ConnectionHandle, _ descriptor: Int32) throws(HTTPFault) -> HTTPClient {
        if isLocal {
            var peer = peer_credentials()
            var groups = [UInt32](repeating: 0, count: 256)
            guard unsafe get_peer_credentials(descriptor, &peer) == 0 else {
                throw HTTPFault(status: 403, detail: "the system does not tell who sends this request", endsConnection: true)
            }
            let count = unsafe get_peer_groups(descriptor, &groups, Int32(groups.count))
            return .local(user: peer.uid, group: peer.gid, groups: Array(groups.prefix(Int(max(count, 0)))), process: peer.pid)
        }
        let (address, port) = unsafe addressText(mhd_connection_address(handle.pointer))
        return .remote(address: address, port: port, certificate: needsCertificate ? try certificate(handle) : nil)
    }

    /// Who sent a request on a connection with such an end: where that is a proxy, whom it names.
    func sender(of headers: HTTPHeaders, over client: HTTPClient) -> HTTPClient {
        guard let trustedProxies, case .remote(let peer, let port, let certificate) = client else { return client }
        return .remote(address: trustedProxies.client(of: headers, from: peer), port: port, certificate: certificate)
    }

    private func certificate(_ handle: ConnectionHandle) throws(HTTPFault) -> HTTPClientCertificate {
        var found = mhd_client_certificate()
        guard unsafe mhd_verify_client(handle.pointer, &found) == 0 else {
            throw HTTPFault(status: 403, detail: "this server wants a certificate of one of its authorities", endsConnection: true)
        }
        let name = unsafe withUnsafeBytes(of: found.name) { unsafe String(decoding: $0.prefix(Int(found.name_size)), as: UTF8.self) }
        return HTTPClientCertificate(commonName: name, fingerprint: unsafe withUnsafeBytes(of: found.fingerprint) { unsafe Array($0) })
    }
}

/// The texts of a listener as the library takes them; nil for those that are not there. The caller frees them.
private func pemTexts(_ tls: TCPListener.TLS?) -> [UnsafeMutablePointer<CChar>?] {
    unsafe [tls?.certificate, tls?.key, tls?.authorities].map { unsafe $0.flatMap { unsafe strdup($0) } }
}

/// What is wrong with the texts; nil where nothing is, or there are none.
private func checkTexts(_ texts: [UnsafeMutablePointer<CChar>?]) -> String? {
    guard let certificate = unsafe texts[0], let key = unsafe texts[1] else { return nil }
    let code = unsafe mhd_check_pem(certificate, key, texts[2])
    return code == 0 ? nil : unsafe String(cString: gnutls_strerror(code))
}

extension TCPListener.TLS {
    /// What is wrong with the certificate, the key or the authorities, in the words of the library; nil where nothing is.
    package var objection: String? {
        let texts = unsafe pemTexts(self)
        defer { unsafe texts.forEach { unsafe free($0) } }
        return unsafe checkTexts(texts)
    }
}

import CCurl
import Glibc
import HostSystem
import LBaaS

/// A transfer of libcurl's: owns the easy handle, and the memory of this side that libcurl uses.
@safe final class EasyHandle {
    let pointer: UnsafeMutableRawPointer
    /// The status of the answer; nil as long as there is none.
    private(set) var status: UInt16?
    /// What certificates are verified by; nil where none is.
    private(set) var authorities: CertificateStore?
    /// Why there was no socket.
    private(set) var socketFailure: SystemFailure?

    private let errors: UnsafeMutablePointer<CChar>
    private var lists: [UnsafeMutablePointer<curl_slist>] = unsafe []
    private var route: (address: IPAddress, port: UInt16, source: IPAddress?)?
    /// The socket, which is libcurl's to close.
    private var socket: Int32 = -1

    /// Nil where there is no memory for one.
    init?() {
        guard let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
        unsafe errors = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errors.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        freeLists()
        unsafe errors.deallocate()
    }

    /// Makes it as it was at first.
    func reset() {
        unsafe curl_easy_reset(pointer)
        freeLists()
        unsafe errors.pointee = 0
        status = nil
        socketFailure = nil
        authorities = nil
        route = nil
        socket = -1
    }

    private func freeLists() {
        while let list = unsafe lists.popLast() { unsafe curl_slist_free_all(list) }
    }

    /// Prepares it for one connection with a node that is used for nothing else, and for as little as the status of an answer.
    ///
    /// Whatever address libcurl is given then, it connects to the node. That lets all transfers be to one address, as far as libcurl is
    /// concerned: of each other that it has it keeps a record, and looks through all of them when a connection ends.
    func prepare(_ ticket: Ticket, for check: Check) {
        route = (check.address, check.port, check.source)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_easy_set_context(pointer, CURLOPT_PRIVATE, UnsafeMutableRawPointer(bitPattern: UInt(ticket.code)))
        unsafe curl_easy_set_errors(pointer, errors)
        unsafe curl_easy_set_context(pointer, CURLOPT_OPENSOCKETDATA, context)
        unsafe curl_easy_set_socket_maker(pointer, openSocket)
        unsafe curl_easy_set_context(pointer, CURLOPT_HEADERDATA, context)
        unsafe curl_easy_set_header_function(pointer, takeHeader)
        unsafe curl_easy_set_write_function(pointer, takeBody)
        // The environment can name proxies, which are not meant for checks.
        set(CURLOPT_PROXY, to: "")
        set(CURLOPT_PROTOCOLS_STR, to: "http,https")
        set(CURLOPT_NOSIGNAL, to: 1)
        set(CURLOPT_FRESH_CONNECT, to: 1)
        set(CURLOPT_FORBID_REUSE, to: 1)
        set(CURLOPT_HTTP_VERSION, to: Int(CURL_HTTP_VERSION_1_1))
        // Addresses of all nodes would be kept as if they were names, and looked through for each transfer.
        set(CURLOPT_DNS_CACHE_TIMEOUT, to: 0)
        // The least that libcurl allows: there is little to read and to write.
        set(CURLOPT_BUFFERSIZE, to: 1024)
        set(CURLOPT_UPLOAD_BUFFERSIZE, to: 16 * 1024)
        // A session that is taken up again would pass without a look at the certificate.
        set(CURLOPT_SSL_SESSIONID_CACHE, to: 0)
    }

    /// Has certificates verified by these authorities alone; by none where there are none.
    func verify(by authorities: CertificateStore?) {
        self.authorities = authorities
        set(CURLOPT_SSL_VERIFYPEER, to: authorities == nil ? 0 : 1)
        set(CURLOPT_SSL_VERIFYHOST, to: authorities == nil ? 0 : 2)
        // libcurl would read files of its own for each connection.
        unsafe curl_easy_set_text(pointer, CURLOPT_CAINFO, nil)
        unsafe curl_easy_set_text(pointer, CURLOPT_CAPATH, nil)
        set(CURLOPT_CA_CACHE_TIMEOUT, to: 0)
        unsafe curl_easy_set_context(pointer, CURLOPT_SSL_CTX_DATA, Unmanaged.passUnretained(self).toOpaque())
        unsafe curl_easy_set_tls_setter(pointer, setAuthorities)
    }

    /// Sets an option to a text, which libcurl copies.
    func set(_ option: CURLoption, to text: String) { unsafe curl_easy_set_text(pointer, option, text) }

    /// Sets an option to a number.
    func set(_ option: CURLoption, to number: Int) { unsafe curl_easy_set_number(pointer, option, number) }

    /// Sets an option to a list of lines.
    func set(_ option: CURLoption, to lines: [String]) {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            // Null where there is no memory; then the list is as it was.
            if let longer = unsafe curl_slist_append(list, line) { unsafe list = longer }
        }
        guard let list = unsafe list else { return }
        unsafe lists.append(list)
        unsafe curl_easy_set_list(pointer, option, list)
    }

    /// What libcurl says went wrong; empty for nothing.
    var errorText: String { unsafe String(cString: errors) }

    /// The error number of the system for what went wrong last; 0 for none.
    var systemError: Int32 { Int32(truncatingIfNeeded: number(CURLINFO_OS_ERRNO)) }

    /// Whether it is connected, as long as it is under way.
    var isConnected: Bool {
        var name = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutableBytes(of: &name) { name in
            unsafe getpeername(socket, name.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size) == 0
        }
    }

    /// Whether this was reached: a point in time that libcurl notes.
    func hasReached(_ point: CURLINFO) -> Bool {
        var microseconds: curl_off_t = 0
        return unsafe curl_easy_get_time(pointer, point, &microseconds) == CURLE_OK && microseconds > 0
    }

    /// Whose transfer it is.
    static func ticket(of pointer: UnsafeMutableRawPointer) -> Ticket {
        var context: UnsafeMutableRawPointer?
        unsafe curl_easy_get_context(pointer, &context)
        return Ticket(code: UInt64(UInt(bitPattern: context)))
    }

    private func number(_ fact: CURLINFO) -> Int {
        var value = 0
        return unsafe curl_easy_get_number(pointer, fact, &value) == CURLE_OK ? value : 0
    }
}

extension EasyHandle {
    /// Opens the socket that libcurl asks for, and sends it to the node; less than 0 where there is none.
    ///
    /// - Parameter destination: where libcurl is going to connect to, of the node's family. libcurl takes from it what it finds there when
    ///   this returns (`Curl_socket_open`).
    func makeSocket(_ destination: UnsafeMutablePointer<curl_sockaddr>) -> Int32 {
        guard let route else { return CURL_SOCKET_BAD }
        do throws(SystemFailure) {
            socket = try Socket.open(SOCK_STREAM, to: route.address, from: route.source).release()
            _ = unsafe withSocketAddress(route.address, port: route.port) { name, size in
                unsafe memcpy(&destination.pointee.addr, name, min(Int(size), Int(destination.pointee.addrlen)))
            }
            return socket
        } catch {
            socketFailure = error
            return CURL_SOCKET_BAD
        }
    }

    /// Notes the status, and says whether it is there: not as long as the server only says that it is going to answer (1xx).
    func noteStatus() -> Bool {
        let code = number(CURLINFO_RESPONSE_CODE)
        guard code >= 200 else { return false }
        status = UInt16(exactly: code)
        return true
    }
}

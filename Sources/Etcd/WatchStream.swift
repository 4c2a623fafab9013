import CCurl
import HostSystem
import JSON
import Synchronization

/// The connection of a watch. It is read by one thread, and closed by any.
///
/// It is safe: the easy handle and the buffers are used by the thread of the watch alone, from `open` on; other threads only set the atomic
/// flag and call `curl_multi_wakeup`, which libcurl allows at any time. Both handles live as long as this object.
@safe final class WatchStream: @unchecked Sendable {
    /// What comes of waiting.
    enum Event {
        case message(WatchMessage)
        /// The watch is cancelled, by this side.
        case cancelled
    }

    private let multi: UnsafeMutableRawPointer
    private let handle: CurlHandle
    private let tokenizer: JSONTokenizer
    private let files: TLSFiles
    private let isOver = Atomic(false)

    private var isOpen = false
    private var name: RequestName
    private var reader = LineReader()
    private var lines: [[UInt8]] = []
    /// How the transfer ended.
    private var end: CURLcode?

    init(_ configuration: EtcdConfiguration) throws(EtcdError) {
        handle = try CurlHandle(configuration)
        guard let tokenizer = JSONTokenizer(), let multi = unsafe curl_multi_init() else {
            throw EtcdError(.exhausted, "there is no memory for a watch")
        }
        self.tokenizer = tokenizer
        unsafe self.multi = multi
        files = TLSFiles(configuration)
        name = RequestName(endpoint: configuration.endpoints[0], operation: "watch")
    }

    deinit {
        if isOpen { unsafe curl_multi_remove_handle(multi, handle.pointer) }
        unsafe curl_multi_cleanup(multi)
    }

    /// Whether the watch is cancelled.
    var isCancelled: Bool { isOver.load(ordering: .acquiring) }

    /// Cancels the watch: ends its thread's wait. That thread closes the connection.
    func cancel() {
        isOver.store(true, ordering: .releasing)
        unsafe curl_multi_wakeup(multi)
    }

    /// Sends the request of a watch, over a new connection.
    func open(_ text: String, as name: RequestName, token: String?, connectLimit: Duration) {
        close()
        self.name = name
        handle.prepare(name.endpoint, "/v3/watch", text, token: token, limit: nil, answerLimit: nil, connectLimit: connectLimit)
        unsafe curl_multi_add_handle(multi, handle.pointer)
        isOpen = true
    }

    /// Closes the connection.
    func close() {
        if isOpen {
            // A transfer that is not over takes its connection with it.
            unsafe curl_multi_remove_handle(multi, handle.pointer)
            isOpen = false
        }
        (reader, lines, end) = (LineReader(), [], nil)
    }

    /// Waits for the next message.
    ///
    /// - Throws: `timedOut` where none comes in time, and why the stream ended.
    func next(until deadline: Deadline) throws(EtcdError) -> Event {
        while !isCancelled {
            if !lines.isEmpty { return .message(try tokenizer.read(lines.removeFirst(), of: name, WatchMessage.init)) }
            if let end { throw failure(end) }
            advance()
            if !lines.isEmpty || end != nil { continue }
            if deadline.isOver { throw name.error(.timedOut, "nothing came in time") }
            unsafe curl_multi_poll(multi, nil, 0, deadline.milliseconds, nil)
        }
        return .cancelled
    }

    /// Waits while nothing is open; shorter where the watch is cancelled.
    func pause(_ duration: Duration) {
        let deadline = Deadline(in: duration)
        while !isCancelled, !deadline.isOver { unsafe curl_multi_poll(multi, nil, 0, deadline.milliseconds, nil) }
    }

    /// Reads what is there.
    private func advance() {
        var running: Int32 = 0
        unsafe curl_multi_perform(multi, &running)
        // The body of a refusal is no stream of messages.
        if handle.status == 200 { lines += reader.lines(in: &handle.body) }
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            end = unsafe curl_message_result(message)
            if handle.status == 200, let rest = reader.rest(of: &handle.body) { lines.append(rest) }
        }
    }

    private func failure(_ code: CURLcode) -> EtcdError {
        if code != CURLE_OK { return files.failure(code, of: name, on: handle) }
        if handle.status == 200 { return name.error(.unreachable, "etcd closed the connection") }
        return tokenizer.refusal(handle.body, status: handle.status, of: name, files)
    }

    /// Why a message ends the stream.
    func failure(_ message: WatchMessage) -> EtcdError? {
        switch message {
        case .failure(let number, let status, let words): files.refusal(status: status, number: number, words: words, of: name)
        case .cancelled(let revision, _) where revision > 0: name.error(.compacted, "the revision was compacted, up to \(revision)")
        case .cancelled(_, let reason):
            reason.contains("permission denied")
                ? name.error(.permissionDenied, "\(reason); grant the user a role that may read these keys")
                : reason.contains("auth token") ? name.error(.unauthenticated, reason) : name.error(.unavailable, reason)
        default: nil
        }
    }
}

import CCurl
import HTTPClient
import HostSystem
import JSON
import Synchronization

/// The connection of a watch. It is read by one thread, and closed by any.
///
/// It is safe: the stream and the buffers are used by the thread of the watch alone, from `open` on; other threads only set the atomic
/// flag and wake the stream, which is allowed at any time.
final class WatchStream: @unchecked Sendable {
    /// What comes of waiting.
    enum Event {
        case message(WatchMessage)
        /// The watch is cancelled, by this side.
        case cancelled
    }

    private let stream: HTTPStream
    private let tokenizer: JSONTokenizer
    private let files: TLSFiles
    private let isOver = Atomic(false)

    private var name: RequestName
    private var reader = LineReader()
    private var lines: [[UInt8]] = []

    init(_ configuration: EtcdConfiguration) throws(EtcdError) {
        guard let tokenizer = JSONTokenizer(), let stream = HTTPStream(HTTPClientOptions(configuration)) else {
            throw EtcdError(.exhausted, "there is no memory for a watch, or libcurl cannot be used")
        }
        self.tokenizer = tokenizer
        self.stream = stream
        files = TLSFiles(configuration)
        name = RequestName(endpoint: configuration.endpoints[0], operation: "watch")
    }

    /// Whether the watch is cancelled.
    var isCancelled: Bool { isOver.load(ordering: .acquiring) }

    /// Cancels the watch: ends its thread's wait. That thread closes the connection.
    func cancel() {
        isOver.store(true, ordering: .releasing)
        stream.wake()
    }

    /// Sends the request of a watch, over a new connection.
    func open(_ text: String, as name: RequestName, token: String?, connectLimit: Duration) {
        close()
        self.name = name
        stream.transfer.prepare(
            name.endpoint, "/v3/watch", text, token: token, limit: nil, answerLimit: nil, connectLimit: connectLimit)
        stream.open()
    }

    /// Closes the connection.
    func close() {
        stream.close()
        (reader, lines) = (LineReader(), [])
    }

    /// Waits for the next message.
    ///
    /// - Throws: `timedOut` where none comes in time, and why the stream ended.
    func next(until deadline: Deadline) throws(EtcdError) -> Event {
        while !isCancelled {
            if !lines.isEmpty { return .message(try tokenizer.read(lines.removeFirst(), of: name, WatchMessage.init)) }
            if let end = stream.end { throw failure(end) }
            advance()
            if !lines.isEmpty || stream.end != nil { continue }
            if deadline.isOver { throw name.error(.timedOut, "nothing came in time") }
            stream.wait(until: deadline)
        }
        return .cancelled
    }

    /// Waits while nothing is open; shorter where the watch is cancelled.
    func pause(_ duration: Duration) {
        let deadline = Deadline(in: duration)
        while !isCancelled, !deadline.isOver { stream.wait(until: deadline) }
    }

    /// Reads what is there.
    private func advance() {
        stream.advance()
        // The body of a refusal is no stream of messages.
        guard stream.transfer.status == 200 else { return }
        lines += reader.lines(in: &stream.transfer.body)
        if stream.end != nil, let rest = reader.rest(of: &stream.transfer.body) { lines.append(rest) }
    }

    private func failure(_ code: CURLcode) -> EtcdError {
        if code != CURLE_OK { return files.failure(code, of: name, on: stream.transfer) }
        if stream.transfer.status == 200 { return name.error(.unreachable, "etcd closed the connection") }
        return tokenizer.refusal(stream.transfer.body, status: stream.transfer.status, of: name, files)
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

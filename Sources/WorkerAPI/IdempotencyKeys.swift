import HTTPServer
import Requests
import Synchronization

/// The responses to requests that had an `Idempotency-Key`, so that one that is sent again gets the response of the first.
///
/// They are in memory alone: a restart of the worker forgets them.
final class IdempotencyKeys: Sendable {
    /// How many are kept, the latest.
    static let capacity = 1024
    /// The most bytes of a response that is kept.
    static let longestResponse = 64 << 10
    /// The longest key, in bytes.
    static let longestKey = 255

    /// Which request a key stands for.
    struct Key: Hashable, Sendable {
        /// Who sent it.
        let client: String
        /// The key.
        let text: String
    }

    /// What becomes of a request.
    enum Verdict {
        /// It is the first of its key.
        case first
        /// It was answered before, with this.
        case answered(HTTPResponse)
        /// The first one is not answered yet.
        case underway
        /// The first one was another request.
        case another
    }

    private struct Entry {
        let request: Int
        let number: UInt64
        var response: HTTPResponse?
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        /// The keys in the order in which they came, each with its number.
        var order: [(key: Key, number: UInt64)] = []
        var last: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Takes a request.
    ///
    /// - Parameter request: a number that only the same request has.
    func begin(_ key: Key, request: Int) -> Verdict {
        state.withLock { state in
            if let entry = state.entries[key] {
                if entry.request != request { return .another }
                return entry.response.map { .answered($0) } ?? .underway
            }
            state.last += 1
            state.entries[key] = Entry(request: request, number: state.last)
            state.order.append((key, state.last))
            Self.forgetOldest(&state)
            return .first
        }
    }

    /// Takes the response to the first request of a key. One that says that nothing was done, and that the request may be sent again, is not
    /// kept.
    func finish(_ key: Key, _ response: HTTPResponse) {
        let isKept = response.status < 500 && response.status != 429 && response.isShort
        state.withLock { state in
            if isKept { state.entries[key]?.response = response } else { state.entries[key] = nil }
        }
    }

    private static func forgetOldest(_ state: inout State) {
        // Those that were not kept leave their place in the order behind.
        if state.order.count > 2 * capacity { state.order.removeAll { state.entries[$0.key]?.number != $0.number } }
        while state.entries.count > capacity, let place = state.order.firstIndex(where: { state.entries[$0.key]?.response != nil }) {
            let oldest = state.order.remove(at: place)
            if state.entries[oldest.key]?.number == oldest.number { state.entries[oldest.key] = nil }
        }
    }
}

extension HTTPResponse {
    /// Whether its body is kept for who asks again.
    fileprivate var isShort: Bool { if case .bytes(let bytes) = body { bytes.count <= IdempotencyKeys.longestResponse } else { false } }
}

extension APIHandlers {
    /// A handler that does a request with an `Idempotency-Key` once, however often it comes.
    func once(_ handler: @escaping HTTPRoutes.LateHandler) -> HTTPRoutes.LateHandler {
        { [keys] request, reply in
            let fields = request.headers.all("idempotency-key")
            guard let text = fields.first else { return handler(request, reply) }
            guard fields.count == 1, !text.isEmpty, text.utf8.count <= IdempotencyKeys.longestKey else {
                reply.send(.problem(400, "Idempotency-Key: it is one text of 1 to \(IdempotencyKeys.longestKey) bytes"))
                return
            }
            let key = IdempotencyKeys.Key(client: self.origin(of: request).name, text: text)
            switch keys.begin(key, request: request.number) {
            case .first: handler(request, HTTPReply(of: reply) { keys.finish(key, $0) })
            case .answered(let response): reply.send(response)
            case .underway: reply.send(.problem(409, "Idempotency-Key: the request of this key is not answered yet; send it again later"))
            case .another: reply.send(.problem(422, "Idempotency-Key: it was the key of another request; take a new one"))
            }
        }
    }
}

extension HTTPRequest {
    /// A number that the same request has when it comes again, and no other.
    fileprivate var number: Int {
        var hasher = Hasher()
        hasher.combine(method)
        hasher.combine(path)
        for (name, value) in query {
            hasher.combine(name)
            hasher.combine(value)
        }
        hasher.combine(headers.all("if-match"))
        hasher.combine(headers.all("if-none-match"))
        hasher.combine(body)
        return hasher.finalize()
    }
}

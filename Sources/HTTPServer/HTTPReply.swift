import Synchronization

/// The answer that a request waits for. It is sent once, from any thread; a request whose reply is dropped is answered with 500.
package final class HTTPReply: Sendable {
    private let exchange: Exchange
    private let note: Mutex<(@Sendable (HTTPResponse) -> Void)?>

    init(_ exchange: Exchange) {
        self.exchange = exchange
        note = Mutex(nil)
    }

    /// The same answer, of which somebody takes a note, also where the request does not wait for it any more. It is to be sent in place of
    /// the other, which must be kept for as long.
    ///
    /// - Parameter note: takes the first response that is sent. It must not block.
    package init(of reply: HTTPReply, note: @escaping @Sendable (HTTPResponse) -> Void) {
        exchange = reply.exchange
        self.note = Mutex { response in
            withExtendedLifetime(reply) {}
            note(response)
        }
    }

    deinit {
        if isWanted || note.withLock({ $0 != nil }) { send(.problem(500, "the server has no answer to this request")) }
    }

    /// Whether the request still waits: it was not answered yet, its time is not over, and nothing is known of its client having gone.
    package var isWanted: Bool { exchange.isWaiting }

    /// Sends the response.
    ///
    /// - Returns: false where the request does not wait any more, and nothing is sent.
    @discardableResult package func send(_ response: HTTPResponse) -> Bool {
        let note = note.withLock { $0.take() }
        defer { note?(response) }
        return exchange.complete(response)
    }

    /// Sends a response that is kept for more requests than this.
    ///
    /// - Returns: false where the request does not wait any more, and nothing is sent.
    @discardableResult package func send(_ kept: KeptResponse) -> Bool {
        let note = note.withLock { $0.take() }
        defer { note?(kept.response) }
        return exchange.complete(kept.prepared)
    }
}

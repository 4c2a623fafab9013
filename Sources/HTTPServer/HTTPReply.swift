/// The answer that a request waits for. It is sent once, from any thread; a request whose reply is dropped is answered with 500.
package final class HTTPReply: Sendable {
    private let exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    deinit {
        if isWanted { send(.problem(500, "the server has no answer to this request")) }
    }

    /// Whether the request still waits: it was not answered yet, its time is not over, and nothing is known of its client having gone.
    package var isWanted: Bool { exchange.isWaiting }

    /// Sends the response.
    ///
    /// - Returns: false where the request does not wait any more, and nothing is sent.
    @discardableResult package func send(_ response: HTTPResponse) -> Bool { exchange.complete(response) }
}

import Synchronization

/// What lets one client have the events of a stream, until it is ended: such as a token that is not valid any more. The response has it, and then
/// the client, so it is released where nobody gets events by it.
package final class EventTicket: Sendable {
    private struct State {
        var isEnded = false
        weak var client: EventClient?
    }

    private let state = Mutex(State())

    /// A ticket that is valid.
    package init() {}

    /// Ends the stream of its client at the next border of events, also of one that comes later.
    package func end() {
        let client = state.withLock { state in
            state.isEnded = true
            return state.client
        }
        client?.end()
    }

    /// Takes the client.
    func take(_ client: EventClient) {
        let isEnded = state.withLock { state in
            state.client = client
            return state.isEnded
        }
        if isEnded { client.end() }
    }
}

import CMicrohttpd
import HostSystem
import Synchronization

/// Server-sent events for any number of clients, from one ring: a client costs a position, and a slow one nothing more.
///
/// A client that is behind the ring gets the event `lost`, whose `id` is the newest number, and goes on behind it: it reads again whatever the
/// events are about. It gets the same where its `Last-Event-ID` is older than the ring, or unknown. Several events can have one number: a client
/// that comes back gets those behind the first of its number again. A comment is sent where there was no event for
/// some time, so that both sides see whether the other is there.
package final class EventStream: Sendable {
    private struct State {
        var ring: EventRing
        /// The clients that are suspended until there is something for them.
        var waiting: [EventClient] = []
        /// Those that are still suspended, and for which there is something.
        var ready: [EventClient] = []
        var count = 0
        var hasThread = false
        /// Whether the thread was told that there is something, and has not looked yet.
        var isWoken = false
        var isEnded = false
        /// Since when there has been no client.
        var lonelySince: Duration?
    }

    private let state: Mutex<State>
    private let isKept = Atomic<Bool>(false)
    private let heartbeat: Duration
    private let memory: Duration
    private let gathering: Duration
    private let waker = Waker()

    /// A stream without events.
    ///
    /// - Parameters:
    ///   - capacity: the bytes of the ring.
    ///   - id: the number of the last event before those of the stream.
    ///   - heartbeat: the time without an event after which a comment is sent.
    ///   - gathering: the least time between two deliveries; events of that time are delivered together.
    ///   - memory: how long events are kept for clients to come back to when the last one has left.
    package init(
        capacity: Int = 256 << 10, after id: UInt64 = 0, heartbeat: Duration = .seconds(15), gathering: Duration = .milliseconds(10),
        memory: Duration = .seconds(300)
    ) {
        state = Mutex(State(ring: EventRing(capacity: capacity, after: id)))
        self.heartbeat = heartbeat
        self.gathering = gathering
        self.memory = memory
    }

    /// How many clients there are.
    package var clients: Int { state.withLock { $0.count } }

    /// Whether somebody wants events: there is a client, or was one some minutes ago. Nobody need publish while it is false.
    package var isFollowed: Bool { isKept.load(ordering: .relaxed) }

    /// Has events published from now on for a client that comes. To be called before its response is made.
    ///
    /// - Parameter newest: the number of the last event so far; asked only where nobody has followed.
    package func follow(after newest: () -> UInt64) {
        if isKept.exchange(true, ordering: .relaxed) { return }
        let id = newest()
        state.withLock { state in
            state.ring.begin(after: id)
            state.lonelySince = Clock.bootTime()
        }
    }

    /// Adds an event. It does not wait for clients.
    ///
    /// - Parameters:
    ///   - id: its number, not less than that of the event before; nil for that of the event before.
    ///   - event: its name, of letters, digits and underscores.
    ///   - data: text in UTF-8 without control characters but line ends.
    package func publish(_ id: UInt64?, _ event: String, _ data: [UInt8]) {
        let body = Self.format(event, data)
        let mustWake = state.withLock { state in
            let id = id ?? state.ring.lastID
            state.ring.append(Array("id: \(id)\n".utf8) + body, id: id)
            let mustWake = !state.isWoken && !state.waiting.isEmpty
            if mustWake { state.isWoken = true }
            return mustWake
        }
        if mustWake { waker.wake() }
    }

    /// Ends the streams of all clients, for good.
    package func end() {
        state.withLock { $0.isEnded = true }
        waker.wake()
    }

    /// An event but for its number.
    private static func format(_ event: String, _ data: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + event.utf8.count + 48)
        bytes += "event: \(event)\n".utf8
        for line in data.split(separator: 0x0A, omittingEmptySubsequences: false) {
            bytes += "data: ".utf8
            bytes += line
            bytes.append(0x0A)
        }
        bytes.append(0x0A)
        return bytes
    }

    // MARK: Clients

    /// A client of a connection.
    func client(_ handle: ConnectionHandle, after last: String?, _ ticket: EventTicket?) -> EventClient {
        let (offset, mustStart) = state.withLock { state in
            state.count += 1
            state.lonelySince = nil
            defer { state.hasThread = true }
            // An offset before the ring is that of a client that has lost something.
            let offset = last.map { UInt64($0).flatMap { state.ring.offset(after: $0) } ?? -1 } ?? state.ring.end
            return (offset, !state.hasThread)
        }
        if mustStart, !startThread({ self.deliver() }) { state.withLock { $0.isEnded = true } }
        let client = EventClient(self, handle, ticket, offset: offset)
        ticket?.take(client)
        return client
    }

    /// Copies what there is for a client, and suspends it where there is nothing.
    ///
    /// - Returns: how many bytes; nil at the end of the stream.
    fileprivate func read(_ client: EventClient, into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        state.withLock { state in
            if client.isEnded || state.isEnded { return nil }
            if client.rest.isEmpty, client.offset < state.ring.start {
                let newest = state.ring.lastID
                client.rest = Array("id: \(newest)\nevent: lost\ndata: {\"newest\": \(newest)}\n\n".utf8)[...]
                client.offset = state.ring.end
            }
            if client.rest.isEmpty, client.offset < state.ring.end {
                let border = state.ring.border(from: client.offset, room: buffer.count)
                if border > client.offset {
                    unsafe state.ring.copy(client.offset..<border, to: buffer)
                    defer { client.offset = border }
                    return border - client.offset
                }
                // An event that does not fit is kept by itself, for the ring can lose it meanwhile.
                let end = state.ring.eventEnd(from: client.offset)
                client.rest = state.ring.bytes(client.offset..<end)[...]
                client.offset = end
            }
            if !client.rest.isEmpty {
                let count = min(buffer.count, client.rest.count)
                unsafe buffer.copyBytes(from: client.rest.prefix(count))
                client.rest = count < client.rest.count ? client.rest.dropFirst(count) : []
                return count
            }
            state.waiting.append(client)
            client.handle.suspend()
            return 0
        }
    }

    /// Ends the stream of a client. It is not suspended when this returns, nor afterwards: the library must not be stopped while one is.
    fileprivate func end(_ client: EventClient) {
        state.withLock { state in
            client.isEnded = true
            for list in [\State.waiting, \State.ready] {
                guard let place = state[keyPath: list].firstIndex(where: { $0 === client }) else { continue }
                state[keyPath: list].swapAt(place, state[keyPath: list].count - 1)
                state[keyPath: list].removeLast()
                client.handle.resume()
            }
        }
    }

    fileprivate func close() {
        state.withLock { state in
            state.count -= 1
            if state.count == 0 { state.lonelySince = Clock.bootTime() }
        }
    }

    /// Forgets events that nobody has come back to.
    private func forget(_ state: inout State) {
        guard let since = state.lonelySince, Clock.bootTime() - since >= memory else { return }
        state.ring.begin(after: state.ring.lastID)
        state.lonelySince = nil
        isKept.store(false, ordering: .relaxed)
    }

    /// The thread that gives clients back to their connections when there is something for them.
    private func deliver() {
        var next = Deadline(in: heartbeat)
        while true {
            _ = waker.wait(until: next, watching: -1)
            let isDue = next.isOver
            let (hasReady, isEnded) = state.withLock { state in
                if isDue {
                    // A comment, by which both sides see that the other is there.
                    for client in state.waiting where client.offset == state.ring.end { client.rest = [0x3A, 0x0A, 0x0A] }
                    forget(&state)
                }
                let hasSome = exchange(&state.isWoken, with: false) || isDue || state.isEnded
                if hasSome { swap(&state.ready, &state.waiting) }
                return (!state.ready.isEmpty, state.isEnded)
            }
            if hasReady || isDue { next = Deadline(in: heartbeat) }
            while resumeOne() {}
            if isEnded { return }
            if hasReady { _ = poll([:], until: Deadline(in: gathering)) }
        }
    }

    /// Gives one of the clients for which there is something back to its connection; false where there is none. Under the lock, so that a
    /// client that is in no list is not suspended; one at a time, so that nobody who publishes waits for all of them.
    private func resumeOne() -> Bool {
        state.withLock { state in
            guard let client = state.ready.popLast() else { return false }
            client.handle.resume()
            return true
        }
    }
}

/// A client of an event stream.
///
/// What changes of it is used under the lock of the stream alone; that is why it may be shared.
final class EventClient: @unchecked Sendable {
    private let stream: EventStream
    fileprivate let handle: ConnectionHandle
    /// Kept for as long as the client is there.
    private let ticket: EventTicket?
    /// The border of the next event for it.
    fileprivate var offset: Int
    /// The rest of an event of which it has got a part.
    fileprivate var rest: ArraySlice<UInt8> = []
    fileprivate var isEnded = false

    fileprivate init(_ stream: EventStream, _ handle: ConnectionHandle, _ ticket: EventTicket?, offset: Int) {
        self.stream = stream
        self.handle = handle
        self.ticket = ticket
        self.offset = offset
    }

    /// Copies what there is for it; 0 where it is suspended.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { unsafe stream.read(self, into: buffer) ?? Int(mhd_end_of_stream) }

    /// Ends its stream at the next border.
    func end() { stream.end(self) }

    /// Its connection has ended.
    func close() { stream.close() }
}

import CCurl
import HTTPClient
import HostSystem
import Terminal

/// Follows the events of a worker, and connects again where the connection is lost.
final class EventFollower {
    /// What comes of waiting.
    enum Update {
        case event(ServerSentEvent)
        /// There is a connection: what happens from now on is told, and what happened meanwhile where the worker still knows.
        case connected
        /// There is none any more, for this reason.
        case interrupted(String)
        /// One of the descriptors can be read.
        case other
        /// The time is over.
        case timedOut
    }

    /// The worker sends something every 15 seconds.
    private static let silence = Duration.seconds(45)
    private static let path = "/v1/events"
    private static let longestEvent = 1 << 20
    private static let connectLimit = Duration.seconds(10)

    private let client: WorkerClient
    private let stream: HTTPStream
    private let descriptors: [Int32]
    private var lastID: String?
    private var reader = EventReader(limit: longestEvent)
    private var pending: [ServerSentEvent] = []
    private var isOpen = false
    private var isConnected = false
    private var wasConnected = false
    private var backoff = Backoff(maximum: 5)
    private var alive = Deadline(in: .zero)

    /// - Parameters:
    ///   - id: the number of the last event that is known; nil to begin now.
    ///   - descriptors: what else ends a wait where it can be read.
    init(_ client: WorkerClient, after id: String? = nil, watching descriptors: [Int32] = []) throws(CommandFailure) {
        guard let stream = HTTPStream(HTTPClientOptions(client.server, largestAnswer: 2 * Self.longestEvent)) else {
            throw CommandFailure(.failed, "there is no memory for a connection, or libcurl cannot be used")
        }
        (self.client, self.stream, self.descriptors, lastID) = (client, stream, descriptors, id)
    }

    /// Waits for the next update.
    ///
    /// - Throws: why the first connection cannot be had, and where the worker refuses to tell.
    func next(until deadline: Deadline?) throws(CommandFailure) -> Update {
        while true {
            if !pending.isEmpty { return .event(take()) }
            if !isOpen { open() }
            stream.advance()
            if let update = try look() { return update }
            if deadline?.isOver == true { return .timedOut }
            if StandardOutput.isAbandoned { StandardOutput.endAsClosed() }
            let rest = Deadline(in: min(alive.rest, deadline?.rest ?? .seconds(3600)))
            stream.wait(until: rest, watching: descriptors + (StandardOutput.pipe.map { [$0] } ?? []))
            if descriptors.contains(where: { poll([$0: 1], until: Deadline(in: .zero))[0] & 1 != 0 }) { return .other }
        }
    }

    private func take() -> ServerSentEvent {
        let event = pending.removeFirst()
        if let id = event.id { lastID = id }
        return event
    }

    private func open() {
        let server = client.server
        var fields = server.fields(of: "GET", Self.path, accepting: "text/event-stream")
        if let lastID { fields.append("Last-Event-ID: \(lastID)") }
        stream.transfer.prepare(
            "GET", server.base + Self.path, fields: fields, body: nil, limit: nil, connectLimit: Self.connectLimit)
        stream.open()
        (isOpen, isConnected, reader) = (true, false, EventReader(limit: Self.longestEvent))
        alive = Deadline(in: Self.silence)
    }

    /// What came of the connection; nil for nothing.
    private func look() throws(CommandFailure) -> Update? {
        let transfer = stream.transfer
        if transfer.status == 200 {
            if !transfer.body.isEmpty {
                alive = Deadline(in: Self.silence)
                do throws(EventReader.TooLong) {
                    pending += try reader.take(transfer.body)
                } catch {
                    return lose("an event has more than \(Self.longestEvent) bytes")
                }
                transfer.body.removeAll(keepingCapacity: true)
            }
            if !isConnected {
                (isConnected, wasConnected) = (true, true)
                backoff.reset()
                return .connected
            }
            if !pending.isEmpty { return .event(take()) }
        }
        if let code = stream.end { return try ended(code) }
        return alive.isOver ? lose("nothing came for \(Self.silence.components.seconds) s") : nil
    }

    private func ended(_ code: CURLcode) throws(CommandFailure) -> Update {
        let transfer = stream.transfer
        if code == CURLE_OK, transfer.status != 200 {
            let answer = Answer(status: transfer.status, body: transfer.body)
            // A worker that stops or is busy refuses for a while.
            if let refusal = client.refusal(answer), !wasConnected || ![429, 503].contains(answer.status) { throw refusal }
            return lose("the worker answers with the status \(answer.status)")
        }
        let failure = client.server.failure(code, of: transfer, within: nil)
        if !wasConnected { throw failure }
        return lose(code == CURLE_OK ? "the worker closed the connection" : failure.sentence)
    }

    /// Gives up the connection, and waits before the next.
    private func lose(_ reason: String) -> Update {
        stream.close()
        isOpen = false
        let pause = Deadline(in: .seconds(backoff.next(share: .random(in: 0...1))))
        while !pause.isOver, !StandardOutput.isAbandoned { stream.wait(until: pause) }
        return .interrupted(reason)
    }
}

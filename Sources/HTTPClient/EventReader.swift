/// A server-sent event.
package struct ServerSentEvent: Equatable, Sendable {
    /// Its number or name, for `Last-Event-ID`; nil where none was ever sent.
    package var id: String?
    /// What kind of event it is: `message` where it does not say.
    package var event = "message"
    /// Its data, lines separated by newlines.
    package var data = ""

    /// An event.
    package init(id: String? = nil, event: String = "message", data: String = "") { (self.id, self.event, self.data) = (id, event, data) }
}

/// Reads a stream of server-sent events, as they come in pieces.
package struct EventReader: Sendable {
    /// An event has more bytes than the limit.
    package struct TooLong: Error, Sendable {}

    private let limit: Int
    private var rest: [UInt8] = []
    private var event = ServerSentEvent()
    private var data: [String] = []
    private var size = 0
    private var isAtStart = true

    /// - Parameter limit: the most bytes of an event.
    package init(limit: Int) { self.limit = limit }

    /// Takes a piece, and answers the events that end in it.
    package mutating func take(_ piece: [UInt8]) throws(TooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        rest += piece
        var start = 0
        // A line ends with CR LF, LF or CR; a CR at the end of a piece waits for what follows.
        while let end = rest[start...].firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
            if rest[end] == 0x0D, end + 1 == rest.count { break }
            let line = rest[start..<end]
            start = rest[end] == 0x0D && rest[end + 1] == 0x0A ? end + 2 : end + 1
            size += line.count
            if size > limit { throw TooLong() }
            if let event = take(line: line) { events.append(event) }
        }
        rest.removeFirst(start)
        if size + rest.count > limit { throw TooLong() }
        return events
    }

    /// Takes a line, and answers the event that it ends.
    private mutating func take(line: ArraySlice<UInt8>) -> ServerSentEvent? {
        if line.isEmpty { return dispatch() }
        // A byte order mark may begin the stream.
        let line = isAtStart && line.starts(with: [0xEF, 0xBB, 0xBF]) ? line.dropFirst(3) : line
        isAtStart = false
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == 0x20 { value = value.dropFirst() }
        let text = String(decoding: value, as: UTF8.self)
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data": data.append(text)
        case "event": event.event = text.isEmpty ? "message" : text
        case "id" where !value.contains(0): event.id = text
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        var ended = event
        ended.data = data.joined(separator: "\n")
        // The number stays for the next event.
        event = ServerSentEvent(id: event.id)
        size = 0
        defer { data = [] }
        return data.isEmpty ? nil : ended
    }
}

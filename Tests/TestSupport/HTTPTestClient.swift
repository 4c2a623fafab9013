import Glibc

/// A client of HTTP that sends what it is told, byte for byte.
package final class HTTPTestClient {
    /// What a server answers.
    package struct Response: Equatable {
        package var status = 0
        /// The fields, their names in small letters.
        package var headers: [String: String] = [:]
        package var body = ""
    }

    package let socket: LoopbackSocket
    private var buffer: [UInt8] = []
    package private(set) var isClosed = false

    package init(_ port: UInt16, source: UInt8 = 1) throws { socket = try .connected(to: port, source: source) }

    package func send(_ text: String) throws { try socket.send(text) }

    /// Sends a request and reads the response.
    package func ask(_ text: String) throws -> Response {
        try send(text)
        return try response(isHead: text.hasPrefix("HEAD"))
    }

    /// Sends GET for a path.
    package func get(_ path: String, _ fields: String = "") throws -> Response {
        try ask("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
    }

    /// Sends POST with text.
    package func post(_ path: String, _ body: String, type: String = "text/plain", _ fields: String = "") throws -> Response {
        let length = "Content-Length: \(body.utf8.count)\r\n"
        return try ask("POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(type)\r\n\(length)\(fields)\r\n\(body)")
    }

    /// Reads a response; one with 100 as well.
    package func response(isHead: Bool = false) throws -> Response {
        var response = try head()
        if isHead || response.status == 100 || response.status == 204 { return response }
        if let length = response.headers["content-length"].flatMap({ Int($0) }) {
            response.body = try bytes(length)
        } else {
            while let piece = try chunk() { response.body += piece }
        }
        return response
    }

    /// Reads the head of a response.
    package func head() throws -> Response {
        let lines = try text(through: "\r\n\r\n").split(separator: "\r\n")
        var response = Response()
        response.status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ": ", maxSplits: 1)
            response.headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1]) : ""
        }
        return response
    }

    /// Reads a chunk of a body; nil at the last.
    package func chunk() throws -> String? {
        let size = Int(try text(through: "\r\n").dropLast(), radix: 16) ?? 0
        let piece = try bytes(size)
        _ = try bytes(2)
        return size == 0 ? nil : piece
    }

    /// Reads events until one is the last.
    package func events(until isLast: (String) -> Bool) throws -> [String] {
        var events: [String] = []
        while true {
            while let end = rest.range(of: "\n\n") {
                events.append(String(rest[..<end.lowerBound]))
                rest = String(rest[end.upperBound...])
                if let last = events.last, isLast(last) { return events }
            }
            guard let piece = try chunk() else { throw Failure("the stream has ended behind \(events.suffix(3))") }
            rest += piece
        }
    }

    /// The beginning of the next event.
    private var rest = ""

    /// Sends a byte again and again until the server closes the connection.
    ///
    /// - Parameter milliseconds: the time between two of them.
    package func trickle(_ byte: String, each milliseconds: Int32 = 20) throws {
        let deadline = Deadline(seconds: 60)
        while !isClosed {
            if deadline.isOver { throw Failure("the server does not close the connection") }
            do { try send(byte) } catch { isClosed = true }
            var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, milliseconds) > 0 { _ = try? more() }
        }
    }

    /// What is sent until the server closes the connection.
    package func untilClosed() throws -> String {
        while !isClosed { try more() }
        defer { buffer = [] }
        return String(decoding: buffer, as: UTF8.self)
    }

    private func more() throws {
        do {
            let bytes = try socket.receive()
            isClosed = bytes.isEmpty
            buffer += bytes
        } catch {
            if errno != ECONNRESET { throw error }
            isClosed = true
        }
    }

    private func bytes(_ count: Int) throws -> String {
        while buffer.count < count {
            if isClosed { throw Failure("the connection was closed behind \(String(decoding: buffer, as: UTF8.self))") }
            try more()
        }
        defer { buffer.removeFirst(count) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private func text(through end: String) throws -> String {
        var from = 0
        while true {
            if let found = buffer[from...].firstRange(of: end.utf8) { return try bytes(found.upperBound) }
            from = max(0, buffer.count - end.utf8.count)
            if isClosed { throw Failure("the connection was closed behind '\(String(decoding: buffer, as: UTF8.self))'") }
            try more()
        }
    }
}

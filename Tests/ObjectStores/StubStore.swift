import Glibc
import HostSystem
import Synchronization
import TestSupport

/// A small HTTP server that answers as it is told, and notes what it is asked.
package final class StubStore: Sendable {
    /// What it does with a request.
    package enum Behaviour: Sendable {
        /// Takes the request in and answers with this status.
        case answer(Int, String = "")
        /// Takes the request in, answers with this status and closes without having said so.
        case abandon(Int)
        /// Takes the request in and closes without an answer.
        case close
        /// Takes the request in and never answers.
        case silence
        /// Reads the header, answers with this status and closes.
        case refuse(Int)
        /// Reads nothing more once it has the header.
        case stall
        /// Answers with a byte of a body at a time, for ever.
        case trickle
        /// Answers what is not HTTP.
        case nonsense
    }

    package struct Request: Sendable {
        package let method: String
        package let path: String
        /// By lower-case name.
        package let headers: [String: String]
        package let body: [UInt8]
    }

    /// Where it listens.
    package let port: UInt16
    private let listener: LoopbackSocket
    private let behaviour: @Sendable (String) -> Behaviour
    private let noted = Mutex<[Request]>([])
    private let open = Mutex<Set<Int32>?>([])

    /// A server that behaves so to a request for a path.
    package init(_ behaviour: @escaping @Sendable (_ path: String) -> Behaviour) throws {
        self.behaviour = behaviour
        listener = try LoopbackSocket.bound(listens: true)
        port = listener.port
    }

    /// What came so far.
    package var requests: [Request] { noted.withLock { $0 } }

    /// Its address, as an account of Swift's has one.
    package var endpoint: String { "http://127.0.0.1:\(port)/v1/AUTH_test" }

    /// The requests for logs.
    package var objects: [Request] { requests.filter { $0.path.hasSuffix(".log.gz") } }

    /// Serves while the body runs. Once: nobody is served afterwards.
    package func serving<Result>(_ body: () async throws -> Result) async throws -> Result {
        try start()
        defer { stop() }
        return try await body()
    }

    /// Serves while the body runs, which blocks the thread. Once: nobody is served afterwards.
    package func blockingServing<Result>(_ body: () throws -> Result) throws -> Result {
        try start()
        defer { stop() }
        return try body()
    }

    private func start() throws {
        guard startThread({ self.accept() }) else { throw Failure("no thread to spare") }
    }

    private func stop() {
        listener.shut()
        open.withLock { sockets in
            sockets?.forEach { _ = shutdown($0, Int32(SHUT_RDWR)) }
            sockets = nil
        }
    }

    private func accept() {
        while true {
            let socket = Glibc.accept(listener.descriptor, nil, nil)
            if socket < 0 { return }
            let isOpen = open.withLock { $0?.insert(socket).inserted ?? false }
            if !isOpen || !startThread({ self.serve(socket) }) { close(socket) }
        }
    }

    private func serve(_ socket: Int32) {
        defer {
            open.withLock { _ = $0?.remove(socket) }
            close(socket)
        }
        var input: [UInt8] = []
        while let request = head(socket, &input) {
            let behaviour = behaviour(request.path)
            switch behaviour {
            case .refuse(let status):
                note(request, [])
                say(socket, "HTTP/1.1 \(status) No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            case .stall:
                note(request, [])
                return waitForEnd(socket)
            default: break
            }
            if request.headers["expect"] != nil { say(socket, "HTTP/1.1 100 Continue\r\n\r\n") }
            let length = request.headers["content-length"].flatMap { Int($0) } ?? 0
            while input.count < length, receive(socket, &input) {}
            note(request, Array(input.prefix(length)))
            input.removeFirst(min(length, input.count))
            if !answer(socket, behaviour) { return }
        }
    }

    /// Answers; false where the connection is over then.
    private func answer(_ socket: Int32, _ behaviour: Behaviour) -> Bool {
        switch behaviour {
        case .answer(let status, let headers):
            say(socket, "HTTP/1.1 \(status) So\r\n\(headers)Content-Length: 2\r\n\r\nok")
            return true
        case .abandon(let status): say(socket, "HTTP/1.1 \(status) So\r\nContent-Length: 0\r\n\r\n")
        case .silence: waitForEnd(socket)
        case .nonsense: say(socket, "SSH-2.0-OpenSSH_9.2\r\n")
        case .trickle:
            say(socket, "HTTP/1.1 201 Created\r\nContent-Length: 1000000\r\n\r\n")
            while poll([socket: POLLIN], until: Deadline(in: .milliseconds(20)))[0] == 0, say(socket, "x") {}
        case .close, .refuse, .stall: break
        }
        return false
    }

    private func note(_ request: Request, _ body: [UInt8]) {
        noted.withLock {
            $0.append(Request(method: request.method, path: request.path, headers: request.headers, body: body))
        }
    }

    private func head(_ socket: Int32, _ input: inout [UInt8]) -> Request? {
        while true {
            let text = String(decoding: input, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                input.removeFirst(text[..<end.upperBound].utf8.count)
                var lines = text[..<end.lowerBound].split(separator: "\r\n")
                let first = lines.removeFirst().split(separator: " ")
                let headers = lines.map { line in line.split(separator: ":", maxSplits: 1).map { String($0.trimmingPrefix(" ")) } }
                return Request(
                    method: String(first[0]), path: String(first[1]),
                    headers: Dictionary(headers.map { ($0[0].lowercased(), $0[1]) }) { $0 + ", " + $1 }, body: [])
            }
            if !receive(socket, &input) { return nil }
        }
    }

    private func receive(_ socket: Int32, _ input: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &buffer, buffer.count, 0)
        if count > 0 { input += buffer[..<count] }
        return count > 0
    }

    @discardableResult private func say(_ socket: Int32, _ text: String) -> Bool {
        send(socket, text, text.utf8.count, Int32(MSG_NOSIGNAL)) >= 0
    }

    private func waitForEnd(_ socket: Int32) {
        var descriptor = pollfd(fd: socket, events: 0, revents: 0)
        poll(&descriptor, 1, 60_000)
    }
}

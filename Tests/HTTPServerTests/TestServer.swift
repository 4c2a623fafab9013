import Foundation
import HTTPServer
import Synchronization
import TestSupport

/// The client that tests of this room use.
typealias Client = HTTPTestClient

/// A running server with some routes. It ends with this value.
final class TestServer: Sendable {
    let server: HTTPServer
    let port: UInt16
    /// The Unix socket.
    let path: String
    /// The requests that reached a handler, as `METHOD path`.
    let handled: Record<String>
    /// What requests wait for.
    let waiting: Record<HTTPReply>
    let records: Record<HTTPRecord>
    let stream: EventStream
    private let folder: TemporaryFolder
    /// The parts of an answer, some longer than what is sent at a time, and some with nothing in them.
    static let parts = [0, 1, 65_536, 0, 65_537, 200_000, 7, 0].enumerated().map { [UInt8](repeating: 0x61 + UInt8($0), count: $1) }

    init(
        limits: HTTPLimits = HTTPLimits(), stream: EventStream = EventStream(),
        admit: (@Sendable (HTTPRequest) -> HTTPAdmission)? = nil, listener change: (inout TCPListener) -> Void = { _ in }
    ) throws {
        let (handled, waiting, records) = (Record<String>(), Record<HTTPReply>(), Record<HTTPRecord>())
        var routes = HTTPRoutes()
        let echo: HTTPRoutes.Handler = { request in
            handled.add("\(request.method.rawValue) \(request.path)")
            return HTTPResponse(type: "text/plain", request.body)
        }
        routes.add(.get, "/things/{id}/parts/{part}") { request in
            handled.add("GET \(request.path)")
            let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            return HTTPResponse(
                type: "text/plain", "\(request.parameter("id") ?? "") \(request.parameter("part") ?? "") \(query) \(request.route)")
        }
        routes.add(.get, "/") { _ in
            handled.add("GET /")
            return HTTPResponse(type: "text/plain", "hello")
        }
        routes.add(.post, "/", echo)
        routes.add(.get, "/who") { HTTPResponse(type: "text/plain", "\($0.client)") }
        routes.add(.get, "/large") { _ in HTTPResponse(type: "text/plain", [UInt8](repeating: 0x61, count: 16 << 20)) }
        routes.add(.get, "/parts") { _ in HTTPResponse(type: "text/plain", TestServer.parts) }
        routes.add(.put, "/json", body: .init(type: "application/json", limit: 100), echo)
        routes.add(.get, "/later", late: { waiting.add($1) })
        routes.add(.post, "/later", late: { waiting.add($1) })
        routes.add(.get, "/elsewhere") { request, reply in
            Thread.detachNewThread { reply.send(HTTPResponse(type: "text/plain", "from elsewhere")) }
        }
        routes.add(.get, "/forgotten") { _, _ in }
        routes.add(.get, "/events") { .events(stream, for: $0) }
        server = HTTPServer(routes: routes, limits: limits, admit: admit, observe: { records.add($0) })
        folder = try TemporaryFolder()
        path = folder.file("api.sock")
        (self.handled, self.waiting, self.records, self.stream) = (handled, waiting, records, stream)
        var listener = TCPListener(address: "127.0.0.1", port: 0)
        listener.connectionsPerAddress = 0
        change(&listener)
        port = try server.listen(on: listener)
        try server.listen(on: UnixListener(path: path))
    }

    deinit {
        waiting.clear()
        server.finish(within: .zero)
        stream.end()
    }

    /// Runs curl over the Unix socket.
    func curl(_ arguments: String...) throws -> String {
        try runProgram("/usr/bin/curl", ["-sS", "--max-time", "60", "--unix-socket", path] + arguments)
    }
}

extension HTTPLimits {
    /// Limits of which one is short.
    static func short(_ limit: WritableKeyPath<HTTPLimits, Duration>, _ value: Duration = .milliseconds(200)) -> HTTPLimits {
        var limits = HTTPLimits()
        limits[keyPath: limit] = value
        return limits
    }
}

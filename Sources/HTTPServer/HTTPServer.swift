import HostSystem
import Synchronization

/// An HTTP/1.1 server over libmicrohttpd: strict about requests, with limits for all that a client chooses.
///
/// Each listener has a thread of its own, so that a flood on one does not keep another from its clients. Handlers run on that thread and must
/// not block; what takes time is answered later, from any thread.
package final class HTTPServer: Sendable {
    private let context: ServerContext
    private let listeners = Mutex<[Listener]>([])
    private let hasStarted = Atomic<Bool>(false)

    /// A server that does not listen yet.
    ///
    /// - Parameters:
    ///   - routes: the routing table.
    ///   - limits: the limits of sizes and times.
    ///   - admit: asked for each request that has a route, when its head is there and its body is not. One that may come in again is not asked
    ///     about when its client sends the same head next on the same connection. It must not block.
    ///   - observe: told of each request that is over. It must not block.
    package init(
        routes: HTTPRoutes, limits: HTTPLimits = HTTPLimits(), admit: (@Sendable (HTTPRequest) -> HTTPAdmission)? = nil,
        observe: (@Sendable (HTTPRecord) -> Void)? = nil
    ) {
        context = ServerContext(routes: routes, limits: limits, admit: admit, observe: observe, table: ConnectionTable(limits))
    }

    /// Listens on a Unix socket, and takes connections from now on.
    package func listen(on options: UnixListener) throws(HTTPServerError) {
        try start()
        let listener = try Listener(options, context)
        listeners.withLock { $0.append(listener) }
    }

    /// Listens on a TCP port, and takes connections from now on.
    ///
    /// - Returns: the port.
    @discardableResult package func listen(on options: TCPListener) throws(HTTPServerError) -> UInt16 {
        try start()
        let listener = try Listener(options, context)
        listeners.withLock { $0.append(listener) }
        return listener.port
    }

    private func start() throws(HTTPServerError) {
        if !hasStarted.exchange(true, ordering: .relaxed) { try context.table.start() }
    }

    /// How many connections there are now, on all listeners.
    package var connections: Int { context.table.count }

    /// Takes no more connections. Requests that wait, and those that still begin on connections that are there, are answered with 503, and event
    /// streams end.
    package func stopTaking() {
        for listener in listeners.withLock({ $0 }) { listener.stopTaking() }
        context.table.stop()
    }

    /// Ends the server: waits until clients have got their responses, then closes all connections and ends all threads.
    ///
    /// - Parameter limit: the longest time for clients.
    /// - Returns: false where a client was cut off.
    @discardableResult package func finish(within limit: Duration) -> Bool {
        stopTaking()
        let isDrained = context.table.drain(until: Deadline(in: limit))
        for listener in listeners.withLock({ listeners in exchange(&listeners, with: []) }) { listener.end() }
        context.table.finish()
        return isDrained
    }
}

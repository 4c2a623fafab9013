import CMicrohttpd
import Synchronization

/// A connection from when it is taken until it is closed.
final class Connection: Sendable {
    let listener: Listener
    /// The socket. It is closed behind the end of this connection in the table.
    let descriptor: Int32
    /// The tick at which the time of what it does now is over.
    private let deadline: Atomic<Int>
    private let exchange = Mutex<Exchange?>(nil)
    private let who = Mutex<HTTPClient?>(nil)
    private let last = Mutex<KnownRequest?>(nil)

    init(_ listener: Listener, descriptor: Int32) {
        self.listener = listener
        self.descriptor = descriptor
        deadline = Atomic(listener.context.table.tick(of: .request))
    }

    func setDeadline(_ wait: ConnectionTable.Wait) { deadline.store(listener.context.table.tick(of: wait), ordering: .relaxed) }

    /// The last request that was let in, where another of the same bytes is the same; nil where there was none.
    var known: KnownRequest? { last.withLock(\.self) }

    func remember(_ request: KnownRequest?) { last.withLock { $0 = request } }

    /// Its next request.
    func begin(_ new: Exchange) {
        setDeadline(.request)
        exchange.withLock { $0 = new }
        // It looks after the exchange is there to be found by whoever says so.
        if listener.context.table.begin() { new.stop() }
    }

    /// A request is over.
    func end(_ old: Exchange) {
        exchange.withLock { if $0 === old { $0 = nil } }
        setDeadline(.idle)
        listener.context.table.end()
    }

    /// Ends the request in hand in order.
    func stop() { exchange.withLock { $0 }?.stop() }

    /// Looks whether the time of what it does is over: a request that waits for its handler is answered then, anything else is closed.
    func expire(at tick: Int) {
        let due = deadline.load(ordering: .relaxed)
        let next = listener.context.table.tick(of: .response)
        guard due <= tick, deadline.compareExchange(expected: due, desired: next, ordering: .relaxed).exchanged else { return }
        if let exchange = exchange.withLock({ $0 }), exchange.isHandled {
            _ = exchange.complete(.problem(504, "there was no answer to this request in time"))
        } else {
            shutdown(descriptor, Int32(SHUT_RDWR))
        }
    }

    /// Who is at the other end.
    ///
    /// - Throws: 403 where it must have a certificate, and has none that is good.
    func client(_ handle: ConnectionHandle) throws(HTTPFault) -> HTTPClient {
        if let known = who.withLock({ $0 }) { return known }
        let found = try listener.client(handle, descriptor)
        who.withLock { $0 = found }
        return found
    }
}

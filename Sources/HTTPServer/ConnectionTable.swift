import HostSystem
import Synchronization

/// The connections of a server, and the thread that ends those whose time is over.
///
/// Time is counted in ticks, so that a request costs no look at a clock. A tick is an eighth of the shortest limit, and a quarter of a second
/// at most. It goes on only while there are connections.
final class ConnectionTable: Sendable {
    /// What a connection is waited for.
    enum Wait: Int, CaseIterable {
        case request, idle, handler, response
        /// An event stream.
        case none
    }

    private struct State {
        var connections: [ObjectIdentifier: Connection] = [:]
        var isStopping = false
        var isEnded = false
    }

    private let state = Mutex(State())
    private let isStopping = Atomic<Bool>(false)
    private let ticks = Atomic<Int>(0)
    private let requests = Atomic<Int>(0)
    private let limits: [Int]
    private let tickLength: Duration
    private let reaper = Waker()
    private let stopper = Waker()

    init(_ limits: HTTPLimits) {
        let waits = [limits.request, limits.idle, limits.handler, limits.response]
        let shortest = waits.reduce(.seconds(2), min)
        let length = max(shortest / 8, .milliseconds(1))
        tickLength = length
        // The tick in hand may be nearly over.
        self.limits = waits.map { Int(($0 / length).rounded(.up)) + 1 } + [.max / 2]
    }

    /// The tick at which a wait that begins now is over.
    func tick(of wait: Wait) -> Int { ticks.load(ordering: .relaxed) + limits[wait.rawValue] }

    /// Starts the thread.
    func start() throws(HTTPServerError) {
        if !startThread({ self.watch() }) { throw HTTPServerError("there is no thread for the time limits of connections") }
    }

    func add(_ connection: Connection) {
        let isFirst = state.withLock { state in
            state.connections[ObjectIdentifier(connection)] = connection
            return state.connections.count == 1
        }
        if isFirst { reaper.wake() }
    }

    /// A connection is closed. Its socket is not touched any more when this returns.
    func remove(_ connection: Connection) { state.withLock { $0.connections[ObjectIdentifier(connection)] = nil } }

    /// How many connections there are.
    var count: Int { state.withLock { $0.connections.count } }

    /// A request begins.
    ///
    /// - Returns: whether the server stops.
    func begin() -> Bool {
        requests.add(1, ordering: .sequentiallyConsistent)
        return isStopping.load(ordering: .sequentiallyConsistent)
    }

    /// A request is over.
    func end() {
        if requests.subtract(1, ordering: .sequentiallyConsistent).newValue == 0, isStopping.load(ordering: .sequentiallyConsistent) {
            stopper.wake()
        }
    }

    /// Ends all requests in order, and those that still begin.
    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        for connection in state.withLock({ Array($0.connections.values) }) { connection.stop() }
    }

    /// Waits until no request is in hand.
    ///
    /// - Returns: false where there are some at the end of that time.
    func drain(until deadline: Deadline) -> Bool {
        while requests.load(ordering: .sequentiallyConsistent) > 0 {
            if deadline.isOver { return false }
            _ = stopper.wait(until: deadline, watching: -1)
        }
        return true
    }

    /// Ends the thread.
    func finish() {
        state.withLock { $0.isEnded = true }
        reaper.wake()
    }

    private func watch() {
        var next = Deadline(in: tickLength)
        while true {
            let (isEnded, isEmpty) = state.withLock { ($0.isEnded, $0.connections.isEmpty) }
            if isEnded { return }
            _ = reaper.wait(until: isEmpty ? Deadline(in: .seconds(3600)) : next, watching: -1)
            guard next.isOver else { continue }
            next = Deadline(in: tickLength)
            let now = ticks.add(1, ordering: .relaxed).newValue
            // Under the lock, so that no socket is closed, and its number another's, meanwhile.
            state.withLock { state in
                for connection in state.connections.values { connection.expire(at: now) }
            }
        }
    }
}

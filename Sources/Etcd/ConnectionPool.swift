import Dispatch
import HostSystem
import Synchronization

/// Connections that threads take for a request and give back. The one that was given back last is taken first.
final class ConnectionPool: Sendable {
    private let configuration: EtcdConfiguration
    private let free = Mutex<[Idle]>([])
    private let permits: DispatchSemaphore

    /// A connection that nobody uses. It is safe to hand it from thread to thread: one thread at a time has it.
    private struct Idle: @unchecked Sendable {
        let connection: Connection
    }

    init(_ configuration: EtcdConfiguration) {
        self.configuration = configuration
        permits = DispatchSemaphore(value: configuration.mostConnections)
    }

    /// Does something with a connection.
    ///
    /// - Throws: `timedOut` where none is free in time, `exhausted`, and what the body throws.
    func with<Value>(until deadline: Deadline, _ body: (Connection) throws(EtcdError) -> Value) throws(EtcdError) -> Value {
        guard permits.wait(timeout: .now() + deadline.rest.seconds) == .success else {
            throw EtcdError(.timedOut, "etcd: all \(configuration.mostConnections) connections are in use")
        }
        defer { permits.signal() }
        let idle: Idle
        if let last = free.withLock({ $0.popLast() }) { idle = last } else { idle = Idle(connection: try Connection(configuration)) }
        defer { free.withLock { $0.append(idle) } }
        return try body(idle.connection)
    }
}

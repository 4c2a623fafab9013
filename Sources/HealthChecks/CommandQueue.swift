import CLinux
import Glibc
import HostSystem
import Synchronization

/// What other threads want of the engine. It is woken where there is something new.
final class Orders: Sendable {
    /// What was ordered since it was looked at last.
    struct Taken {
        var changes: [HealthChecker.Change] = []
        var isStopped = false
    }

    private let waiting = Mutex(Taken())
    private let bell: Descriptor
    private let thread = Mutex<pthread_t?>(nil)
    /// How the engine keeps up.
    let statistics = Mutex(CheckStatistics())

    init() throws(HealthCheckError) {
        bell = Descriptor(owning: eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)))
        guard bell.number >= 0 else { throw HealthCheckError(.system, "cannot make an event descriptor", because: errno) }
    }

    /// Notes that this thread is the engine's.
    func begin() { thread.withLock { $0 = pthread_self() } }

    /// Whether this thread is the engine's.
    var isOwnThread: Bool { thread.withLock { $0 == pthread_self() } }

    /// Is ready to be read while there are orders.
    var descriptor: Int32 { bell.number }

    func add(_ changes: [HealthChecker.Change]) {
        waiting.withLock { $0.changes += changes }
        eventfd_write(bell.number, 1)
    }

    func stop() {
        waiting.withLock { $0.isStopped = true }
        eventfd_write(bell.number, 1)
    }

    /// Takes what was ordered.
    func take() -> Taken {
        var count: UInt64 = 0
        unsafe eventfd_read(bell.number, &count)
        return waiting.withLock { waiting in
            defer { waiting.changes = [] }
            return waiting
        }
    }
}

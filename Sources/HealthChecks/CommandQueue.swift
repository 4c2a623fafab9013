import CLinux
import Glibc
import HostSystem
import Synchronization

/// The commands of other threads to the engine, which is woken when there is a new one.
final class CommandQueue: Sendable {
    /// The commands since they were taken last.
    struct Commands {
        var changes: [HealthChecker.Change] = []
        var isStopped = false
    }

    private let waiting = Mutex(Commands())
    private let event: Descriptor
    private let thread = Mutex<pthread_t?>(nil)
    /// How the engine keeps up.
    let statistics = Mutex(CheckStatistics())

    init() throws(HealthCheckError) {
        event = Descriptor(owning: eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)))
        guard event.number >= 0 else { throw HealthCheckError(.system, "cannot make an event descriptor", because: errno) }
    }

    /// Notes that this thread is the engine's.
    func begin() { thread.withLock { $0 = pthread_self() } }

    /// Whether this thread is the engine's.
    var isOwnThread: Bool { thread.withLock { $0 == pthread_self() } }

    /// Ready to be read while there are commands.
    var descriptor: Int32 { event.number }

    func add(_ changes: [HealthChecker.Change]) {
        waiting.withLock { $0.changes += changes }
        wake()
    }

    /// Wakes the engine.
    func wake() { eventfd_write(event.number, 1) }

    func stop() {
        waiting.withLock { $0.isStopped = true }
        wake()
    }

    /// Takes the commands.
    func take() -> Commands {
        var count: UInt64 = 0
        unsafe eventfd_read(event.number, &count)
        return waiting.withLock { waiting in
            defer { waiting.changes = [] }
            return waiting
        }
    }
}

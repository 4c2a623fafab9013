import Dispatch
import HostSystem

/// A lock that is waited for until a deadline.
final class TimedLock: Sendable {
    private let semaphore = DispatchSemaphore(value: 1)

    /// Takes it; false where somebody else has it until then.
    func lock(until deadline: Deadline) -> Bool { semaphore.wait(timeout: .now() + deadline.rest.seconds) == .success }

    /// Gives it back.
    func unlock() { semaphore.signal() }
}

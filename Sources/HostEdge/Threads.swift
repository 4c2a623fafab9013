import Dispatch
import HostSystem
import Synchronization

/// Who waits for the end of a thread.
struct DispatchGroupBox: Sendable {
    private let group = DispatchGroup()

    func enter() { group.enter() }
    func leave() { group.leave() }
    /// Waits; false where it has not ended in that time.
    func wait(_ limit: Duration) -> Bool { group.wait(timeout: .now() + limit.seconds) == .success }
}

/// Something that is true once it was set.
final class AtomicFlag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}

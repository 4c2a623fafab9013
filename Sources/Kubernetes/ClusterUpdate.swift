import Dispatch
import HostSystem
import Synchronization

/// What a source of objects tells.
package enum ClusterUpdate: Hashable, Sendable {
    /// These changed, in order. All of a kind come first, by `replace`.
    case changes([ObjectChange])
    /// What is wrong with a part of the source, such as `services` or a file; nil: nothing is any more. What was told before stays true.
    case trouble(about: String, String?)
}

/// A thread that tells updates until it is cancelled or released.
package final class ClusterSource: Sendable {
    /// What the thread sees of it.
    final class Control: Sendable {
        private let isOver = Atomic(false)
        private let wake: @Sendable () -> Void

        fileprivate init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

        /// Whether the thread is to end.
        var isCancelled: Bool { isOver.load(ordering: .acquiring) }

        fileprivate func cancel() {
            isOver.store(true, ordering: .releasing)
            wake()
        }
    }

    private let control: Control
    private let running = DispatchGroup()

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - wake: ends a wait of the thread, the present one or the next. Any thread may call it.
    ///   - body: what the thread does until it is cancelled.
    init(wake: @escaping @Sendable () -> Void, _ body: @escaping @Sendable (Control) -> Void) throws(KubernetesError) {
        let control = Control(wake: wake)
        self.control = control
        let running = running
        running.enter()
        let isStarted = startThread {
            body(control)
            running.leave()
        }
        if !isStarted {
            running.leave()
            throw KubernetesError(.exhausted, "the system has no thread to spare for Kubernetes")
        }
    }

    deinit { control.cancel() }

    /// Ends it. A call of the receiver that is under way goes on.
    package func cancel() { control.cancel() }

    /// Waits until the thread has ended after `cancel`: nothing is told any more then. Not to be called by the receiver.
    ///
    /// - Returns: false where it had not ended in that time.
    package func join(within limit: Duration) -> Bool { running.wait(timeout: .now() + limit.seconds) == .success }
}

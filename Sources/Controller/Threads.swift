import HostSystem

/// How threads are started and wait for each other. A simulation lets them run one at a time, in an order of its own.
package struct Threads: Sendable {
    /// Starts a thread.
    ///
    /// - Returns: false where the system has none to spare.
    let start: @Sendable (@escaping @Sendable () -> Void) -> Bool
    /// Lets other threads go on, for one that tries again until it needs to wait no more; nil where a thread that waits is suspended.
    let pause: (@Sendable () -> Void)?

    /// The threads of the system.
    package static let system = Threads(start: { startThread($0) }, pause: nil)
}

/// A part of a daemon that runs: it is started, stops taking work, and finishes what it has in hand.
///
/// A daemon has one list of them. It starts them in order, on one thread, and stops them in reverse.
package protocol DaemonService: Sendable {
    /// What the log calls it.
    var name: String { get }

    /// How much of the time for stopping is kept for it, whatever those that stop before it need.
    var stopTime: Duration { get }

    /// Starts it. Those before it in the list run.
    func start() throws(StartupFailure)

    /// Takes no more work, without waiting for what is in hand.
    func stopTaking()

    /// Finishes what is in hand, and ends. It may block longer than that; then it is not waited for.
    ///
    /// - Parameter limit: the longest that it may take.
    /// - Returns: false where something was left undone, which is in the log.
    func finish(within limit: Duration) -> Bool
}

extension DaemonService {
    package var stopTime: Duration { .zero }
    package func stopTaking() {}
    package func finish(within limit: Duration) -> Bool { true }
}

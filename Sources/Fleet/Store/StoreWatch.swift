/// A watch of keys, which ends when it is cancelled or released.
package final class StoreWatch: Sendable {
    private let end: @Sendable () -> Void
    private let wait: @Sendable (Duration) -> Bool

    /// - Parameters:
    ///   - end: ends it, as often as it is called.
    ///   - wait: waits for the end of an update that is told meanwhile; false where it took longer.
    init(end: @escaping @Sendable () -> Void, wait: @escaping @Sendable (Duration) -> Bool) { (self.end, self.wait) = (end, wait) }

    deinit { end() }

    /// Ends it. An update that is being told goes on.
    package func cancel() { end() }

    /// Waits until a cancelled watch tells nothing any more. Not to be called by whoever is told.
    ///
    /// - Returns: false where it took longer.
    package func join(within limit: Duration) -> Bool { wait(limit) }
}

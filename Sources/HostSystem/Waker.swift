import Glibc

/// Wakes a thread that waits for a descriptor.
///
/// Where the system had no pipe for it, the thread looks around ten times a second instead.
package final class Waker: Sendable {
    private let pipe = Pipe(O_NONBLOCK)

    package init() {}

    /// Wakes the thread, or keeps it from its next wait.
    package func wake() {
        var byte: UInt8 = 0
        _ = unsafe write(pipe.writing.number, &byte, 1)
    }

    /// Waits until it is woken, something happens to a descriptor, or a time has come.
    ///
    /// - Parameter events: what may happen to the descriptor, besides errors.
    /// - Returns: what happened to the descriptor, as in poll(2).
    package func wait(until deadline: Deadline, watching descriptor: Int32, for events: Int32 = 0) -> Int32 {
        let soonest = pipe.reading.number < 0 ? Deadline(in: min(deadline.rest, .milliseconds(100))) : deadline
        let happened = poll([pipe.reading.number: POLLIN, descriptor: events], until: soonest)
        if happened[0] != 0 {
            var bytes = [UInt8](repeating: 0, count: 256)
            while case .bytes = pipe.reading.read(into: &bytes) {}
        }
        return happened[1]
    }
}

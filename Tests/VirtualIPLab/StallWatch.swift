import Foundation
import Glibc
import HostSystem
import Synchronization

/// Finds the times in which this machine stood still: a virtual machine is stopped by its host now and then, and with it all hosts of the lab,
/// etcd and the client.
///
/// A thread that goes before all others sleeps for 10 ms again and again. Where it comes back much later, nobody had a processor.
final class StallWatch: Sendable {
    private static let pause: UInt32 = 10_000
    private static let tolerance = Duration.milliseconds(200)

    private let isOver = Mutex(false)
    private let running = DispatchGroup()

    /// - Parameter note: takes from when to when it stood still, by `Clock.bootTime()`.
    init(_ note: @escaping @Sendable (ClosedRange<Duration>) -> Void) {
        running.enter()
        Thread.detachNewThread { [self] in
            var first = sched_param()
            first.sched_priority = 1
            pthread_setschedparam(pthread_self(), SCHED_FIFO, &first)
            var last = Clock.bootTime()
            while !isOver.withLock(\.self) {
                usleep(Self.pause)
                let now = Clock.bootTime()
                if now - last > Self.tolerance { note(last...now) }
                last = now
            }
            running.leave()
        }
    }

    /// Ends, behind the last note.
    func end() {
        isOver.withLock { $0 = true }
        running.wait()
    }
}

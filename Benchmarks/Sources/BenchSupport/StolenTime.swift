import Foundation
import Synchronization
import support

/// Finds the moments at which this machine's processors did not run: a virtual machine is stopped by its host now and then, and what is measured
/// meanwhile says nothing about a program.
///
/// On each processor a thread that goes before all others sleeps for half a millisecond again and again. Where it comes back much later, nobody
/// in this machine had the processor.
package final class StolenTime: Sendable {
    /// The longest that a thread may come late, in nanoseconds.
    private static let tolerance = 1e6
    private static let pause: UInt32 = 500

    private let gaps = Mutex<[ClosedRange<Double>]>([])
    private let isOver = Mutex(false)
    private let running = DispatchGroup()

    /// Begins to watch.
    ///
    /// - Throws: where this user may not have a thread go before all others.
    package init() throws {
        for processor in 0..<sysconf(Int32(_SC_NPROCESSORS_ONLN)) {
            let started = DispatchSemaphore(value: 0)
            let mayGoFirst = Mutex(false)
            running.enter()
            Thread.detachNewThread { [self] in
                mayGoFirst.withLock { $0 = go_first(Int32(processor)) }
                started.signal()
                watch()
                running.leave()
            }
            started.wait()
            guard mayGoFirst.withLock(\.self) else {
                end()
                throw BenchFailure("a thread cannot have real-time priority: run this as root")
            }
        }
    }

    /// Ends.
    package func end() {
        isOver.withLock { $0 = true }
        running.wait()
    }

    /// Whether a processor did not run at some moment between two of `nanoseconds()`.
    package func affects(_ time: ClosedRange<Double>) -> Bool { gaps.withLock { $0.contains { $0.overlaps(time) } } }

    /// How long the processors did not run, in ms, each of them by itself.
    package var lengths: [Double] { gaps.withLock { $0.map { ($0.upperBound - $0.lowerBound) / 1e6 } } }

    private func watch() {
        var last = nanoseconds()
        while !isOver.withLock(\.self) {
            usleep(Self.pause)
            let now = nanoseconds()
            if now - last > Double(Self.pause) * 1000 + Self.tolerance { gaps.withLock { $0.append(last...now) } }
            last = now
        }
    }
}

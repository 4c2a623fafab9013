import Foundation
import Synchronization

/// Lets a worker run for 20 ms of each 200 ms, until `end`.
final class DutyCycle: Sendable {
    private let isOver = Mutex(false)

    init(_ host: LabHost) {
        Thread.detachNewThread { [self] in
            while !isOver.withLock(\.self) {
                try? host.freeze()
                usleep(180_000)
                try? host.thaw()
                usleep(20_000)
            }
        }
    }

    /// The worker goes on within 200 ms.
    func end() { isOver.withLock { $0 = true } }
}

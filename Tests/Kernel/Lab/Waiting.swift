import Foundation
import LBaaS
import Synchronization
import TestSupport

/// Asks again and again until the answer is yes.
func waitUntil(_ what: @autoclosure () -> String, within seconds: Double = 20, _ condition: () throws -> Bool) throws {
    let deadline = Deadline(seconds: seconds)
    while try !condition() {
        if deadline.isOver { throw Failure("waited \(seconds) s in vain: \(what())") }
        usleep(5000)
    }
}

/// What was logged, but for debugging.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    var log: Log {
        Log(threshold: .info) { [self] level, message, fields in
            let line = (["\(level) \(message)"] + fields.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
            lines.withLock { $0.append(line) }
        }
    }
}

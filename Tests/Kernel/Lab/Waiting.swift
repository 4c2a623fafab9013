import LBaaS
import Synchronization

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

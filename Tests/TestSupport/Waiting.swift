import Foundation

/// What was waited for did not come in time.
package struct Overdue: Error, CustomStringConvertible {
    let what: String
    let seconds: Double

    /// Both in words.
    package var description: String { "waited \(seconds) s in vain: \(what)" }
}

/// Asks again and again until the answer is yes.
///
/// - Parameter seconds: long by default, for a task that a test starts can wait for more than a minute: until most of a thousand tests, which
///   are all begun at once, had their turn on Swift's pool.
/// - Throws: `Overdue` where it is not in time; what the condition throws.
package func eventually(_ what: String, within seconds: Double = 300, _ condition: () async throws -> Bool) async throws {
    let deadline = Deadline(seconds: seconds)
    while true {
        // An answer can be long in coming back to a busy pool: it counts as one of the time when it was asked for.
        let isLast = deadline.isOver
        if try await condition() { return }
        if isLast { throw Overdue(what: what, seconds: seconds) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Asks again and again until the answer is yes, and blocks the thread meanwhile.
///
/// - Throws: `Overdue` where it is not in time; what the condition throws.
package func waitUntil(_ what: @autoclosure () -> String, within seconds: Double = 300, _ condition: () throws -> Bool) throws {
    let deadline = Deadline(seconds: seconds)
    while try !condition() {
        if deadline.isOver { throw Overdue(what: what(), seconds: seconds) }
        usleep(5000)
    }
}

/// Runs blocking code on a thread of its own, not on Swift's pool, which has only two here.
package func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}

import Foundation

/// What was waited for did not come in time.
package struct Overdue: Error, CustomStringConvertible {
    package let what: String
    package let seconds: Double

    package var description: String { "waited \(seconds) s in vain: \(what)" }
}

/// Asks again and again until the answer is yes.
///
/// - Throws: `Overdue` where it is not in time; what the condition throws.
package func eventually(_ what: String, within seconds: Double = 20, _ condition: () async throws -> Bool) async throws {
    let deadline = Deadline(seconds: seconds)
    while try await !condition() {
        if deadline.isOver { throw Overdue(what: what, seconds: seconds) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Runs blocking code on a thread of its own, not on Swift's pool, which has only two here.
package func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}

import Foundation
import Glibc

/// What was waited for did not come in time.
struct Overdue: Error, CustomStringConvertible {
    let what: String
    let seconds: Double

    var description: String { "waited \(seconds) s in vain: \(what)" }
}

/// A point in time by which something must have happened.
struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    init(seconds: Double) { instant = .now + .seconds(seconds) }

    var isOver: Bool { ContinuousClock.now >= instant }
}

/// Asks again and again until the answer is yes.
///
/// - Throws: `Overdue` where it is not in time; what the condition throws.
func eventually(_ what: String, within seconds: Double = 20, _ condition: () async throws -> Bool) async throws {
    let deadline = Deadline(seconds: seconds)
    while try await !condition() {
        if deadline.isOver { throw Overdue(what: what, seconds: seconds) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Runs blocking code on a thread of its own, not on Swift's pool, which has only two here.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}

/// Why a system call did not work.
func systemError(_ what: String, _ code: Int32 = errno) -> Failure { Failure("\(what): \(String(cString: strerror(code)))") }

/// Something that the tests need does not work.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

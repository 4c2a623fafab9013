import Dispatch
import Foundation
import LBaaS
import Synchronization
import TestSupport

/// A client that connects to a service again and again, from a thread of its own, and keeps count of what becomes of it.
final class Load: Sendable {
    /// What became of the connections so far.
    struct Tally {
        /// How many were served, by the name of the server.
        var served: [String: Int] = [:]
        /// Why the others were not.
        var failures: [String] = []

        /// How many there were.
        var count: Int { served.values.reduce(failures.count, +) }
    }

    private let state = Mutex(Tally())
    private let isOver = Atomic<Bool>(false)
    private let end = DispatchSemaphore(value: 0)

    /// Begins to connect to a port of the virtual address, from a port of its own each time.
    init(from client: Namespace, to port: UInt16 = 80) {
        Thread.detachNewThread { [self] in
            try? client.run {
                var source: UInt16 = 20_000
                while !isOver.load(ordering: .relaxed), source < .max {
                    source += 1
                    let result = Result {
                        let connection = try Connection(.tcp, to: try Lab.virtualAddress(.v4), port: port, from: source, within: 60)
                        // Something must have gone to and fro, not only a greeting.
                        return try connection.ask()
                    }
                    state.withLock { tally in
                        switch result {
                        case .success(let name): tally.served[name, default: 0] += 1
                        case .failure(let error): tally.failures.append("from \(source): \(error)")
                        }
                    }
                }
            }
            end.signal()
        }
    }

    /// What became of the connections so far.
    var tally: Tally { state.withLock { $0 } }

    /// Waits until so many more connections were made.
    func goesOn(for count: Int) async throws {
        let goal = tally.count + count
        try await eventually("\(count) more connections") { tally.count >= goal }
    }

    /// Ends, and waits for it.
    func stop() async throws -> Tally {
        isOver.store(true, ordering: .relaxed)
        try await onThread { self.end.wait() }
        return tally
    }
}

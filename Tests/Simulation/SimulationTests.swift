import Foundation
import Testing

/// The whole core with random requests of all sources, facts, failures and crashes: see scripts/simulate. `LBAAS_SEED` is the first seed,
/// `LBAAS_SEEDS` how many follow.
@Suite struct SimulationTests {
    /// The seeds are run in as many parts, at the same time.
    private static let parts: UInt64 = 4

    @Test("Whatever comes together, goes wrong or crashes: what runs, is told, durable and answered agree", arguments: 0..<parts)
    func seeds(part: UInt64) throws {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["LBAAS_SEED"].flatMap(UInt64.init) ?? 1
        let count = environment["LBAAS_SEEDS"].flatMap(UInt64.init) ?? 10_000
        var failures = 0
        for seed in stride(from: first + part, to: first + count, by: UInt64.Stride(Self.parts)) where failures < 3 {
            let simulation = try Simulation(seed: seed)
            let violations = try simulation.run(steps: 20)
            if violations.isEmpty { continue }
            failures += 1
            Issue.record(
                "seed \(seed): \(violations.joined(separator: "; "))\n\(([simulation.trace[0]] + simulation.trace.suffix(40)).joined(separator: "\n"))"
            )
        }
    }
}

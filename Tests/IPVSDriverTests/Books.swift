import IPVSDriver
import LBaaS
import Testing

/// What METRICS makes of readings, told as simply as can be.
private struct Account {
    private var bytes: [UInt64: UInt64] = [:]
    private(set) var reported: UInt64 = 0

    mutating func take(_ outcomes: [GroupOutcome], of id: LoadBalancerID, isNew: Bool) {
        for outcome in outcomes {
            for counter in outcome.ended[id] ?? [] where !isNew {
                reported += counter.bytesOut - (bytes.removeValue(forKey: counter.run) ?? 0)
            }
            for counter in outcome.began[id] ?? [] { bytes[counter.run] = counter.bytesOut }
        }
    }

    mutating func take(_ counters: [TrafficCounter]) {
        #expect(Set(counters.map(\.run)).count == counters.count, "a run twice: \(counters)")
        for counter in counters { reported += counter.bytesOut - (bytes[counter.run] ?? 0) }
        bytes = Dictionary(uniqueKeysWithValues: counters.map { ($0.run, $0.bytesOut) })
    }
}

/// A driver and the accounts of its load balancers.
final class Books {
    let bench: Bench
    private var accounts: [LoadBalancerID: Account] = [:]

    init(_ balancers: LoadBalancer...) throws { bench = try Bench(running: balancers) }

    @discardableResult
    func apply(_ steps: Patch<LoadBalancer>...) -> Bool { apply(steps) }

    /// Takes steps with which the accounts of some load balancers are closed, and those of others opened: what counted before is not theirs.
    func apply(_ steps: [Patch<LoadBalancer>], closing: Set<LoadBalancerID> = [], beginning: Set<LoadBalancerID> = []) -> Bool {
        let outcomes = bench.outcomes(steps)
        for id in beginning { accounts[id] = Account() }
        for id in Set(outcomes.flatMap { Array($0.ended.keys) + Array($0.began.keys) }).subtracting(closing) {
            accounts[id, default: Account()].take(outcomes, of: id, isNew: beginning.contains(id))
        }
        return outcomes.allSatisfy { $0.failure == nil }
    }

    /// Observes, and puts right what is altered.
    func repair(_ expected: LoadBalancer...) throws { #expect(apply(try bench.repairs(expected))) }

    /// Reads the counters; all that is reported of a load balancer so far.
    func total(_ id: LoadBalancerID = "a") throws -> UInt64 {
        if let counters = try bench.driver.statistics(of: [id])[id] { accounts[id, default: Account()].take(counters) }
        return accounts[id]?.reported ?? 0
    }

    func send(_ bytes: UInt64, through balancer: LoadBalancer) { bench.kernel.send(bytes, through: balancer.key) }
}

import LBaaS
import Requests
import TestSupport
import Testing

@testable import Controller

@Suite("A change that is made for a revision")
struct ExpectedRevisionTests {
    private let bench: Bench

    init() throws { bench = try Bench() }

    private func suspend(_ ids: LoadBalancerID..., expecting revision: UInt64) -> Job {
        .commit(.change(.suspend(.named(ids)), ChangeOptions(expectedRevision: revision)))
    }

    private func code(_ outcome: Outcome) -> Refusal.Code? {
        if case .refused(let refusal) = outcome { refusal.code } else { nil }
    }

    @Test("is made where what it names was not changed since, whatever else was")
    func unchanged() throws {
        #expect(bench.pipeline.run(.create(balancer("a", 1))).isChanged)
        let revision = bench.pipeline.revision
        #expect(bench.pipeline.run(.create(balancer("b", 2))).isChanged)
        #expect(bench.pipeline.run(suspend("a", expecting: revision)).isChanged)
        // It is another one now.
        let refused = bench.pipeline.run(suspend("a", "b", expecting: revision + 1))
        #expect(code(refused) == .precondition)
        #expect(refused.failure?.hasPrefix("loadBalancers[0]: 'a' is not as it was at revision \(revision + 1)") == true)
        #expect(code(bench.pipeline.run(.plan(.delete(ids("a")), ChangeOptions(expectedRevision: revision)))) == .precondition)
    }

    @Test("has a plan at the revision of the last change")
    func planned() throws {
        #expect(bench.pipeline.run(.create(balancer("a", 1))).isChanged)
        for _ in 0..<2 {
            let outcome = bench.pipeline.run(.plan(.delete(ids("a")), ChangeOptions(expectedRevision: bench.pipeline.revision)))
            guard case .planned(let steps) = outcome else { throw Failure("\(outcome)") }
            #expect(!steps.isEmpty)
            #expect(bench.pipeline.run(suspend("a", expecting: bench.pipeline.revision)).isChanged)
        }
    }

    @Test("is refused where what it names is not there, or the revision is not reached yet")
    func missing() throws {
        #expect(bench.pipeline.run(.create(balancer("a", 1))).isChanged)
        #expect(code(bench.pipeline.run(suspend("b", expecting: bench.pipeline.revision))) == .precondition)
        #expect(code(bench.pipeline.run(suspend("a", expecting: bench.pipeline.revision + 1))) == .precondition)
        #expect(bench.pipeline.run(.delete(ids("a"))).isChanged)
        #expect(code(bench.pipeline.run(suspend("a", expecting: bench.pipeline.revision))) == .precondition)
    }

    @Test("is made for one of two writers that come at once")
    func twoWriters() throws {
        #expect(bench.pipeline.run(.create(balancer("a", 1), balancer("b", 2))).isChanged)
        let revision = bench.pipeline.revision
        let outcomes = try #require(
            bench.together(.create(balancer("c", 3)), [suspend("a", expecting: revision), suspend("a", expecting: revision)]))
        #expect(outcomes.map(\.isChanged).sorted { $0 && !$1 } == [true, true, false])
        #expect(outcomes.compactMap(code) == [.precondition])
    }

    @Test("is made behind a restart where nothing has changed since")
    func restart() throws {
        #expect(bench.pipeline.run(.create(balancer("a", 1))).isChanged)
        let revision = bench.pipeline.revision
        try bench.restart()
        #expect(bench.pipeline.run(suspend("a", expecting: revision)).isChanged)
        #expect(code(bench.pipeline.run(suspend("a", expecting: revision))) == .precondition)
    }
}

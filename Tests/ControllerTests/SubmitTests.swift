import Dispatch
import LBaaS
import Requests
import Synchronization
import Testing

@testable import Controller

@Suite("A request that no thread waits for")
struct SubmitTests {
    private let bench: Bench

    init() throws { bench = try Bench() }

    /// Submits requests, and waits for their outcomes.
    private func submit(_ requests: [Request], within limit: Duration = .seconds(60)) -> [Outcome] {
        let outcomes = Mutex<[Int: Outcome]>([:])
        let group = DispatchGroup()
        for (place, request) in requests.enumerated() {
            group.enter()
            bench.runner.submit(request, from: Origin(.jobs, name: "api:me"), within: limit) { outcome in
                outcomes.withLock { $0[place] = outcome }
                group.leave()
            }
        }
        group.wait()
        return outcomes.withLock { outcomes in requests.indices.compactMap { outcomes[$0] } }
    }

    private func create(_ id: String, _ port: UInt16) -> Request {
        .change(.create([balancer(id, port)]), ChangeOptions(isDryRun: false, isForced: false))
    }

    @Test("is done, durable, and told")
    func done() throws {
        let outcomes = submit((1...20).map { create("\($0)", UInt16($0)) } + [create("again", 1)])
        #expect(outcomes.count { $0.isChanged } == 20)
        #expect(outcomes.last?.failure?.contains("listens already") == true || outcomes[0].failure != nil)
        #expect(try bench.committed.count == 20)
        let committed = try bench.committed
        #expect(try bench.durable == committed)
    }

    @Test("is refused where it was not begun in time, and changes nothing")
    func late() throws {
        let gate = bench.driver.hold()
        let crowd = Crowd()
        crowd.run([.create(balancer("first", 1))], on: bench.pipeline)
        gate.waitForArrival()
        let outcome = Mutex<Outcome?>(nil)
        let done = DispatchSemaphore(value: 0)
        bench.runner.submit(create("late", 2), from: .jobs, within: .seconds(5)) { told in
            outcome.withLock { $0 = told }
            done.signal()
        }
        bench.clock.advance(seconds: 6)
        gate.open()
        done.wait()
        guard case .refused(let refusal)? = outcome.withLock({ $0 }) else {
            Issue.record("it is done")
            return
        }
        #expect(refusal.code == .expired)
        _ = crowd.outcomes()
        #expect(try bench.holds(["first"]))
    }

    @Test("is read and answered while a change is under way")
    func reports() throws {
        #expect(bench.pipeline.commit(.create([balancer("a", 1)])).isChanged)
        let gate = bench.driver.hold()
        let crowd = Crowd()
        crowd.run([.create(balancer("first", 2))], on: bench.pipeline)
        gate.waitForArrival()
        let outcomes = submit([.status(ids("a")), .discover, .status(ids("first"))])
        if case .status(let told, _) = outcomes[0] { #expect(told.map(\.id) == ["a"]) } else { Issue.record("\(outcomes[0])") }
        #expect(outcomes[2].failure?.contains("'first'") == true)
        gate.open()
        _ = crowd.outcomes()
    }
}

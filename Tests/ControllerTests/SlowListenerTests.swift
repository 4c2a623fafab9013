import Dispatch
import Foundation
import LBaaS
import Testing

@testable import Controller

/// Hands nothing on until it is let go.
private final class StuckListener: EventListener {
    /// Signalled when somebody waits for it.
    let waited = DispatchSemaphore(value: 0)
    let letGo = DispatchSemaphore(value: 0)

    func begin(_ services: [ServiceEvent]) {}
    func notify(_ events: [ServiceEvent]) {}

    func flush(within limit: Duration) -> Bool {
        waited.signal()
        letGo.wait()
        return true
    }

    func stop(within limit: Duration) -> Bool { true }
}

@Suite("A program that is slow to take events", .timeLimit(.minutes(15)))
struct SlowListenerTests {
    private let bench: Bench
    private let listener = StuckListener()
    private let monitor = #", "monitor": {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1}"#

    init() throws {
        bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(checking: .worker)))
        bench.pipeline.begin(listeners: [listener])
        try bench.send("CREATE", ["a", "b"].enumerated().map { two($1, 80 + $0) })
        bench.pipeline.report(["a": found([1, 2], true), "b": found([1, 2], true)])
    }

    private func two(_ id: String, _ port: Int) -> String {
        let nodes = (1...2).map { #"{"id": "n\#($0)", "address": "10.0.0.\#($0)", "port": 80}"# }
        return
            #"{"id": "\#(id)", "protocol": "HTTP", "port": \#(port)\#(monitor), "quorum": 1, "nodes": [\#(nodes.joined(separator: ","))]}"#
    }

    private func found(_ nodes: [Int], _ isUp: Bool) -> [NodeID: (endpoint: Endpoint, health: NodeHealth)] {
        Dictionary(
            uniqueKeysWithValues: nodes.map { number in
                let endpoint = Endpoint(host: .address(.v4(0x0A00_0000 + UInt32(number))), port: 80)
                return (NodeID("n\(number)"), (endpoint, NodeHealth(isUp: isUp, since: bench.clock.now)))
            })
    }

    private func conditions(_ id: String) throws -> [Node.Condition] { try #require(try bench.driver.running[id]).nodes.map(\.condition) }

    @Test("does not delay the reaction to the health of another load balancer, which comes later")
    func later() throws {
        bench.pipeline.submit(bench.pipeline.findings(["a": found([1, 2], false)]))
        listener.waited.wait()
        bench.pipeline.report(["b": found([1], false)])
        #expect(try conditions("b") == [.disabled, .enabled])
        #expect(try conditions("a") == [.enabled, .enabled])
        listener.letGo.signal()
        try letGoUntilIdle()
        #expect(try conditions("a") == [.disabled, .disabled])
    }

    @Test("does not delay the reaction to the health of another load balancer, which is reported with it")
    func together() throws {
        bench.pipeline.submit(bench.pipeline.findings(["a": found([1, 2], false), "b": found([1], false)]))
        listener.waited.wait()
        #expect(try conditions("b") == [.disabled, .enabled])
        #expect(try conditions("a") == [.enabled, .enabled])
        listener.letGo.signal()
        try letGoUntilIdle()
        #expect(try conditions("a") == [.disabled, .disabled])
    }

    @Test("gets the reports of one load balancer in their order")
    func reordering() throws {
        bench.pipeline.submit(bench.pipeline.findings(["a": found([1, 2], false)]))
        listener.waited.wait()
        bench.pipeline.report(["a": found([1], true)])
        #expect(try conditions("a") == [.enabled, .enabled])
        listener.letGo.signal()
        try letGoUntilIdle()
        #expect(try conditions("a") == [.enabled, .disabled])
    }

    /// Waits until all that was reported is committed.
    private func letGoUntilIdle() throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !bench.pipeline.retained.withLock({ $0.isIdle }) {
            try #require(ContinuousClock.now < deadline, "the reports are not committed")
            sched_yield()
        }
    }
}

import LBaaS
import Requests
import TestSupport
import Testing

@testable import Controller

@Suite("Where somebody sets the clock")
struct ClockTests {
    private let steady = ManualClock()
    private let wall = ManualClock()
    private let driver: RecordingDriver

    init() throws { driver = try RecordingDriver(upkeep: Upkeep(drainTimeout: .seconds(6), checking: .worker)) }

    private func pipeline() throws -> CommitPipeline {
        try CommitPipeline(
            driver: driver, driverName: "fake", store: nil, log: .silent,
            clock: { [steady, wall] in Moment(steady: steady.now, wall: wall.now) })
    }

    @Test("back or forth, a drain takes as long as it may, no more and no less", arguments: [-7200, 7200])
    func drains(step: Int64) throws {
        let pipeline = try pipeline()
        #expect(pipeline.commit(.create([balancer("a", 80)])).isChanged)
        #expect(pipeline.commit(.delete(ids("a"))).isChanged)
        wall.advance(seconds: step)
        steady.advance(seconds: 5)
        pipeline.endDrains()
        #expect(pipeline.committed.drains.all.count == 1)
        steady.advance(seconds: 2)
        pipeline.endDrains()
        #expect(pipeline.committed.drains.isEmpty)
    }

    @Test("back or forth, a node that comes back gets its weight in the time of its slow start", arguments: [-7200, 7200])
    func slowStart(step: Int64) throws {
        let pipeline = try pipeline()
        var slow = balancer("a", 80, weight: 100)
        slow.monitor = Monitor(kind: .connect)
        slow.monitor?.slowStart = 10
        #expect(pipeline.commit(.create([slow])).isChanged)
        let node = slow.nodes[0]
        pipeline.report(["a": [node.id: (node.endpoint, NodeHealth(isUp: true, since: steady.now))]])
        wall.advance(seconds: step)
        steady.advance(seconds: 5)
        pipeline.advance()
        #expect(try driver.running["a"]?.nodes[0].weight == 50)
        steady.advance(seconds: 5)
        pipeline.advance()
        #expect(try driver.running["a"]?.nodes[0].weight == 100)
    }

    @Test("people read the times of the clock of the wall")
    func shown() throws {
        let pipeline = try pipeline()
        var checked = balancer("a", 80)
        checked.monitor = Monitor(kind: .connect)
        #expect(pipeline.commit(.create([checked])).isChanged)
        wall.advance(seconds: 3600)
        let found = try #require(try pipeline.find(ids("a")))
        let status = try #require(pipeline.checkedStatus(of: found[0].entry.loadBalancer, found[0].health))
        #expect(status[0].since == wall.now)
    }
}

import LBaaS
import TestSupport
import Testing

@testable import Controller

@Suite("The layers of effects")
struct EffectLayersTests {
    private let bench: Bench
    private let journal = RecordingActuator.Journal()
    private let address = #", "address": "10.9.0.1""#

    init() throws {
        bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(checking: .worker)))
        begin()
    }

    /// The layers come in another order than the one in which they act.
    private func begin() {
        bench.pipeline.begin(
            actuators: [EffectLayer.edge, .addresses, .routes].map { RecordingActuator($0, bench.driver, journal) })
    }

    @Test("What comes up comes from the lowest layer to the highest, and what goes down goes the other way")
    func order() throws {
        try bench.send("CREATE", [listed("a", 80, weight: 1, address)])
        #expect(journal.take() == ["0 addresses add a", "0 addresses flush", "1 edge add a", "1 routes add a"])
        try bench.send("CREATE", [listed("a", 80, weight: 7, address)])
        #expect(journal.take().isEmpty)
        try bench.send("DELETE", named("a"))
        #expect(
            journal.take() == [
                "2 routes remove a", "2 routes flush", "2 edge remove a", "2 edge flush", "3 addresses remove a",
            ])
    }

    @Test("A load balancer that moves to another address has both layers changed on both sides of the appliance")
    func move() throws {
        try bench.send("CREATE", [listed("a", 80, weight: 1, address)])
        _ = journal.take()
        try bench.send("CREATE", [listed("a", 80, weight: 1, #", "address": "10.9.0.2""#)])
        #expect(
            journal.take() == [
                "1 routes remove a", "1 routes flush", "1 edge remove a", "1 edge flush", "1 addresses add a", "1 addresses flush",
                "2 addresses remove a", "2 edge add a", "2 routes add a",
            ])
    }

    @Test("What was done for a change that fails is taken back")
    func failure() throws {
        bench.driver.fail("a")
        #expect(try !bench.send("CREATE", [listed("a", 80, weight: 1, address)]).isPass)
        #expect(journal.take().filter { !$0.hasSuffix("flush") }.map(\.withoutNumber) == ["addresses add a", "addresses remove a"])
        bench.driver.fail(nil)
        try bench.send("CREATE", [listed("a", 80, weight: 1, address)])
        _ = journal.take()
        bench.driver.fail("a")
        #expect(try !bench.send("DELETE", named("a")).isPass)
        #expect(
            journal.take().filter { !$0.hasSuffix("flush") }.map(\.withoutNumber) == [
                "routes remove a", "edge remove a", "edge add a", "routes add a",
            ])
    }

    @Test("A start tells every layer what is in force")
    func start() throws {
        try bench.send("CREATE", [listed("a", 80, weight: 1, address), listed("b", 81, weight: 0, address), listed("c", 82)])
        try bench.restart()
        _ = journal.take()
        begin()
        #expect(journal.take().map(\.withoutNumber) == ["addresses begin a b", "edge begin a", "routes begin a"])
    }
}

extension String {
    /// The line without how often the appliance had been changed.
    fileprivate var withoutNumber: String { String(drop { $0 != " " }.dropFirst()) }
}

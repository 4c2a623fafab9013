import Dispatch
import LBaaS
import Requests
import Synchronization
import TestSupport
import Testing

@testable import Controller

/// What the world was told and has bound: a listener of events and the layers around the appliance. The next wait for it can be held up.
private final class Surroundings: EventListener, Actuator {
    private struct State {
        var up: Set<Service> = []
        var routes: Set<Service> = []
        var addresses: [LoadBalancerID: Set<IPAddress>] = [:]
        var gate: Gate?
    }

    let layer: EffectLayer
    private let state = Mutex(State())

    private static let noTime = Timestamp(microseconds: 0)

    init(_ layer: EffectLayer) { self.layer = layer }

    var up: [String] { state.withLock { $0.up.map(\.loadBalancer.text).sorted() } }
    var routes: [String] { state.withLock { Set($0.routes.compactMap(\.listener.address)).map(\.description).sorted() } }
    func addresses(of id: String) -> [String] {
        state.withLock { ($0.addresses[LoadBalancerID(id)] ?? []).map(\.description).sorted() }
    }

    /// Makes the next wait for it wait.
    func hold() -> Gate {
        let gate = Gate()
        state.withLock { $0.gate = gate }
        return gate
    }

    func begin(_ services: [ServiceEvent]) { notify(services) }

    func notify(_ events: [ServiceEvent]) {
        state.withLock { $0.up.take(events) }
    }

    func begin(_ states: [EffectiveState]) { add(states.map { EffectiveChange(from: .absent($0.id), to: $0) }) }

    func add(_ changes: [EffectiveChange]) {
        state.withLock { state in
            state.routes.take(ServiceEvents(changes, at: Self.noTime).after)
            for change in changes {
                state.addresses[change.new.id, default: []].formUnion(change.new.addresses.subtracting(change.old.addresses))
            }
        }
    }

    func remove(_ changes: [EffectiveChange]) {
        state.withLock { state in
            state.routes.take(ServiceEvents(changes, at: Self.noTime).before)
            for change in changes {
                state.addresses[change.new.id]?.subtract(change.old.addresses.subtracting(change.new.addresses))
            }
        }
    }

    func flush(within limit: Duration) -> Bool {
        let gate = state.withLock { state in
            defer { state.gate = nil }
            return state.gate
        }
        gate?.pass()
        return true
    }

    func stop(within limit: Duration) -> Bool { true }
}

extension Set<Service> {
    /// Takes which services are up.
    fileprivate mutating func take(_ events: [ServiceEvent]) {
        for event in events {
            if event.kind == .up { insert(event.service) } else { remove(event.service) }
        }
    }
}

@Suite("What is done before the appliance is changed", .timeLimit(.minutes(15)))
struct EffectsInFlightTests {
    private let bench: Bench
    private let routes = Surroundings(.routes)
    private let addresses = Surroundings(.addresses)
    /// Only a listener of events.
    private let events = Surroundings(.edge)

    init() throws {
        bench = try Bench(driver: RecordingDriver(upkeep: Upkeep(checking: .worker)))
        bench.pipeline.begin(actuators: [addresses, routes], listeners: [events])
        let monitor = #", "address": "10.9.0.1", "monitor": {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1}"#
        try bench.send("CREATE", [listed("a", 80, monitor)])
        bench.pipeline.report(found(true))
        #expect(events.up == ["a"])
    }

    private func found(_ isUp: Bool) -> HealthFindings {
        let endpoint = Endpoint(host: .address(.v4(0x0A00_0001)), port: 8080)
        return bench.pipeline.findings(["a": ["n": (endpoint, NodeHealth(isUp: isUp, since: bench.clock.now))]])
    }

    /// Has a job done while this one waits for what it has begun, and then lets it go on.
    private func during(
        _ job: Job, waitsFor surroundings: Surroundings, _ body: () throws -> Void
    ) throws -> Outcome {
        let gate = surroundings.hold()
        let done = DispatchSemaphore(value: 0)
        let outcome = Mutex<Outcome?>(nil)
        bench.pipeline.submit([job]) { outcomes in
            outcome.withLock { $0 = outcomes[0] }
            done.signal()
        }
        gate.waitForArrival()
        try body()
        gate.open()
        done.wait()
        let found = outcome.withLock { $0 }
        return try #require(found)
    }

    @Test(
        "A change that the appliance refuses does not tell a service up that health checks are taking down",
        arguments: ["SUSPEND", "DELETE"])
    func refused(action: String) throws {
        let outcome = try during(.commit(.health(found(false))), waitsFor: events) { () throws in
            bench.driver.fail("a")
            #expect(try !bench.send(action, named("a")).isPass)
            bench.driver.fail(nil)
            #expect(events.up.isEmpty)
            #expect(routes.routes.isEmpty)
        }
        #expect(outcome.isChanged)
        #expect(events.up.isEmpty)
        #expect(routes.routes.isEmpty)
    }

    @Test("A service that others take down and up again stays down while health checks are taking it down")
    func downAndUp() throws {
        let outcome = try during(.commit(.health(found(false))), waitsFor: events) { () throws in
            #expect(try bench.send("SUSPEND", named("a")).isPass)
            #expect(try bench.send("ENABLE", named("a")).isPass)
        }
        #expect(outcome.isChanged)
        #expect(events.up.isEmpty)
        #expect(routes.routes.isEmpty)
    }

    @Test("A service that was to go and stays after all is told up again", arguments: [true, false])
    func stays(isRouteWaitedFor: Bool) throws {
        let change = WantedChange.suspend(.named(["a"]))
        let step = isRouteWaitedFor ? routes : events
        let outcome = try during(.commit(.change(change, deadline: bench.clock.now)), waitsFor: step) { () throws in
            #expect(try bench.send("SUSPEND", named("a")).isPass)
            #expect(try bench.send("ENABLE", named("a")).isPass)
            #expect(routes.routes.isEmpty)
            #expect(events.up == (isRouteWaitedFor ? ["a"] : []))
            bench.clock.advance(seconds: 1)
        }
        #expect(outcome.failure != nil)
        #expect(events.up == ["a"])
        #expect(routes.routes == ["10.9.0.1"])
    }

    @Test("A listener whose next service is going down is given up by the one before it")
    func heir() throws {
        try bench.send("CREATE", [listed("b", 81, #", "address": "10.9.0.2""#)])
        let change = WantedChange.suspend(.named(["b"]))
        let outcome = try during(.commit(.change(change)), waitsFor: events) { () throws in
            #expect(try bench.send("DELETE", named("b")).isPass)
            #expect(try bench.send("CREATE", [listed("c", 81, #", "address": "10.9.0.2""#)]).isPass)
            #expect(try bench.send("UPDATE", [listed("b", 81, #", "address": "10.9.0.2""#)]).isPass)
            #expect(events.up.isEmpty)
            #expect(routes.routes.isEmpty)
        }
        #expect(outcome.isChanged)
        #expect(events.up.isEmpty)
        #expect(routes.routes.isEmpty)
    }

    @Test("An address that a change needs stays bound, whatever comes of changes beside it", arguments: [true, false])
    func address(isRefused: Bool) throws {
        let moved = balancer("a", 80, address: "10.9.0.9")
        let outcome = try during(.commit(.change(.create([moved]))), waitsFor: addresses) { () throws in
            #expect(addresses.addresses(of: "a") == ["10.9.0.1", "10.9.0.9"])
            if isRefused { bench.driver.fail("a") }
            let isPass = try bench.send("CREATE", [listed("a", 81, #", "address": "10.9.0.9""#)]).isPass
            #expect(isPass != isRefused)
            bench.driver.fail(nil)
            #expect(try bench.send("CREATE", [listed("a", 82, #", "address": "10.9.0.1""#)]).isPass)
            #expect(addresses.addresses(of: "a") == ["10.9.0.1", "10.9.0.9"])
        }
        #expect(outcome.isChanged)
        #expect(addresses.addresses(of: "a") == ["10.9.0.9"])
    }
}

import LBaaS
import TestSupport
import Testing

@testable import lbaas_worker

@Suite("Routes to a virtual IP") struct OwnedRoutesTests {
    /// Records what it is told, as BGP takes it.
    private final class Table: Actuator {
        let layer = EffectLayer.routes
        let told = Record<String>()

        func begin(_ states: [EffectiveState]) { note(states.compactMap { $0.service?.event(at: Self.time) }) }
        func add(_ changes: [EffectiveChange]) { note(ServiceEvents(changes, at: Self.time).after) }
        func remove(_ changes: [EffectiveChange]) { note(ServiceEvents(changes, at: Self.time).before) }
        func flush(within limit: Duration) -> Bool { true }
        func stop(within limit: Duration) -> Bool {
            told.add("stop")
            return true
        }

        private func note(_ events: [ServiceEvent]) {
            for event in events { told.add("\(event.service.loadBalancer) \(event.kind.rawValue)") }
        }

        private static let time = Timestamp(microseconds: 0)
    }

    private static let address = IPAddress.v4(0x0A14_0009)
    private let table = Table()

    private func routes(withdrawsOnStop: Bool = true) -> OwnedRoutes {
        OwnedRoutes(table, addresses: [Self.address], withdrawsOnStop: withdrawsOnStop)
    }

    /// What the table was told since the last time.
    private func told() -> [String] {
        defer { table.told.clear() }
        return table.told.all
    }

    private func event(_ kind: ServiceEvent.Kind, _ id: LoadBalancerID, on address: IPAddress = address) -> ServiceEvent {
        let listener = Listener(address: address, port: 80, transport: .tcp)
        return ServiceEvent(kind, Service(loadBalancer: id, listener: listener), weight: 1, time: Timestamp(microseconds: 0))
    }

    @Test("are told while this host has it, and others always")
    func owned() {
        let routes = routes()
        routes.begin([event(.up, "vip"), event(.up, "other", on: .v4(1))])
        #expect(told() == ["other UP"])
        routes.set(Self.address, isOwned: true)
        #expect(told() == ["vip UP"])
        routes.set(Self.address, isOwned: true)
        #expect(told() == [])
        routes.set(Self.address, isOwned: false)
        #expect(told() == ["vip DOWN"])
        routes.notify([event(.down, "vip"), event(.down, "other", on: .v4(1))])
        #expect(told() == ["other DOWN"])
        routes.set(Self.address, isOwned: true)
        #expect(told() == [])
    }

    @Test("are told at the start where this host has it already")
    func ownedBefore() {
        let routes = routes()
        routes.set(Self.address, isOwned: true)
        #expect(told() == [])
        routes.begin([event(.up, "vip")])
        #expect(told() == ["vip UP"])
    }

    @Test("are told of services that come while this host has it, and not of those that move away")
    func moves() {
        let routes = routes()
        routes.begin([] as [EffectiveState])
        routes.notify([event(.up, "vip")])
        #expect(told() == [])
        routes.set(Self.address, isOwned: true)
        #expect(told() == ["vip UP"])
        let move = [EffectiveChange(from: .of(event(.up, "vip")), to: .of(event(.up, "vip", on: .v4(1))))]
        routes.remove(move)
        routes.add(move)
        #expect(told() == ["vip DOWN", "vip UP"])
        routes.set(Self.address, isOwned: false)
        #expect(told() == [])
    }

    @Test("are withdrawn at the end where the address is given up behind it", arguments: [true, false])
    func stop(withdraws: Bool) {
        let routes = routes(withdrawsOnStop: withdraws)
        routes.set(Self.address, isOwned: true)
        routes.begin([event(.up, "vip")])
        #expect(told() == ["vip UP"])
        #expect(routes.stop(within: .seconds(1)))
        #expect(told() == (withdraws ? ["vip DOWN", "stop"] : ["stop"]))
    }

    @Test("are withdrawn where its address becomes one, and told no more when it is none any longer")
    func becoming() {
        let other = IPAddress.v4(0x0A14_000A)
        let routes = routes()
        routes.begin([event(.up, "vip", on: other)])
        #expect(told() == ["vip UP"])
        routes.add([other])
        #expect(told() == ["vip DOWN"])
        routes.set(other, isOwned: true)
        routes.add([other])
        #expect(told() == ["vip UP"])
        routes.set(other, isOwned: false)
        #expect(told() == ["vip DOWN"])
    }
}

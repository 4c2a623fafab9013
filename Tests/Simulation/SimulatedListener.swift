import LBaaS
import Synchronization

/// Keeps what the world was told, and checks that a service is told to be up only while the appliance serves it.
final class SimulatedListener: EventListener {
    private let world: World
    private let appliance: SimulatedAppliance
    private let up = Mutex<Set<Service>>([])

    init(_ world: World, _ appliance: SimulatedAppliance) {
        self.world = world
        self.appliance = appliance
    }

    /// The services that were told to be up.
    var told: Set<Service> { up.withLock { $0 } }

    func begin(_ services: [ServiceEvent]) { take(services, isInitial: true) }

    func notify(_ events: [ServiceEvent]) { take(events, isInitial: false) }

    private func take(_ events: [ServiceEvent], isInitial: Bool) {
        for event in events where world.effect() {
            up.withLock { up in
                if event.kind == .up { up.insert(event.service) } else { up.remove(event.service) }
            }
            if event.kind == .down || isInitial { continue }
            // What is told back after a failure is not judged: the appliance may run anything then.
            let running = appliance.running[event.service.loadBalancer]
            if world.with({ $0.hasPower && !$0.isFailing && !$0.isMeddled }),
                running?.listener != event.service.listener || running?.isSuspended ?? true
            {
                world.violate("\(event.service.loadBalancer) is told to be up on \(event.service.listener) and does not run there")
            }
        }
    }

    func flush(within limit: Duration) -> Bool {
        for _ in 0..<2 { world.call() }
        return true
    }

    func stop(within limit: Duration) -> Bool { true }
}

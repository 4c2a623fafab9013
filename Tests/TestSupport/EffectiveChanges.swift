public import LBaaS

extension EffectiveState {
    /// A load balancer whose service is as an event says.
    public static func of(_ event: ServiceEvent) -> EffectiveState {
        let (id, listener) = (event.service.loadBalancer, event.service.listener)
        let node = Node(id: "n", address: .address(.v4(0x0A00_0001)), port: 80, weight: event.kind == .up ? 1 : 0)
        var loadBalancer = LoadBalancer(id: id, serviceProtocol: .tcp, address: listener.address, port: listener.port)
        loadBalancer.nodes = [node]
        return EffectiveRule(Upkeep()).state(of: id, wanted: loadBalancer, drains: DrainTable(), health: nil)
    }
}

extension Actuator {
    /// Begins with services as these events say.
    public func begin(_ events: [ServiceEvent]) { begin(events.map { EffectiveState.of($0) }) }

    /// Takes a change by which services become as these events say: what goes first, then what comes.
    public func notify(_ events: [ServiceEvent]) {
        let changes = events.map { event -> EffectiveChange in
            let id = event.service.loadBalancer
            let up = ServiceEvent(.up, event.service, weight: 1, time: event.time)
            return event.kind == .up
                ? EffectiveChange(from: .absent(id), to: .of(up)) : EffectiveChange(from: .of(up), to: .absent(id))
        }
        remove(changes)
        add(changes)
    }
}

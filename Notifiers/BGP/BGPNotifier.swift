import HostSystem
public import LBaaS

/// The actuator of routes: has ExaBGP announce a host route for each address of which at least one service is up, and withdraw it when the
/// last one goes down.
///
/// What is told last counts: where ExaBGP is slow or gone, an address that went down and up again meanwhile is not touched. ExaBGP is
/// reached over its named pipes, and reconnected to for ever. After that, and from time to time, what it announces is looked at and put right.
///
/// A withdrawal is handed on when ExaBGP said that it is done. Its peers learn of it some milliseconds later.
public final class BGPNotifier: Actuator {
    /// Routes are the highest layer.
    public let layer = EffectLayer.routes
    private let settings: Settings
    private let log: Log
    private let outbox: Outbox<RouteTable>

    /// A notifier that has not reached ExaBGP yet.
    ///
    /// - Throws: where a value of the section is not accepted.
    public init(_ configuration: DriverConfiguration, log: Log) throws(DriverConfiguration.Failure) {
        settings = try Settings(configuration)
        self.log = log
        outbox = Outbox(RouteTable(policy: settings.policy))
    }

    /// Has the addresses of what is up announced, and those of what is down withdrawn where ExaBGP still announces them.
    public func begin(_ states: [EffectiveState]) {
        // The table has no use for the time.
        take(states.compactMap { $0.routedService?.event(at: Self.noTime) })
        let isStarted = outbox.start { [outbox, settings, log] in Speaker(outbox: outbox, settings: settings, log: log).run() }
        if !isStarted { log.write(.error, "bgp notifier: the system has no thread for it, so nothing is announced") }
    }

    /// Has the addresses of services that come up announced, and then those withdrawn that only services have which these replace.
    public func add(_ changes: [EffectiveChange]) { take(ServiceEvents(changes, at: Self.noTime, of: \.routedService).after) }

    /// Has the addresses of services that go down withdrawn, where no other service has them and none takes their listener over.
    public func remove(_ changes: [EffectiveChange]) { take(ServiceEvents(changes, at: Self.noTime, of: \.routedService).before) }

    private static let noTime = Timestamp(microseconds: 0)

    private func take(_ events: [ServiceEvent]) {
        if events.isEmpty { return }
        for event in events where event.kind == .up {
            guard let address = event.service.listener.address, settings.policy.lacksNextHop(for: address) else { continue }
            if settings.policy.silences(address) { continue }
            log.write(.warning, "bgp notifier: an address of IPv6 is not announced: set \(Key.nextHopV6.rawValue)", event.fields)
        }
        outbox.tell { table in
            for event in events { table.take(event) }
        }
    }

    /// Waits until ExaBGP said that it did everything. False at once while ExaBGP is not there: then nobody announces anything.
    public func flush(within limit: Duration) -> Bool { outbox.flush(within: limit) }

    /// Tells ExaBGP the last of it, and leaves it to itself. It goes on announcing, but where `withdraw_on_stop` says otherwise.
    public func stop(within limit: Duration) -> Bool { outbox.stop(within: limit) }
}

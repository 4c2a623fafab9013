import Dispatch
public import LBaaS
import Synchronization

/// A driver for haproxy 2.6: changes a running haproxy as little as possible, and never leaves it worse than before.
///
/// What haproxy can take on its command socket goes there; everything else is one load of its file for the whole batch. haproxy
/// outlives the worker, which finds it again by its sockets.
public final class HAProxyDriver: LoadBalancerDriver {
    /// What haproxy does of PROTOCOL.md.
    public let capabilities = Capabilities.haproxy
    /// haproxy sees to drains itself, and is looked after every `resync_interval`.
    public let upkeep: Upkeep

    let text: ConfigurationText
    let loader: Loader
    let lingering: Lingering
    let keeper: ConfigurationKeeper
    let trial: Trial
    let names: NodeNames
    let authorities: AuthorityCopies
    let logs: Logs
    let settings: Settings
    let log: Log
    let trace: @Sendable (Step) -> Void
    /// What runs; nil where nothing does, or nobody has looked yet. `observe` and `apply` change it.
    let running = Mutex<Running?>(nil)
    /// Held by whoever looks at haproxy to change it, changes it, or starts it again.
    let turn = Mutex(())
    /// What is known of a haproxy that ended by itself.
    let restarts = Mutex(Restarts())
    let restartQueue = DispatchQueue(label: "haproxy-restart")
    let supervisor: any Supervisor

    /// A driver that has touched nothing yet.
    ///
    /// - Throws: where a value of the section is not accepted.
    public convenience init(_ configuration: DriverConfiguration, log: Log) throws(DriverConfiguration.Failure) {
        try self.init(configuration, log: log, systemctl: "systemctl") { _ in }
    }

    /// A driver that tells of each step.
    ///
    /// - Parameter lookUp: the address of a name, nil where it has none. It can block.
    package init(
        _ configuration: DriverConfiguration, log: Log, systemctl: String,
        lookUp: @escaping @Sendable (String) -> IPAddress? = NodeNames.systemAddress, trace: @escaping @Sendable (Step) -> Void
    ) throws(DriverConfiguration.Failure) {
        var settings = try Settings(configuration)
        settings.base.hasIPv6 = PortCheck.hasIPv6
        logs = Logs(settings, log: log)
        supervisor =
            switch settings.mode {
            case .master: OwnProcess(settings, logs: logs)
            case .systemd(let unit): SystemdUnit(unit: unit, systemctl: systemctl, patience: settings.reloadTimeout)
            }
        self.settings = settings
        self.log = log
        self.trace = trace
        upkeep = Upkeep(resyncInterval: settings.resyncInterval, checking: .driver)
        text = ConfigurationText(base: settings.base)
        loader = Loader(base: settings.base, supervisor: supervisor, timeout: settings.reloadTimeout, trace: trace)
        lingering = Lingering(loader: loader, log: log)
        keeper = ConfigurationKeeper(settings, log: log, trace: trace)
        trial = Trial(settings)
        names = NodeNames(lookUp)
        authorities = AuthorityCopies(settings.base, log: log)
    }

    var base: BaseConfiguration { settings.base }

    /// Whether the configuration file does not have yet what haproxy runs. It follows within a second.
    package var isFileBehind: Bool { keeper.isBehind }

    /// Why haproxy cannot run it.
    public func refusal(of loadBalancer: LoadBalancer) -> (field: String, reason: String)? { loadBalancer.refusal }

    /// Takes the logs of load balancers away that are gone for good.
    public func discard(_ ids: [LoadBalancerID]) { logs.forget(ids) }

    /// What haproxy says of the nodes of these load balancers is logged at the level debug.
    public func nodeChangesAreLogged(of ids: Set<LoadBalancerID>) { logs.nodeChangesAreLogged(of: ids) }

    /// The bytes that the frontends of each load balancer sent, one counter for each process that serves or served it.
    public func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]] {
        guard let proxies = running.withLock({ $0?.proxies }), !proxies.isEmpty else { return [:] }
        let counters = try telling { () throws(ApplianceError) in try lingering.counters() }
        var answer: [LoadBalancerID: [TrafficCounter]] = [:]
        for id in ids {
            if let number = proxies[id]?.number { answer[id] = counters[number] ?? [] }
        }
        lingering.told(Set(ids.compactMap { proxies[$0]?.number }))
        return answer
    }

    /// Stores what haproxy logged for the load balancer since it was stored last.
    public func archive(_ order: ArchiveOrder) throws(DriverError) { try logs.archive(order) }

    func telling<Answer>(_ ask: () throws(ApplianceError) -> Answer) throws(DriverError) -> Answer {
        do throws(ApplianceError) {
            return try ask()
        } catch {
            throw error.driverError
        }
    }
}

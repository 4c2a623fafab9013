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
    let logs: Logs
    let settings: Settings
    let log: Log
    let trace: @Sendable (Step) -> Void
    /// What runs; nil where nothing does, or nobody has looked yet. `observe` and `apply` change it.
    let running = Mutex<Running?>(nil)

    /// A driver that has touched nothing yet.
    ///
    /// - Throws: where a value of the section is not accepted.
    public convenience init(_ configuration: DriverConfiguration, log: Log) throws(DriverConfiguration.Failure) {
        try self.init(configuration, log: log, systemctl: "systemctl") { _ in }
    }

    /// A driver that tells of each step.
    package init(
        _ configuration: DriverConfiguration, log: Log, systemctl: String, trace: @escaping @Sendable (Step) -> Void
    ) throws(DriverConfiguration.Failure) {
        var settings = try Settings(configuration)
        settings.site.hasIPv6 = PortCheck.hasIPv6
        logs = Logs(settings, log: log)
        let supervisor: any Supervisor =
            switch settings.mode {
            case .master: OwnProcess(settings, logs: logs)
            case .systemd(let unit): SystemdUnit(unit: unit, systemctl: systemctl, patience: settings.reloadTimeout)
            }
        self.settings = settings
        self.log = log
        self.trace = trace
        upkeep = Upkeep(resyncInterval: settings.resyncInterval, checking: .driver)
        text = ConfigurationText(site: settings.site)
        loader = Loader(site: settings.site, supervisor: supervisor, timeout: settings.reloadTimeout, trace: trace)
        lingering = Lingering(loader: loader, log: log)
        keeper = ConfigurationKeeper(settings, log: log, trace: trace)
    }

    var site: Site { settings.site }

    /// Whether the configuration file does not have yet what haproxy runs. It follows within a second.
    package var isFileBehind: Bool { keeper.isBehind }

    /// Why haproxy cannot run it.
    public func refusal(of loadBalancer: LoadBalancer) -> (field: String, reason: String)? { loadBalancer.refusal }

    /// How haproxy sees the nodes: up is one that it calls up, or that it does not check. Those of a suspended load balancer are not.
    public func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        guard let running = running.withLock({ $0 }) else { return [:] }
        let proxies = ids.compactMap { running.proxies[$0] }
        let serving = proxies.filter { !$0.loadBalancer.isSuspended }
        let rows = try telling { () throws(ApplianceError) in try statistics(serving.map { "\($0.number) 4 -1" }) }
        func places(_ isWanted: (StatisticsRow) -> Bool) -> Set<ServerPlace> {
            Set(rows.filter { $0.kind == .server && isWanted($0) }.map { ServerPlace(number: $0.number, server: $0.server) })
        }
        let (up, sound) = (places(\.isUp), places(\.isSound))
        return Dictionary(
            proxies.map { proxy in
                let nodes = proxy.loadBalancer.nodes.map { node in
                    let place = ServerPlace(number: proxy.number, server: ApplianceName(node.id))
                    return NodeStatus(id: node.id, isUp: up.contains(place), isSound: sound.contains(place))
                }
                return (proxy.loadBalancer.id, nodes)
            }
        ) { first, _ in first }
    }

    private struct ServerPlace: Hashable {
        let number: UInt32
        let server: ApplianceName
    }

    private func statistics(_ selections: [String]) throws(ApplianceError) -> [StatisticsRow] {
        if selections.isEmpty { return [] }
        var socket = try CommandSocket.connect(to: site.commandSocket)
        try socket.begin()
        return try socket.ask(selections.map { "show stat \($0)" }).flatMap { StatisticsRow.rows($0) }
    }

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

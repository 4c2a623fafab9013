import Coordination
import DaemonSupport
import Dispatch
import Glibc
import HealthChecks
import HostSystem
import LBaaS
import Synchronization
import VirtualIPs

/// The virtual IPs: has them bound while this host owns them.
///
/// It is the first service of the worker: its addresses are bound before the appliance is asked to listen on them, and are unbound at the
/// stop when everything on them has ended.
final class VirtualIPService: DaemonService {
    let name = "the virtual IPs"
    let stopTime = Duration.seconds(3)
    private let configured: [ConfiguredVirtualIP]
    private let cluster: ClusterSettings
    private let coordination: any Coordination
    private let log: Log
    private let running = Mutex<VirtualIPs?>(nil)
    private let observer = Mutex<(@Sendable (VirtualIPNotice) -> Void)?>(nil)
    private let isConnected = Mutex(false)
    private let routes = Mutex<[OwnedRoutes]>([])
    private let checker = Mutex<HealthChecker?>(nil)
    /// Why addresses fail, by who found it.
    private let failures = Mutex<[IPAddress: [String: String]]>([:])
    /// What is asked of the coordination, in order. It is never asked on the thread of the virtual IPs, which it may wait for.
    private let calls = DispatchQueue(label: "virtual-ips")

    /// How long a loss may take to carry out, while everything else that the coordination tells waits.
    private static let withdrawalLimit = Duration.seconds(2)

    /// Virtual IPs that are not started yet.
    init(_ configured: [ConfiguredVirtualIP], _ cluster: ClusterSettings, coordination: any Coordination, log: Log) {
        self.configured = configured
        self.cluster = cluster
        self.coordination = coordination
        self.log = log
    }

    /// What has addresses FAIL and recover as their services do; nothing where no address follows its services.
    var followers: [Notifier] {
        let addresses = Set(configured.filter(\.followsServices).map(\.virtualIP.address))
        if addresses.isEmpty { return [] }
        let follower = ServiceFollower(addresses) { [weak self] address, reason in
            guard let self else { return }
            calls.async { self.note(address, of: "services", failure: reason) }
        }
        return [.actuator(follower)]
    }

    /// Notifiers that tell of routes to virtual IPs only while this host has them. To be called before the start.
    func owning(_ notifiers: [Notifier]) -> [Notifier] {
        let addresses = Set(configured.map(\.virtualIP.address))
        return notifiers.map { notifier in
            guard case .actuator(let actuator) = notifier, actuator.layer == .routes else { return notifier }
            let owned = OwnedRoutes(actuator, addresses: addresses, withdrawsOnStop: cluster.releasesOnStop)
            routes.withLock { $0.append(owned) }
            return .actuator(owned)
        }
    }

    /// Has somebody told what becomes of the addresses, on their thread. To be called before the start.
    func observe(_ tell: @escaping @Sendable (VirtualIPNotice) -> Void) { observer.withLock { $0 = tell } }

    /// Has routes to an address told, or withdrawn.
    private func tellRoutes(_ address: IPAddress, isOwned: Bool) {
        for routes in routes.withLock(\.self) { routes.set(address, isOwned: isOwned) }
    }

    func start() throws(StartupFailure) {
        // The kernel keeps an address for so long after the worker died. No right is longer than the takeover time.
        let settings = VirtualIPs.Settings(lifetime: Int(cluster.takeover.rounded(.up)) + 1)
        let virtualIPs: VirtualIPs
        do throws(VirtualIPError) {
            virtualIPs = try VirtualIPs.start(configured.map(\.virtualIP), settings: settings, log: log) { [weak self] in self?.follow($0) }
        } catch {
            switch error.code {
            case .invalid, .unsupported: throw StartupFailure(.config, error.message)
            case .system: throw StartupFailure(.osError, error.message)
            }
        }
        running.withLock { $0 = virtualIPs }
        do throws(StartupFailure) {
            try refuseOwnAddresses(virtualIPs)
            for virtualIP in configured { coordination.set(virtualIP.name, virtualIP.candidacy) }
            try begin()
            try beginChecks()
        } catch {
            _ = virtualIPs.stop(keeping: true, within: stopTime)
            throw error
        }
    }

    private func begin() throws(StartupFailure) {
        do throws(CoordinationError) {
            try coordination.start { [weak self] in self?.follow($0) }
        } catch {
            throw StartupFailure(error.code == .configuration ? .config : .osError, error.message)
        }
    }

    private func beginChecks() throws(StartupFailure) {
        let now = Clock.steady()
        let changes = configured.flatMap { virtualIP in
            virtualIP.checks.enumerated().map { place, check in
                HealthChecker.Change.begin(
                    CheckKey(loadBalancer: LoadBalancerID(virtualIP.name), node: NodeID("\(place + 1)")), check,
                    NodeHealth(isUp: true, since: now))
            }
        }
        if changes.isEmpty { return }
        do throws(HealthCheckError) {
            let new = try HealthChecker(.init(), log: log, now: Clock.steady) { [weak self] in self?.take($0) }
            new.update(changes)
            checker.withLock { $0 = new }
        } catch {
            throw StartupFailure(.osError, error.message)
        }
    }

    private func refuseOwnAddresses(_ virtualIPs: VirtualIPs) throws(StartupFailure) {
        var mistakes = Mistakes()
        for virtualIP in configured {
            guard let reason = virtualIPs.conflict(of: virtualIP.virtualIP.address) else { continue }
            mistakes.add(StartupFailure(.config, "\(virtualIP.name) cannot be a virtual IP: \(reason)"))
        }
        try mistakes.check()
    }

    func finish(within limit: Duration) -> Bool {
        guard let virtualIPs = running.withLock(\.self) else { return true }
        let deadline = Deadline(in: min(limit, stopTime))
        checker.withLock(\.self)?.stop(within: .milliseconds(200))
        let isReleasing = cluster.releasesOnStop
        if !coordination.stop(releasing: isReleasing, within: deadline.rest * 2 / 3) {
            log.write(
                .warning, "the cluster was not told in time that this host stops: others take over after the takeover time",
                [("seconds", String(cluster.takeover))])
        }
        if virtualIPs.stop(keeping: !isReleasing, within: deadline.rest) { return true }
        log.write(.error, "the virtual IPs were not \(isReleasing ? "unbound" : "left") in time")
        return false
    }
}

extension VirtualIPService {
    /// Gives up what an earlier worker of this host left: owns it as that one did, and stops.
    ///
    /// - Parameter limit: the longest wait for the cluster.
    /// - Returns: false where it was not reached in that time. Then everything stays as it is.
    func release(within limit: Duration) throws(StartupFailure) -> Bool {
        try start()
        let deadline = Deadline(in: limit)
        while !isSettled {
            if deadline.isOver {
                log.write(.warning, "the cluster was not reached: virtual IPs stay as they are")
                _ = coordination.stop(releasing: false, within: stopTime)
                _ = running.withLock(\.self)?.stop(keeping: true, within: stopTime)
                return false
            }
            usleep(10_000)
        }
        return finish(within: stopTime)
    }

    /// Whether the cluster has answered, and this host owns again what it owned.
    private var isSettled: Bool {
        isConnected.withLock(\.self) && !coordination.report().contains { $0.owner == cluster.hostID && !$0.isOwned }
    }
}

// MARK: - What is told

extension VirtualIPService {
    /// Takes what becomes of the ownership. A loss is carried out before this returns, for others may own the address then.
    private func follow(_ notice: OwnershipNotice) {
        guard let virtualIPs = running.withLock(\.self) else { return }
        switch notice {
        case .owned(let name, let end): virtualIPs.grant(addresses(name), until: end)
        case .extended(let end): virtualIPs.extend(until: end)
        case .lost(let name, _):
            for address in addresses(name) { tellRoutes(address, isOwned: false) }
            if virtualIPs.withdraw(addresses(name), within: Self.withdrawalLimit) { return }
            log.write(.error, "a virtual IP that is another host's by now is not unbound yet", [("address", name)])
        // What an earlier worker left is another's by now.
        case .standby(let name, _): virtualIPs.withdraw(addresses(name))
        case .unattended(let name): virtualIPs.fault(addresses(name))
        case .connected: isConnected.withLock { $0 = true }
        case .duplicateHost, .disconnected: break
        }
    }

    private func addresses(_ name: String) -> [IPAddress] { IPAddress(name).map { [$0] } ?? [] }

    /// Takes what becomes of the addresses, on their thread. They log what is done.
    private func follow(_ notice: VirtualIPNotice) {
        observer.withLock(\.self)?(notice)
        switch notice {
        case .changed(let status):
            // Also one that an earlier worker left, until somebody says whose it is.
            let isOwned = status.isBound && (status.state == .activated || status.state == .booting)
            tellRoutes(status.virtualIP.address, isOwned: isOwned)
            guard status.state == .activated, !status.isBound, let reason = status.reason else { return }
            log.write(
                .warning, "a virtual IP of this host cannot be bound",
                [("address", status.virtualIP.address.description), ("reason", reason)])
        case .assumed(let virtualIP):
            log.write(
                .warning, "no host answers for a virtual IP, and etcd cannot be reached: this host takes it",
                [("address", virtualIP.address.description)])
            calls.async { self.assume(virtualIP.address) }
        case .rival: break
        }
    }

    /// Takes an address that nobody answers for. Where etcd was reached meanwhile, it is given up again.
    private func assume(_ address: IPAddress) {
        let name = address.description
        func isOwned() -> Bool { coordination.report().contains { $0.name == name && $0.isOwned } }
        coordination.assume(name)
        guard let virtualIPs = running.withLock(\.self), !isOwned() else { return }
        virtualIPs.withdraw([address])
        // It may have been told so before that.
        if isOwned() { virtualIPs.grant([address], until: nil) }
    }

    /// Takes what checks found, on their thread.
    private func take(_ reports: [HealthReport]) {
        for report in reports where report.turned {
            guard let address = IPAddress(report.key.loadBalancer.text) else { continue }
            let (check, name) = (report.check, "check \(report.key.node.text)")
            let place = Endpoint(host: .address(check.address), port: check.port)
            let failure = report.health.isUp ? nil : "\(name) of \(place) fails: \(report.health.reason ?? "no answer")"
            calls.async { self.note(address, of: name, failure: failure) }
        }
    }

    /// Has an address fail, or recover.
    ///
    /// - Parameters:
    ///   - source: who found it.
    ///   - failure: why what is behind it does not work; nil where it does.
    private func note(_ address: IPAddress, of source: String, failure: String?) {
        let failure = failures.withLock { failures in
            failures[address, default: [:]][source] = failure
            let all = failures[address]?.sorted { $0.key < $1.key }.map(\.value) ?? []
            return all.isEmpty ? nil : all.joined(separator: "; ")
        }
        guard let virtualIPs = running.withLock(\.self), let virtualIP = configured.first(where: { $0.virtualIP.address == address }) else {
            return
        }
        virtualIPs.health(address, works: failure == nil, reason: failure)
        var candidacy = virtualIP.candidacy
        candidacy.isHealthy = failure == nil
        coordination.set(virtualIP.name, candidacy)
    }
}

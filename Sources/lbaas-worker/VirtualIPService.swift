import Controller
import Coordination
import DaemonSupport
import Dispatch
import Glibc
import HealthChecks
import HostSystem
import LBaaS
import Requests
import ServiceSettings
import Synchronization
import VirtualIPs

/// The virtual IPs: has them bound while this host owns them.
///
/// It is the first service of the worker: the core gives it the virtual IPs before the appliance is asked to listen on them, and at the stop
/// they are unbound when everything on them has ended.
final class VirtualIPService: DaemonService {
    let name = "the virtual IPs"
    let stopTime = Duration.seconds(3)
    let configured: [VirtualIPTable.Configured]
    let cluster: ClusterSettings
    let coordination: any Coordination
    let log: Log
    /// What binds and announces; nil before the first virtual IP.
    let room = Mutex<VirtualIPs?>(nil)
    /// Who is told what becomes of the virtual IPs; nil before the core runs.
    let core = Mutex<CommitPipeline?>(nil)
    let state = Mutex(State())
    let observer = Mutex<(@Sendable (VirtualIPNotice) -> Void)?>(nil)
    let routes = Mutex<[OwnedRoutes]>([])
    let checks: VirtualIPChecks
    /// What is asked of the coordination and told to the core, in order. Neither is done on the thread of the virtual IPs, which they may wait
    /// for.
    let calls = DispatchQueue(label: "virtual-ips")

    /// What is known of the virtual IPs.
    struct State {
        /// Those that are in force, those of the configuration file among them.
        var wanted: [IPAddress: VirtualIP] = [:]
        /// Why addresses fail, by who found it.
        var failures: [IPAddress: [String: String]] = [:]
        /// The hosts that own them, as far as this one was told.
        var owners: [IPAddress: String] = [:]
        var statuses: [IPAddress: VirtualIPStatus] = [:]
        /// What the core was told.
        var told: [IPAddress: VirtualIPFact] = [:]
        /// What other hosts have changed before the core was there.
        var unadopted: [SharedValue] = []
        var isConnected = false
        /// What has addresses fail and recover as their services do; nil as long as none does.
        var follower: ServiceFollower?
        /// Whether all load balancers of the start are known.
        var knowsServices = false
        /// Whether the follower is one of the core's effects.
        var isFollowing = false
    }

    /// How long a loss may take to carry out, while everything else that the coordination tells waits.
    static let withdrawalLimit = Duration.seconds(2)

    /// Virtual IPs that are not started yet.
    ///
    /// - Parameter monitor: is told whether the checks get on.
    init(
        _ configured: [VirtualIPTable.Configured], _ cluster: ClusterSettings, coordination: any Coordination, monitor: ProgressMonitor,
        log: Log
    ) {
        self.configured = configured
        self.cluster = cluster
        self.coordination = coordination
        self.log = log
        checks = VirtualIPChecks(progress: monitor.participant("the checks of the virtual IPs"), log: log)
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
    func tellRoutes(_ address: IPAddress, isOwned: Bool) {
        for routes in routes.withLock(\.self) { routes.set(address, isOwned: isOwned) }
    }

    /// Nothing is to be done before the core gives it the virtual IPs.
    func start() {}

    func finish(within limit: Duration) -> Bool {
        let deadline = Deadline(in: min(limit, stopTime))
        core.withLock { $0 = nil }
        checks.stop(within: .milliseconds(200))
        let isReleasing = cluster.releasesOnStop
        if !coordination.stop(releasing: isReleasing, within: deadline.rest * 2 / 3) {
            log.write(
                .warning, "the cluster was not told in time that this host stops: others take over after the takeover time",
                [("seconds", String(cluster.takeover))])
        }
        guard let room = room.withLock(\.self), !room.stop(keeping: !isReleasing, within: deadline.rest) else { return true }
        log.write(.error, "the virtual IPs were not \(isReleasing ? "unbound" : "left") in time")
        return false
    }
}

// MARK: - The start

extension VirtualIPService: VirtualIPKeeper {
    var hostID: String { cluster.hostID }

    func begin(_ table: VirtualIPTable) throws(StartFailure) { try begin(table, knowsServices: false) }

    /// Takes the virtual IPs at the start.
    ///
    /// - Parameter knowsServices: whether those that follow their services may be owned before anything is known of these.
    private func begin(_ table: VirtualIPTable, knowsServices: Bool) throws(StartFailure) {
        let all = table.all
        do throws(StartFailure) {
            if !all.isEmpty {
                try startRoom(all)
                try refuseConfigured()
            }
            add(all, knowsServices: knowsServices)
            for address in table.configured.keys where table.requested[address]?.virtualIP != nil {
                log.write(
                    .warning, "the configuration file has a virtual IP that a request has made too: the configuration file holds",
                    [("address", address.description), ("section", table.configured[address]?.section ?? "")])
            }
            coordination.share(table.requested.map { SharedValue($0.value, of: $0.key) })
            do throws(CoordinationError) {
                try coordination.start { [weak self] in self?.follow($0) }
            } catch {
                throw StartFailure(error.code == .configuration ? .configuration : .host, error.message)
            }
        } catch {
            checks.stop(within: .milliseconds(200))
            _ = room.withLock(\.self)?.stop(keeping: true, within: stopTime)
            throw error
        }
    }

    /// Starts what binds and announces.
    private func startRoom(_ virtualIPs: [VirtualIP]) throws(StartFailure) {
        do throws(VirtualIPError) {
            let new = try makeRoom(virtualIPs)
            room.withLock { $0 = new }
        } catch {
            throw StartFailure(error.code == .system ? .host : .configuration, error.message)
        }
    }

    private func makeRoom(_ virtualIPs: [VirtualIP]) throws(VirtualIPError) -> VirtualIPs {
        // The kernel keeps an address for so long after the worker died. No right is longer than the takeover time.
        let settings = VirtualIPs.Settings(
            lifetime: Int(cluster.takeover.rounded(.up)) + 1, isShared: !cluster.endpoints.isEmpty)
        return try VirtualIPs.start(virtualIPs, settings: settings, log: log) { [weak self] in self?.follow($0) }
    }

    /// What binds and announces. It is started where it does not run yet.
    func runningRoom() throws(VirtualIPError) -> VirtualIPs {
        try room.withLock { room throws(VirtualIPError) in
            if let room { return room }
            let new = try makeRoom([])
            room = new
            return new
        }
    }

    private func refuseConfigured() throws(StartFailure) {
        let room = room.withLock(\.self)
        let refusals = configured.compactMap { room?.refusal(of: $0.virtualIP) }
        guard let first = refusals.first else { return }
        throw StartFailure(first.code == .system ? .host : .configuration, Set(refusals.map(\.message)).sorted().joined(separator: "\n"))
    }

    /// Tells the core from now on what becomes of the virtual IPs.
    func tell(_ core: CommitPipeline) {
        self.core.withLock { $0 = core }
        calls.async { [self] in
            adoptRest()
            publishAll()
        }
    }

    /// Has addresses follow their services from now on: all load balancers are known.
    func follow() {
        calls.async { [self] in
            state.withLock { $0.knowsServices = true }
            startFollowing()
        }
    }
}

// MARK: - The release

extension VirtualIPService {
    /// Gives up what an earlier worker of this host left: owns it as that one did, and stops.
    ///
    /// - Parameters:
    ///   - table: what it had.
    ///   - limit: the longest wait for the cluster.
    /// - Returns: false where it was not reached in that time. Then everything stays as it is.
    func release(_ table: VirtualIPTable, within limit: Duration) throws(StartFailure) -> Bool {
        try begin(table, knowsServices: true)
        let deadline = Deadline(in: limit)
        while !isSettled {
            if deadline.isOver {
                log.write(.warning, "the cluster was not reached: virtual IPs stay as they are")
                _ = coordination.stop(releasing: false, within: stopTime)
                _ = room.withLock(\.self)?.stop(keeping: true, within: stopTime)
                return false
            }
            usleep(10_000)
        }
        return finish(within: stopTime)
    }

    /// Whether the cluster has answered, and this host owns again what it owned.
    private var isSettled: Bool {
        state.withLock(\.isConnected) && !coordination.report().contains { $0.owner == cluster.hostID && !$0.isOwned }
    }
}

import FleetModel
import LBaaS

// What the API shows of objects, and how the traffic through them is.

/// Operating statuses, in Octavia's words.
enum Operating {
    static let online = "ONLINE"
    static let offline = "OFFLINE"
    static let degraded = "DEGRADED"
    static let error = "ERROR"
    static let draining = "DRAINING"
    static let unmonitored = "NO_MONITOR"

    /// The status of a whole by those of its parts: the parts that are meant to be off do not count.
    static func whole(of parts: some Sequence<String>) -> String {
        let counted = parts.filter { $0 != offline }
        if !counted.isEmpty, counted.allSatisfy({ $0 == error }) { return error }
        return counted.contains { $0 == error || $0 == degraded } ? degraded : online
    }
}

extension PoolRecord {
    /// Whether it is for UDP or SCTP.
    var isDatagram: Bool { serviceProtocol == "UDP" || serviceProtocol == "SCTP" }
}

extension FleetState {
    /// An object with its status; nil where it is not there any more.
    typealias Found<Record: ObjectRecord> = (entry: Stored<Record>, status: ProvisioningStatus)

    func loadBalancer(_ id: String) -> Found<LoadBalancerRecord>? { found(loadBalancers[id]) { status(of: $0) } }

    func listener(_ id: String) -> Found<ListenerRecord>? { found(listeners[id]) { status(of: $0) } }

    func pool(_ id: String) -> Found<PoolRecord>? { found(pools[id]) { status(of: $0) } }

    private func found<Record>(_ entry: Stored<Record>?, _ status: (Stored<Record>) -> ProvisioningStatus) -> Found<Record>? {
        guard let entry, case let status = status(entry), status != .gone else { return nil }
        return (entry, status)
    }

    /// The listeners of a load balancer that are there yet, in the order in which they were made.
    func listeners(of loadBalancer: String) -> [Stored<ListenerRecord>] {
        let all = (listenersOfLoadBalancer[loadBalancer] ?? []).compactMap { listeners[$0] }
        return ordered(all).filter { status(of: $0) != .gone }
    }

    /// The pools of a load balancer that are there yet, in the order in which they were made.
    func pools(of loadBalancer: String) -> [Stored<PoolRecord>] {
        let all = (poolsOfLoadBalancer[loadBalancer] ?? []).compactMap { pools[$0] }
        return ordered(all).filter { status(of: $0) != .gone }
    }

    /// The listeners that have a pool for their default, in the order in which they were made.
    func listeners(ofPool pool: String) -> [Stored<ListenerRecord>] {
        ordered((listenersOfPool[pool] ?? []).compactMap { listeners[$0] }).filter { $0.record.head.change != .delete }
    }

    private func ordered<Record: ObjectRecord>(_ entries: [Stored<Record>]) -> [Stored<Record>] {
        entries.count < 2
            ? entries
            : entries.sorted { ($0.record.head.created, $0.record.head.id) < ($1.record.head.created, $1.record.head.id) }
    }

    func view(of entry: Stored<LoadBalancerRecord>, as status: ProvisioningStatus) -> LoadBalancerView {
        view(
            of: entry.record, as: status, operating: operatingStatus(of: entry.record, status),
            listeners: listeners(of: entry.record.head.id).map(\.record.head.id),
            pools: pools(of: entry.record.head.id).map(\.record.head.id))
    }

    func view(
        of record: LoadBalancerRecord, as status: ProvisioningStatus, operating: String, listeners: [String], pools: [String]
    ) -> LoadBalancerView {
        let subnet = groups[record.group]?.range(of: record.address).map { FleetNetwork.subnetID(record.group, $0) }
        return LoadBalancerView(
            record: record, status: status, operating: operating, listeners: listeners, pools: pools,
            network: FleetNetwork.id(record.group), subnet: subnet)
    }

    func view(of entry: Stored<ListenerRecord>, as status: ProvisioningStatus) -> ListenerView {
        ListenerView(record: entry.record, status: status, operating: operatingStatus(of: entry.record, status))
    }

    func view(of entry: Stored<PoolRecord>, as status: ProvisioningStatus) -> PoolView {
        PoolView(
            record: entry.record, status: status, operating: operatingStatus(of: entry.record),
            listeners: listeners(ofPool: entry.record.head.id).map(\.record.head.id), members: members(of: entry),
            monitor: monitor(of: entry))
    }

    /// The members of a pool that are there yet.
    func members(of pool: Stored<PoolRecord>) -> [MemberView] {
        pool.record.members.compactMap { member in
            let status = status(of: member.head, in: pool)
            return status == .gone
                ? nil : MemberView(record: member, status: status, operating: operatingStatus(of: member, in: pool.record))
        }
    }

    /// The health monitor of a pool, where it is there yet.
    func monitor(of pool: Stored<PoolRecord>) -> MonitorView? {
        guard let monitor = pool.record.monitor else { return nil }
        let status = status(of: monitor.head, in: pool)
        if status == .gone { return nil }
        let operating = monitor.head.isEnabled ? Operating.online : Operating.offline
        return MonitorView(record: monitor, pool: pool.record.head.id, status: status, operating: operating)
    }
}

extension FleetState {
    func operatingStatus(of record: LoadBalancerRecord, _ status: ProvisioningStatus) -> String {
        if !record.head.isEnabled || status == .pending(.create) { return Operating.offline }
        return Operating.whole(of: listeners(of: record.head.id).map { operatingStatus(of: $0.record, self.status(of: $0)) })
    }

    func operatingStatus(of record: ListenerRecord, _ status: ProvisioningStatus) -> String {
        if !record.head.isEnabled || status == .pending(.create) { return Operating.offline }
        guard let pool = record.defaultPool.flatMap({ pools[$0] }) else { return Operating.online }
        let operating = operatingStatus(of: pool.record)
        return operating == Operating.offline ? Operating.online : operating
    }

    func operatingStatus(of record: PoolRecord) -> String {
        if !record.head.isEnabled || listeners(ofPool: record.head.id).isEmpty { return Operating.offline }
        return Operating.whole(of: record.members.filter { $0.head.change != .delete }.map { operatingStatus(of: $0, in: record) })
    }

    func operatingStatus(of member: MemberRecord, in pool: PoolRecord) -> String {
        if !member.head.isEnabled { return Operating.offline }
        if member.weight == 0 { return Operating.draining }
        guard let monitor = pool.monitor, monitor.head.isEnabled, monitor.head.change != .delete else { return Operating.unmonitored }
        var states: Set<Bool> = []
        let workers = loadBalancers[pool.loadBalancer].map { self.workers(of: $0.record) } ?? []
        for listener in listenersOfPool[pool.head.id] ?? [] {
            for worker in workers where isPresent(worker) {
                if let isUp = operating[worker]?.record.nodes[listener]?[member.head.id] { states.insert(isUp) }
            }
        }
        switch (states.contains(true), states.contains(false)) {
        case (true, true): return Operating.degraded
        case (true, false): return Operating.online
        case (false, true): return Operating.error
        case (false, false): return Operating.offline
        }
    }

    /// The counters of a listener, of all its workers.
    func counters(ofListener id: String) -> StatisticsRecord {
        (statistics[id] ?? [:]).values.reduce(StatisticsRecord()) { $0 + $1.record }
    }
}

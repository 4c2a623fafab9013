package import FleetStore
package import LBaaS

/// Everything that the store has of a fleet, as of one revision.
package struct FleetState: Sendable {
    /// A part of the wanted state of a worker.
    package final class Part: Sendable {
        /// The entry of a job, as JSON.
        package let text: [UInt8]
        /// The revision of the store that put it.
        package let revision: Int

        init(_ entry: StoreEntry) { (text, revision) = (entry.value, entry.revision) }
    }

    /// The wanted state of a worker.
    package struct Wanted: Sendable {
        /// By the ids of listeners.
        package fileprivate(set) var loadBalancers: [String: Part] = [:]
        /// By addresses.
        package fileprivate(set) var virtualIPs: [String: Part] = [:]
        /// The revision of the last change, also where that took something out.
        package fileprivate(set) var revision = 0

        fileprivate mutating func note(_ revision: Int) { self.revision = max(revision, self.revision) }
    }

    /// The groups of the configuration, by their names.
    package let groups: [String: FleetGroup]
    /// The revision of the store.
    package internal(set) var revision = 0

    /// The records of objects, also those that are deleted and not settled.
    package private(set) var loadBalancers = ObjectTable<LoadBalancerRecord>()
    package private(set) var listeners = ObjectTable<ListenerRecord>()
    package private(set) var pools = ObjectTable<PoolRecord>()
    /// The quotas that were set, by project.
    package private(set) var quotas: [String: Stored<QuotaRecord>] = [:]
    /// The ids of what a load balancer has, and of the listeners that have a pool for their default.
    package private(set) var listenersOfLoadBalancer: [String: Set<String>] = [:]
    package private(set) var poolsOfLoadBalancer: [String: Set<String>] = [:]
    package private(set) var listenersOfPool: [String: Set<String>] = [:]
    /// The pools of members and of health monitors.
    package private(set) var poolOfMember: [String: String] = [:]
    package private(set) var poolOfMonitor: [String: String] = [:]
    /// What is deleted, and has a record yet: the ids.
    package private(set) var deleted: [ObjectKind: Set<String>] = [:]

    /// The wanted states, by worker.
    package private(set) var wanted: [String: Wanted] = [:]
    /// What workers have committed, by worker.
    package private(set) var settled: [String: Stored<SettledRecord>] = [:]
    /// What is known of workers, by worker.
    package private(set) var hosts: [String: Stored<HostRecord>] = [:]
    /// Who drives workers, by worker.
    package private(set) var claims: [String: StoreEntry] = [:]
    /// States of nodes, by worker.
    package private(set) var operating: [String: Stored<OperatingRecord>] = [:]
    /// Counters, by listener and worker.
    package private(set) var statistics: [String: [String: Stored<StatisticsRecord>]] = [:]
    /// The allocated addresses by group, with the ids of their load balancers.
    package private(set) var addresses: [String: [IPAddress: String]] = [:]
    /// The id of the store; nil as long as there is none.
    package private(set) var fleetID: StoreEntry?

    /// A fleet of which nothing is known but its groups.
    package init(groups: [FleetGroup]) {
        self.groups = Dictionary(groups.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Takes a change.
    ///
    /// - Returns: the key; nil for one of another room.
    mutating func apply(_ change: StoreChange, _ reader: RecordReader) -> FleetKey? {
        guard let key = FleetKey(change.key) else { return nil }
        var entry: StoreEntry?
        if case .put(let put) = change { entry = put }
        switch key {
        case .object(let kind, let id): applyObject(kind, id, entry, reader)
        case .wantedLoadBalancer(let worker, let listener):
            wanted[worker, default: Wanted()].loadBalancers[listener] = entry.map(Part.init)
            wanted[worker]?.note(change.revision)
        case .wantedVirtualIP(let worker, let address):
            wanted[worker, default: Wanted()].virtualIPs[address] = entry.map(Part.init)
            wanted[worker]?.note(change.revision)
        case .settled(let worker): settled[worker] = stored(entry) { reader.read($0, SettledRecord.init) }
        case .host(let worker): hosts[worker] = stored(entry) { reader.read($0, HostRecord.init) }
        case .claim(let worker): claims[worker] = entry
        case .operating(let worker): operating[worker] = stored(entry) { reader.read($0, OperatingRecord.init) }
        case .statistics(let listener, let worker):
            let counters = stored(entry) { reader.read($0, StatisticsRecord.init) }
            statistics[listener, default: [:]][worker] = counters
            if counters == nil, statistics[listener]?.isEmpty == true { statistics[listener] = nil }
        case .address(let group, let text):
            guard let address = IPAddress(text) else { break }
            addresses[group, default: [:]][address] = entry.map { String(decoding: $0.value, as: UTF8.self) }
        case .fleetID: fleetID = entry
        case .account: break
        }
        return key
    }

    /// Notes the deletions that workers may not have, where only what is there was read.
    mutating func noteDeletions() {
        for id in deleted[.loadBalancer] ?? [] {
            guard let loadBalancer = loadBalancers[id] else { continue }
            note(loadBalancer.revision, loadBalancer.record.group)
        }
        for id in deleted[.listener] ?? [] {
            guard let listener = listeners[id], let parent = loadBalancers[listener.record.loadBalancer] else { continue }
            note(listener.revision, parent.record.group)
        }
    }

    private mutating func note(_ revision: Int, _ group: String) {
        for worker in groups[group]?.workers ?? [] {
            wanted[worker, default: Wanted()].revision = max(revision, wanted[worker]?.revision ?? 0)
        }
    }

    private func stored<Record>(_ entry: StoreEntry?, _ read: ([UInt8]) -> Record?) -> Stored<Record>? {
        entry.flatMap { entry in read(entry.value).map { Stored($0, revision: entry.revision) } }
    }

    private mutating func applyObject(_ kind: ObjectKind, _ id: String, _ entry: StoreEntry?, _ reader: RecordReader) {
        var isDeleted = false
        switch kind {
        case .loadBalancer:
            let new = stored(entry) { reader.read($0, LoadBalancerRecord.init) }
            _ = new.map { loadBalancers.put($0) } ?? loadBalancers.remove(id)
            isDeleted = new?.record.head.change == .delete
        case .listener:
            let new = stored(entry) { reader.read($0, ListenerRecord.init) }
            let old = new.map { listeners.put($0) } ?? listeners.remove(id)
            if let old { unlink(old.record) }
            if let new { link(new.record) }
            isDeleted = new?.record.head.change == .delete
        case .pool:
            let new = stored(entry) { reader.read($0, PoolRecord.init) }
            let old = new.map { pools.put($0) } ?? pools.remove(id)
            relink(old?.record, new?.record)
            isDeleted = new?.record.head.change == .delete
        case .quota: quotas[id] = stored(entry) { reader.read($0, QuotaRecord.init) }
        }
        if isDeleted { deleted[kind, default: []].insert(id) } else { deleted[kind]?.remove(id) }
    }

    private mutating func link(_ listener: ListenerRecord) {
        listenersOfLoadBalancer[listener.loadBalancer, default: []].insert(listener.head.id)
        if let pool = listener.defaultPool { listenersOfPool[pool, default: []].insert(listener.head.id) }
    }

    private mutating func unlink(_ listener: ListenerRecord) {
        listenersOfLoadBalancer.take(listener.head.id, from: listener.loadBalancer)
        if let pool = listener.defaultPool { listenersOfPool.take(listener.head.id, from: pool) }
    }

    /// Notes which members and monitor a pool has. What stays is not touched.
    private mutating func relink(_ old: PoolRecord?, _ new: PoolRecord?) {
        if let old, new == nil { poolsOfLoadBalancer.take(old.head.id, from: old.loadBalancer) }
        if let new, old == nil { poolsOfLoadBalancer[new.loadBalancer, default: []].insert(new.head.id) }
        for member in old?.members ?? [] { poolOfMember[member.head.id] = nil }
        if let monitor = old?.monitor { poolOfMonitor[monitor.head.id] = nil }
        for member in new?.members ?? [] { poolOfMember[member.head.id] = new?.head.id }
        if let monitor = new?.monitor { poolOfMonitor[monitor.head.id] = new?.head.id }
    }
}

extension [String: Set<String>] {
    /// Takes an element out of the set of a name, and the set where it is empty then.
    fileprivate mutating func take(_ element: String, from name: String) {
        self[name]?.remove(element)
        if self[name]?.isEmpty == true { self[name] = nil }
    }
}

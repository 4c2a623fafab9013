import Authorization
import FleetModel
import FleetStore
import LBaaS

/// A change in the making: the transaction that it becomes. It expects a revision of all that it changes.
struct Edit {
    let state: FleetState
    let now: Timestamp
    private(set) var transaction = StoreTransaction()
    private var ticks = 0

    init(_ state: FleetState, now: Timestamp) { (self.state, self.now) = (state, now) }

    /// The time of another new object, a little behind the one before, and with so many others behind it.
    mutating func nextTime(after count: Int = 0) -> Timestamp {
        defer { ticks += 1 + count }
        return now + .microseconds(ticks)
    }

    /// Puts a new record.
    mutating func create(_ kind: ObjectKind, _ record: some ObjectRecord) {
        transaction.create(FleetKey.object(kind, id: record.head.id).text, record.json)
    }

    /// Replaces a record, and notes that it was changed or deleted.
    mutating func replace<Record: ObjectRecord>(
        _ kind: ObjectKind, _ old: Stored<Record>, _ change: ObjectChange = .update, with new: Record
    ) -> Record {
        var new = new
        new.head.note(change, at: now)
        transaction.replace(FleetKey.object(kind, id: new.head.id).text, revision: old.revision, with: new.json)
        return new
    }

    /// Deletes a record at once.
    mutating func remove(_ kind: ObjectKind, _ id: String, revision: Int) {
        transaction.delete(FleetKey.object(kind, id: id).text, revision: revision)
    }

    /// Writes a load balancer that something below is changed of, so that no two such changes are carried out at a time.
    mutating func touch(_ loadBalancer: Stored<LoadBalancerRecord>) {
        _ = replace(.loadBalancer, loadBalancer, with: loadBalancer.record)
    }

    /// Takes an address.
    mutating func take(_ address: IPAddress, of group: String, for id: String) {
        transaction.create(FleetKey.address(group: group, address: address.description).text, Array(id.utf8))
    }

    /// Puts or deletes any other key.
    mutating func put(_ key: FleetKey, _ value: [UInt8]?, revision: Int) {
        if let value {
            transaction.replace(key.text, revision: revision, with: value)
        } else {
            transaction.delete(key.text, revision: revision)
        }
    }
}

extension Edit {
    /// Writes what the workers are to have of a listener, where that is another thing than they have.
    ///
    /// - Parameter pool: the pool of the listener as it will be; nil for none.
    mutating func write(_ listener: ListenerRecord, _ pool: PoolRecord?, of parent: LoadBalancerRecord) {
        let text = WantedPart.text(of: Translation.loadBalancer(listener, pool, of: parent))
        for worker in state.workers(of: parent) {
            let old = state.wanted[worker]?.loadBalancers[listener.head.id]
            if old?.text == text { continue }
            put(.wantedLoadBalancer(worker: worker, listener: listener.head.id), text, revision: old?.revision ?? 0)
        }
    }

    /// Writes the parts of all listeners that have a pool.
    mutating func writeListeners(of pool: PoolRecord, _ parent: LoadBalancerRecord) {
        for listener in state.listeners(ofPool: pool.head.id) { write(listener.record, pool, of: parent) }
    }

    /// Takes a listener away from all workers that have it by the store: by the configuration of this server they can be others.
    ///
    /// - Parameter kept: the workers that keep it.
    /// - Returns: whether one of them had it.
    @discardableResult mutating func removeParts(ofListener id: String, but kept: Set<String> = []) -> Bool {
        var hadIt = false
        for (worker, wanted) in state.wanted where !kept.contains(worker) {
            guard let old = wanted.loadBalancers[id] else { continue }
            put(.wantedLoadBalancer(worker: worker, listener: id), nil, revision: old.revision)
            hadIt = true
        }
        return hadIt
    }

    /// Writes the virtual IP of a load balancer for all its workers, where that is another than they have.
    mutating func writeAddress(of parent: LoadBalancerRecord) {
        guard let group = state.groups[parent.group] else { return }
        let address = parent.address.description
        for (place, worker) in group.workers.enumerated() {
            guard
                let virtualIP = WantedPart.virtualIP(
                    parent.address, in: group, place: place, preferred: parent.preferredWorker, takesBack: parent.takesBack)
            else { continue }
            let text = WantedPart.text(of: virtualIP)
            let old = state.wanted[worker]?.virtualIPs[address]
            if old?.text == text { continue }
            put(.wantedVirtualIP(worker: worker, address: address), text, revision: old?.revision ?? 0)
        }
    }

    /// Takes the virtual IP away from all workers that have it by the store, as `removeParts`.
    ///
    /// - Parameter kept: the workers that keep it.
    /// - Returns: whether one of them had it.
    @discardableResult mutating func removeAddress(of parent: LoadBalancerRecord, but kept: Set<String> = []) -> Bool {
        var hadIt = false
        let address = parent.address.description
        for (worker, wanted) in state.wanted where !kept.contains(worker) {
            guard let old = wanted.virtualIPs[address], !isOther(parent, at: worker) else { continue }
            put(.wantedVirtualIP(worker: worker, address: address), nil, revision: old.revision)
            hadIt = true
        }
        return hadIt
    }

    /// Whether the address of a load balancer is that of another one at a worker: groups can have the same addresses.
    private func isOther(_ parent: LoadBalancerRecord, at worker: String) -> Bool {
        let group = state.groups.values.first { $0.workers.contains(worker) }?.name
        return state.addresses.contains { name, owners in
            (group.map { $0 == name } ?? (state.groups[name] == nil)) && owners[parent.address].map { $0 != parent.head.id } ?? false
        }
    }

    /// Deletes a load balancer with everything below it.
    mutating func delete(_ loadBalancer: Stored<LoadBalancerRecord>) {
        let record = loadBalancer.record
        var isAtWorkers = removeAddress(of: record)
        for id in state.listenersOfLoadBalancer[record.head.id] ?? [] where removeParts(ofListener: id) { isAtWorkers = true }
        if isAtWorkers {
            _ = replace(.loadBalancer, loadBalancer, .delete, with: record)
        } else {
            // Nobody has anything of it: nothing is waited for.
            transaction = state.removal(of: loadBalancer)
        }
    }
}

extension Edit {
    /// A load balancer that may be changed.
    func mutable(_ id: String, _ call: OctaviaAPI.Call) throws(OctaviaFault) -> Stored<LoadBalancerRecord> {
        guard let (entry, status) = state.loadBalancer(id) else { throw .notFound("Load Balancer", id) }
        try call.mayReach(entry.record.head.project, to: .change)
        // What is deleted stays so, also where a worker cannot delete it.
        if status.isPending || entry.record.head.change == .delete { throw .immutable(id) }
        return entry
    }

    /// A listener that may be changed, with its load balancer.
    func mutableListener(
        _ id: String, _ call: OctaviaAPI.Call
    ) throws(OctaviaFault) -> (listener: Stored<ListenerRecord>, parent: Stored<LoadBalancerRecord>) {
        guard let (entry, status) = state.listener(id) else { throw .notFound("Listener", id) }
        let parent = try mutable(entry.record.loadBalancer, call)
        // Where something else of the load balancer is in error, that can be changed while this is under way.
        if status.isPending || entry.record.head.change == .delete { throw .immutable(parent.record.head.id) }
        return (entry, parent)
    }

    /// A pool that may be changed, with its load balancer. What of it was deleted before is not in it any more.
    func mutablePool(
        _ id: String, _ call: OctaviaAPI.Call
    ) throws(OctaviaFault) -> (old: Stored<PoolRecord>, new: PoolRecord, parent: Stored<LoadBalancerRecord>) {
        guard let (entry, status) = state.pool(id) else { throw .notFound("Pool", id) }
        let parent = try mutable(entry.record.loadBalancer, call)
        if status.isPending || entry.record.head.change == .delete { throw .immutable(parent.record.head.id) }
        var record = entry.record
        record.settle()
        return (entry, record, parent)
    }

    /// Replaces a pool, its parts and its load balancer's record.
    mutating func change(
        _ old: Stored<PoolRecord>, to new: PoolRecord, of parent: Stored<LoadBalancerRecord>
    ) -> PoolRecord {
        touch(parent)
        let new = replace(.pool, old, with: new)
        writeListeners(of: new, parent.record)
        return new
    }

    /// Checks that a project may have more of something. Where there is a limit, the project's quota is written again: of what is created at a
    /// time, each sees what was created before.
    mutating func checkQuota(
        _ resource: QuotaRecord.Resource, _ name: String, of project: String, adding count: Int = 1, _ standard: Int
    ) throws(OctaviaFault) {
        let quota = state.quotas[project]
        let limit = quota?.record.limits[resource] ?? standard
        if count == 0 || limit < 0 { return }
        let used: Int
        switch resource {
        case .loadBalancer: used = state.loadBalancers.ordered.reduce(0) { $0 + counted($1.record.head, project) }
        case .listener: used = state.listeners.ordered.reduce(0) { $0 + counted($1.record.head, project) }
        case .pool: used = state.pools.ordered.reduce(0) { $0 + counted($1.record.head, project) }
        case .member:
            used = state.pools.ordered.reduce(0) { sum, pool in
                counted(pool.record.head, project) == 0 ? sum : sum + pool.record.members.count { $0.head.change != .delete }
            }
        case .healthMonitor:
            used = state.pools.ordered.reduce(0) { sum, pool in
                sum + (pool.record.monitor.map { $0.head.change == .delete ? 0 : counted($0.head, project) } ?? 0)
            }
        }
        if used + count > limit { throw .quota(name) }
        put(.object(.quota, id: project), (quota?.record ?? QuotaRecord()).json, revision: quota?.revision ?? 0)
    }

    private func counted(_ head: ObjectHead, _ project: String) -> Int { head.project == project && head.change != .delete ? 1 : 0 }
}

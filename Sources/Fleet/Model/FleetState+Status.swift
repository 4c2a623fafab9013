import LBaaS

/// How far workers have an object as it is wanted.
package enum ProvisioningStatus: Hashable, Sendable {
    /// They have it.
    case active
    /// They do not have it yet: it is being made, changed or deleted.
    case pending(ObjectChange)
    /// A worker refused it, or could not take a state that it is in, with this sentence.
    case error(String)
    /// It was deleted, and the workers do not have it any more.
    case gone

    /// Whether it is being made, changed or deleted.
    package var isPending: Bool { if case .pending = self { true } else { false } }

    /// The name in Octavia's API.
    package var name: String {
        switch self {
        case .active: "ACTIVE"
        case .pending(let change): "PENDING_\(change.rawValue)"
        case .error: "ERROR"
        case .gone: "DELETED"
        }
    }
}

/// What has become of a change at the workers of a group.
private enum Settlement {
    case settled
    case waiting
    case refused(String)

    /// What counts of two: a refusal, then what waits.
    static func worst(_ one: Settlement, _ other: Settlement) -> Settlement {
        switch (one, other) {
        case (.refused, _): one
        case (_, .refused): other
        case (.waiting, _), (_, .waiting): .waiting
        case (.settled, .settled): .settled
        }
    }
}

extension FleetState {
    /// Whether a worker is known to answer.
    package func isPresent(_ worker: String) -> Bool { hosts[worker].map { $0.record.away == nil } ?? false }

    /// Why a worker that answers could not take the state of a revision; nil where it was not offered it yet, or it has it.
    private func failure(of worker: String, at revision: Int) -> String? {
        guard let host = hosts[worker]?.record, host.away == nil, let failed = host.failedRevision, failed >= revision else { return nil }
        return host.lastError ?? "the worker could not take it"
    }

    /// Whether a worker is in a group.
    package func isMember(_ worker: String) -> Bool { groups.values.contains { $0.workers.contains(worker) } }

    /// The workers that are to be driven: those of all groups, and those that were in one and may have something of it yet.
    package var driven: Set<String> { Set(groups.values.flatMap(\.workers)).union(settled.keys) }

    /// The workers of a load balancer.
    package func workers(of loadBalancer: LoadBalancerRecord) -> [String] { groups[loadBalancer.group]?.workers ?? [] }

    /// What has become of changes, each of which has a revision on each worker. A worker that is away is not waited for where another has
    /// settled. One that could not take the state as a whole has refused all that is new in it.
    ///
    /// - Parameters:
    ///   - name: what a worker refuses it by; nil for what cannot be refused by itself.
    ///   - revision: the revision on a worker; nil where it has no part in it.
    private func settlement(_ workers: [String], refusedAs name: String?, _ revision: (String) -> Int?) -> Settlement {
        var isSettled = false
        var isWaited = false
        var hasPart = false
        for worker in workers {
            guard let revision = revision(worker) else { continue }
            hasPart = true
            let settled = settled[worker]?.record
            if let name, let refusal = settled?.refused[name], refusal.revision == revision { return .refused(refusal.sentence) }
            if let settled, settled.revision >= revision {
                isSettled = true
            } else if let sentence = failure(of: worker, at: revision) {
                return .refused(sentence)
            } else if isPresent(worker) {
                isWaited = true
            }
        }
        return isWaited || (hasPart && !isSettled) ? .waiting : .settled
    }

    /// What has become of everything up to a revision.
    private func settlement(_ workers: [String], upTo revision: Int) -> Settlement {
        settlement(workers, refusedAs: nil) { _ in revision }
    }

    /// The newest revision of a listener's parts.
    private func partRevision(_ listener: String, _ workers: [String]) -> Int? {
        workers.compactMap { wanted[$0]?.loadBalancers[listener]?.revision }.max()
    }

    private func settlement(ofListener listener: Stored<ListenerRecord>, _ workers: [String]) -> Settlement {
        if listener.record.head.change == .delete { return settlement(workers, upTo: listener.revision) }
        let id = listener.record.head.id
        return settlement(workers, refusedAs: id) { wanted[$0]?.loadBalancers[id]?.revision }
    }

    private func settlement(ofAddress loadBalancer: LoadBalancerRecord, _ workers: [String]) -> Settlement {
        let address = loadBalancer.address.description
        return settlement(workers, refusedAs: address) { wanted[$0]?.virtualIPs[address]?.revision }
    }

    /// The status of what was deleted by a revision.
    private func deletion(_ workers: [String], _ revision: Int) -> ProvisioningStatus {
        switch settlement(workers, upTo: revision) {
        case .settled: .gone
        case .waiting: .pending(.delete)
        case .refused(let sentence): .error(sentence)
        }
    }

    /// The status of a load balancer.
    package func status(of loadBalancer: Stored<LoadBalancerRecord>) -> ProvisioningStatus {
        let record = loadBalancer.record
        let workers = workers(of: record)
        if record.head.change == .delete {
            return deletion(workers, loadBalancer.revision)
        }
        var worst = settlement(ofAddress: record, workers)
        var newest = workers.compactMap { wanted[$0]?.virtualIPs[record.address.description]?.revision }.max() ?? 0
        for id in listenersOfLoadBalancer[record.head.id] ?? [] {
            guard let listener = listeners[id] else { continue }
            worst = .worst(worst, settlement(ofListener: listener, workers))
            newest = max(newest, partRevision(id, workers) ?? 0)
        }
        for id in poolsOfLoadBalancer[record.head.id] ?? [] {
            guard let pool = pools[id], pool.record.head.change == .delete else { continue }
            worst = .worst(worst, settlement(workers, upTo: pool.revision))
        }
        switch worst {
        case .settled: return .active
        case .refused(let sentence): return .error(sentence)
        case .waiting: return .pending(loadBalancer.revision >= newest ? record.head.change : .update)
        }
    }

    /// The status of a listener.
    package func status(of listener: Stored<ListenerRecord>) -> ProvisioningStatus {
        guard let parent = loadBalancers[listener.record.loadBalancer] else { return .gone }
        if parent.record.head.change == .delete { return status(of: parent) }
        let workers = workers(of: parent.record)
        let change = listener.record.head.change
        if change == .delete { return deletion(workers, listener.revision) }
        switch settlement(ofListener: listener, workers) {
        case .settled: return .active
        case .refused(let sentence): return .error(sentence)
        case .waiting: return .pending(listener.revision >= partRevision(listener.record.head.id, workers) ?? 0 ? change : .update)
        }
    }

    /// The status of a pool.
    package func status(of pool: Stored<PoolRecord>) -> ProvisioningStatus {
        guard let parent = loadBalancers[pool.record.loadBalancer] else { return .gone }
        if parent.record.head.change == .delete { return status(of: parent) }
        let workers = workers(of: parent.record)
        if pool.record.head.change == .delete { return deletion(workers, pool.revision) }
        return isWaited(pool, workers) ? .pending(pool.record.head.change) : .active
    }

    /// Whether a listener waits for just the change that wrote a pool.
    private func isWaited(_ pool: Stored<PoolRecord>, _ workers: [String]) -> Bool {
        (listenersOfPool[pool.record.head.id] ?? []).contains { id in
            guard partRevision(id, workers) == pool.revision, let listener = listeners[id] else { return false }
            if case .waiting = settlement(ofListener: listener, workers) { return true }
            return false
        }
    }

    /// The status of a member or of a health monitor of a pool.
    package func status(of head: ObjectHead, in pool: Stored<PoolRecord>) -> ProvisioningStatus {
        guard let parent = loadBalancers[pool.record.loadBalancer] else { return .gone }
        let status = status(of: pool)
        if status == .gone || pool.record.head.change == .delete || parent.record.head.change == .delete { return status }
        let isWaiting = isWaited(pool, workers(of: parent.record))
        switch (isWaiting, head.change) {
        case (true, .update): return head.updated == pool.record.head.updated ? .pending(.update) : .active
        case (true, let change): return .pending(change)
        case (false, .delete): return .gone
        case (false, _): return .active
        }
    }
}

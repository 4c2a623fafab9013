import FleetModel
import FleetStore
import HostSystem
import JobQueue
import LBaaS

// How the wanted state is brought to a worker.

extension WorkerDriver {
    func needsTransfer(_ round: Round) -> Bool {
        guard let synced = round.synced else { return true }
        return isOutdated(synced)
    }

    /// Whether the worker is to have something newer than a revision.
    func isOutdated(_ revision: Int) -> Bool { context.cache.read { $0.wanted[worker]?.revision ?? 0 } > revision }

    private func wantedState() -> (state: WantedState, front: String?) {
        let (found, front) = context.cache.read { fleet in
            (WantedState(of: worker, fleet), fleet.fleetID.map { String(decoding: $0.value, as: UTF8.self) })
        }
        return (found.ordered, front)
    }

    /// Brings the wanted state to the worker, and writes what it has settled.
    func transfer(_ round: inout Round, _ server: JobServer) throws(DriverFailure) {
        let (state, front) = wantedState()
        guard let front else { throw .store(FleetStoreError(.unavailable, "the store has no id yet")) }
        var transfer = StateTransfer(state, refused: round.refused)
        // A worker that refuses one part after the other is told less and less; then what has changed meanwhile comes first.
        for _ in 0...(state.loadBalancers.count + state.virtualIPs.count) {
            let answer = try ask(transfer.job(front: front), "UPDATE", &round, server, within: Self.changeLimit)
            switch transfer.take(answer) {
            case .settled:
                round.refused = transfer.refused
                round.names = transfer.names
                round.hasVirtualIPs = !state.virtualIPs.isEmpty
                round.told = []
                if !transfer.refused.isEmpty { round.offer = Deadline(in: context.intervals.offer) }
                if round.version == nil { try? discover(&round, server) }
                try settle(state.revision, &round)
                round.synced = state.revision
                return
            case .again:
                round.refused = transfer.refused
                if isOutdated(state.revision) { return }
            case .older(let newest, let sentence): return try catchUp(with: newest, state.revision, sentence)
            case .failed(let sentence): throw .worker(sentence, tried: state.revision)
            }
        }
    }

    /// Waits for a revision that the worker has already, which another server has brought.
    private func catchUp(with revision: Int, _ tried: Int, _ sentence: String) throws(DriverFailure) {
        let newest: Int
        do throws(FleetStoreError) {
            newest = try context.store.list("fleet/", most: 1).revision
        } catch {
            throw .store(error)
        }
        if newest >= revision, context.cache.wait(for: revision, within: .seconds(5)) { return }
        throw .worker(
            """
            the worker has revision \(revision) of this fleet, and the store is at \(newest): the store was restored from an older backup. Run \
            'lbaas-server fleet renew', and the workers take what the store has. (\(sentence))
            """, tried: tried)
    }

    /// Writes that the worker has everything up to a revision, and that it answers.
    func settle(_ revision: Int, _ round: inout Round) throws(DriverFailure) {
        let (old, host, wanted) = context.cache.read { ($0.settled[worker], $0.hosts[worker], $0.wanted[worker]?.revision ?? 0) }
        var transaction = StoreTransaction()
        let isKnown =
            old.map { old in
                max(wanted, newestDeletion()) <= old.record.revision && old.record.refused == round.refused
                    && old.record.hasVirtualIPs == round.hasVirtualIPs ?? old.record.hasVirtualIPs
            } ?? false
        if !isKnown, old.map({ $0.record.revision <= revision }) ?? true {
            let record = SettledRecord(
                revision: revision, time: Clock.now(), refused: round.refused,
                hasVirtualIPs: round.hasVirtualIPs ?? old?.record.hasVirtualIPs ?? false
            ).fitting(StoreLimits.valueSize)
            transaction.replace(FleetKey.settled(worker: worker).text, revision: old?.revision ?? 0, with: record.json)
        }
        let present = HostRecord(version: round.version ?? host?.record.version, driver: round.driver ?? host?.record.driver)
        if host?.record != present {
            transaction.replace(FleetKey.host(worker: worker).text, revision: host?.revision ?? 0, with: present.json)
            if host.map({ $0.record.away != nil }) ?? true { context.log.write(.info, "a worker is there", [("worker", worker)]) }
        }
        round.complaint = nil
        if !transaction.changes.isEmpty { try commit(transaction) }
        removeDeleted()
    }

    /// The revision of the newest deletion in the group of the worker that is not finished.
    private func newestDeletion() -> Int {
        context.cache.read { fleet in
            var newest = 0
            func note(_ revision: Int, _ loadBalancer: String) {
                guard let parent = fleet.loadBalancers[loadBalancer]?.record else { return }
                if fleet.workers(of: parent).contains(worker) { newest = max(newest, revision) }
            }
            for id in fleet.deleted[.loadBalancer] ?? [] { if let found = fleet.loadBalancers[id] { note(found.revision, id) } }
            for id in fleet.deleted[.listener] ?? [] {
                if let found = fleet.listeners[id] { note(found.revision, found.record.loadBalancer) }
            }
            for id in fleet.deleted[.pool] ?? [] { if let found = fleet.pools[id] { note(found.revision, found.record.loadBalancer) } }
            return newest
        }
    }

    /// Forgets a worker that is in no group any more, once it has nothing of the fleet.
    ///
    /// - Returns: whether it is such a worker, and there is nothing more to do.
    func leave(_ round: Round) throws(DriverFailure) -> Bool {
        let (records, isEmpty) = context.cache.read { fleet -> ([FleetKey: Int], Bool) in
            let wanted = fleet.wanted[worker]
            guard !fleet.isMember(worker), wanted?.loadBalancers.isEmpty ?? true, wanted?.virtualIPs.isEmpty ?? true else {
                return ([:], false)
            }
            guard let settled = fleet.settled[worker] else { return ([:], true) }
            if settled.record.hasVirtualIPs || settled.record.revision < wanted?.revision ?? 0 { return ([:], false) }
            var records: [FleetKey: Int] = [.settled(worker: worker): settled.revision]
            records[.host(worker: worker)] = fleet.hosts[worker]?.revision
            records[.operating(worker: worker)] = fleet.operating[worker]?.revision
            records[.claim(worker: worker)] = fleet.claims[worker]?.revision
            return (records, true)
        }
        if !records.isEmpty {
            var transaction = StoreTransaction()
            for (key, revision) in records { transaction.delete(key.text, revision: revision) }
            try commit(transaction)
            context.log.write(.info, "a worker is in no group any more, and has nothing of the fleet", [("worker", worker)])
        }
        return isEmpty
    }

    /// Settles deletions of what the worker never had.
    func settleDeletions(_ round: Round) throws(DriverFailure) {
        let newest = newestDeletion()
        if newest == 0 { return }
        let old = context.cache.read { $0.settled[worker] }
        if let old, old.record.revision < newest, let synced = round.synced {
            // Nothing of what the worker has was changed up to this revision.
            let (revision, wanted) = context.cache.read { ($0.revision, $0.wanted[worker]?.revision ?? 0) }
            if wanted > synced { return }
            var transaction = StoreTransaction()
            var record = old.record
            (record.revision, record.time) = (revision, Clock.now())
            transaction.replace(FleetKey.settled(worker: worker).text, revision: old.revision, with: record.json)
            try commit(transaction)
        }
        removeDeleted()
    }

    /// Removes the records of what is deleted everywhere.
    private func removeDeleted() {
        for transaction in context.cache.read({ $0.finishedDeletions() }) { _ = try? context.store.commit(transaction) }
    }

    func commit(_ transaction: StoreTransaction) throws(DriverFailure) {
        do throws(FleetStoreError) {
            let revision = try context.store.commit(transaction)
            _ = context.cache.wait(for: revision, within: .seconds(5))
        } catch {
            throw .store(error)
        }
    }

    /// Notes how the worker is. What fails is noted the next time.
    func note(_ record: HostRecord) {
        let old = context.cache.read { $0.hosts[worker] }
        var record = record
        // It is away since the first time.
        if record.away != nil { record.away = old?.record.away ?? record.away }
        record.version = record.version ?? old?.record.version
        record.driver = record.driver ?? old?.record.driver
        // The record itself makes a revision: a state that has nothing new is the one that was tried before.
        if let known = old?.record.failedRevision, record.failedRevision != nil, old?.record.lastError == record.lastError,
            known >= max(context.cache.read { $0.wanted[worker]?.revision ?? 0 }, newestDeletion())
        {
            record.failedRevision = known
        }
        if old?.record == record { return }
        var transaction = StoreTransaction()
        transaction.replace(FleetKey.host(worker: worker).text, revision: old?.revision ?? 0, with: record.json)
        try? commit(transaction)
    }
}

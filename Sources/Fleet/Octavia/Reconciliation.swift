import FleetModel
package import FleetStore
import HostSystem
import LBaaS

extension OctaviaAPI {
    /// Gives the workers what they are to have by the configuration, where the groups are others than they were: workers that are new in a group
    /// get its load balancers, and those that are not in it any more lose them. To be called once when a server starts. It waits for the
    /// store.
    ///
    /// Load balancers of a group that is not in the configuration stay as they are, and are logged.
    ///
    /// - Returns: how many load balancers were brought up to date.
    @discardableResult package func reconcile() throws(FleetStoreError) -> Int {
        var count = 0
        var orphans: Set<String> = []
        for id in cache.read({ $0.loadBalancers.ordered.map(\.record.head.id) }) {
            let (transaction, unknown) = cache.read { state -> (StoreTransaction, String?) in
                guard let (entry, _) = state.loadBalancer(id), entry.record.head.change != .delete else { return (StoreTransaction(), nil) }
                guard state.groups[entry.record.group] != nil else { return (StoreTransaction(), entry.record.group) }
                var edit = Edit(state, now: Clock.now())
                edit.reconcile(entry.record)
                return (edit.transaction, nil)
            }
            if let unknown { orphans.insert(unknown) }
            if transaction.changes.isEmpty { continue }
            do throws(FleetStoreError) {
                try store.commit(transaction, within: configuration.storeLimit)
                count += 1
            } catch {
                // Whoever changes it at the same time writes what it is to be.
                if error.code != .conflict { throw error }
            }
        }
        for group in orphans.sorted() {
            configuration.log.write(
                .warning, "there are load balancers of a group that is not in the configuration: they stay as they are", [("group", group)])
        }
        if count > 0 { configuration.log.write(.info, "the groups have changed", [("load_balancers", "\(count)")]) }
        return count
    }
}

extension Edit {
    /// Writes all parts of a load balancer that are not as they are to be.
    fileprivate mutating func reconcile(_ record: LoadBalancerRecord) {
        let workers = Set(state.workers(of: record))
        let address = record.address.description
        let isBound = state.groups[record.group]?.interface != nil
        for (worker, wanted) in state.wanted where !(workers.contains(worker) && isBound) {
            if let old = wanted.virtualIPs[address] { put(.wantedVirtualIP(worker: worker, address: address), nil, revision: old.revision) }
        }
        writeAddress(of: record)
        for listener in state.listeners(of: record.head.id) where listener.record.head.change != .delete {
            let id = listener.record.head.id
            for (worker, wanted) in state.wanted where !workers.contains(worker) {
                if let old = wanted.loadBalancers[id] {
                    put(.wantedLoadBalancer(worker: worker, listener: id), nil, revision: old.revision)
                }
            }
            write(listener.record, listener.record.defaultPool.flatMap { state.pools[$0]?.record }, of: record)
        }
    }
}

package import FleetStore
import LBaaS

extension FleetState {
    /// Transactions that remove what was deleted and is settled, with the addresses that are free then. To be carried out by whoever drives a
    /// worker, each time one has settled. Where two servers do, the later one gets a conflict, which means nothing.
    ///
    /// - Parameter most: the most transactions. Those behind them are there the next time.
    package func finishedDeletions(most: Int = 16) -> [StoreTransaction] {
        var found: [StoreTransaction] = []
        for id in deleted[.loadBalancer] ?? [] where found.count < most {
            guard let loadBalancer = loadBalancers[id], status(of: loadBalancer) == .gone else { continue }
            found.append(removal(of: loadBalancer))
        }
        for id in deleted[.listener] ?? [] where found.count < most {
            guard let listener = listeners[id], !isBelowDeleted(listener.record.loadBalancer), status(of: listener) == .gone else {
                continue
            }
            var transaction = StoreTransaction()
            remove(listener, in: &transaction)
            found.append(transaction)
        }
        for id in deleted[.pool] ?? [] where found.count < most {
            guard let pool = pools[id], !isBelowDeleted(pool.record.loadBalancer), status(of: pool) == .gone else { continue }
            var transaction = StoreTransaction()
            transaction.delete(FleetKey.object(.pool, id: id).text, revision: pool.revision)
            found.append(transaction)
        }
        return found
    }

    /// What is below a deleted load balancer is removed with it, or before.
    private func isBelowDeleted(_ loadBalancer: String) -> Bool { loadBalancers[loadBalancer]?.record.head.change == .delete }

    /// Removes what is below a load balancer, and itself where there is room in the transaction.
    package func removal(of loadBalancer: Stored<LoadBalancerRecord>) -> StoreTransaction {
        let record = loadBalancer.record
        var transaction = StoreTransaction()
        for id in (listenersOfLoadBalancer[record.head.id] ?? []).sorted() {
            guard let listener = listeners[id] else { continue }
            if !hasRoom(transaction, for: 1 + (statistics[id]?.count ?? 0)) { return transaction }
            remove(listener, in: &transaction)
        }
        for id in (poolsOfLoadBalancer[record.head.id] ?? []).sorted() {
            guard let pool = pools[id] else { continue }
            if !hasRoom(transaction, for: 1) { return transaction }
            transaction.delete(FleetKey.object(.pool, id: id).text, revision: pool.revision)
        }
        if !hasRoom(transaction, for: 2) { return transaction }
        transaction.delete(FleetKey.object(.loadBalancer, id: record.head.id).text, revision: loadBalancer.revision)
        if addresses[record.group]?[record.address] == record.head.id {
            transaction.delete(FleetKey.address(group: record.group, address: record.address.description).text)
        }
        return transaction
    }

    private func hasRoom(_ transaction: StoreTransaction, for keys: Int) -> Bool {
        transaction.changes.isEmpty || transaction.changes.count + keys <= StoreLimits.transactionKeys
    }

    /// Removes the record of a listener, and its counters as far as there is room for them.
    private func remove(_ listener: Stored<ListenerRecord>, in transaction: inout StoreTransaction) {
        let id = listener.record.head.id
        transaction.delete(FleetKey.object(.listener, id: id).text, revision: listener.revision)
        for worker in (statistics[id]?.keys.sorted() ?? []).prefix(StoreLimits.transactionKeys - 1) {
            transaction.delete(FleetKey.statistics(listener: id, worker: worker).text)
        }
    }
}
